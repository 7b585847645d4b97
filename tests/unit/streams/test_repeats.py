"""A message that comes again within seven days has no second effect, whoever was restarted meanwhile."""

import pytest

from streams.frames import Frame, FrameKind
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event

DAY_MS = 86_400_000


@pytest.mark.parametrize(("days", "counted"), [(0, 1), (6, 1), (8, 2)])
async def test_a_repeat_is_known_for_seven_days_also_after_a_restart(days, counted):
    run = Run()
    run.apply([Frame(FrameKind.EVENTS, NOW_MS, [event("seen")])])
    await run.flush()
    await run.restart()
    later_ms = NOW_MS + days * DAY_MS + 1
    run.partition.apply(1, Frame(FrameKind.EVENTS, later_ms, [event("seen", received_ms=later_ms)]))
    await run.flush()
    assert run.partition.profiles.get("default\x1fuser:ada").facts.events == counted
