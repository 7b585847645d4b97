"""Robots that the source wants uncounted: they can be seen, and move nothing."""

from streams.frames import Frame, FrameKind
from streams.model.events import BOT, UNCOUNTED, Event, Provenance
from streams.model.profile import ProfileState
from streams.model.rollups import BOTS
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event, kettle

HOUR_MS = 3_600_000
ROBOT = Provenance(flags=(BOT, UNCOUNTED))
TAGGED = Provenance(flags=(BOT,))


def visit(n: int, provenance: Provenance | None, **more) -> Event:
    return event("product_added", NOW_MS + n, f"m{n}", properties=kettle(), provenance=provenance, **more)


async def run_of(*frames: list[Event]) -> Run:
    run = Run()
    run.apply([Frame(FrameKind.EVENTS, NOW_MS, events) for events in frames])
    return run


def counted(run: Run) -> dict[str, int]:
    totals: dict[str, int] = {}
    for rollup in run.partition.totals.take_changes(run.partition.clock_ms).rollups:
        totals[rollup.series.event] = totals.get(rollup.series.event, 0) + rollup.count
    return totals


async def test_a_robot_opens_no_window_and_has_no_profile():
    run = await run_of([visit(1, ROBOT)])
    run.apply([Frame(FrameKind.TICK, NOW_MS + 9 * HOUR_MS)], 1)
    await run.flush()
    assert await run.triggers() == {}
    assert run.partition.profiles.get("default\x1fuser:ada") == ProfileState("default", "user:ada")


async def test_robots_are_counted_by_themselves():
    run = await run_of([visit(1, ROBOT), visit(2, None), visit(3, ROBOT)], [visit(4, ROBOT)])
    assert counted(run) == {BOTS: 3, "product_added": 1}


async def test_a_robots_repeat_is_counted_once():
    run = await run_of([visit(1, ROBOT)], [visit(1, ROBOT), visit(2, None)])
    assert counted(run) == {BOTS: 1, "product_added": 1}
    assert run.partition.duplicates == 1


async def test_a_robot_that_is_only_tagged_counts_like_anybody():
    assert counted(await run_of([visit(1, TAGGED)])) == {"product_added": 1}


async def test_robots_are_no_visitors():
    run = await run_of([visit(1, ROBOT), visit(2, ROBOT)])
    run.partition.clock_ms += HOUR_MS
    assert run.partition.totals.take_changes(run.partition.clock_ms).sketches == []


async def test_where_robots_stand_among_others_changes_nothing_for_those():
    with_robots = await run_of([visit(1, None), visit(2, ROBOT), visit(3, None)])
    without = await run_of([visit(1, None), visit(3, None)])
    for run in (with_robots, without):
        run.partition.settle()
    key = "default\x1fuser:ada"
    assert with_robots.partition.profiles.get(key) == without.partition.profiles.get(key)
    assert counted(with_robots) == counted(without) | {BOTS: 1}
