"""Laws of log time: it may be told as often as one likes, and what comes late is counted beside what has gone."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.frames import Frame, FrameKind
from streams.model.events import Event, ProfileKeys
from streams.operators.rollups import Rollups
from tests.laws.engine_kit import straight_run
from tests.strategies import START_MS, frame_lists

HOUR_MS = 3_600_000


def told_more_often(frames: list[Frame], shares: list[float]) -> list[Frame]:
    """Put a tick before each frame, at a share of the time that passes up to it."""
    told, now_ms = [], START_MS
    for frame, share in zip(frames, shares, strict=True):
        next_ms = min([frame.clock_ms, *(event.received_ms for event in frame.events)])
        if next_ms > now_ms:
            told.append(Frame(FrameKind.TICK, now_ms + int((next_ms - now_ms) * share)))
        told.append(frame)
        now_ms = max(now_ms, frame.clock_ms)
    return told


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists(), data=st.data())
def test_how_often_the_time_is_told_changes_no_state_and_no_trigger(frames, data):
    shares = data.draw(st.lists(st.floats(0, 1), min_size=len(frames), max_size=len(frames)))

    async def law():
        one, two = await straight_run(frames), await straight_run(told_more_often(frames, shares))
        assert one.states() == two.states()
        assert await one.triggers() == await two.triggers()

    asyncio.run(law())


def late_event(number: int, at_ms: int, received_ms: int) -> Event:
    keys = ProfileKeys(user_id="ada")
    return Event(f"m{number}", "default", "web", "user:ada", "page_viewed", at_ms, received_ms, keys)


@settings(max_examples=100, deadline=None)
@given(hours=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=12))
def test_every_late_event_stands_in_the_sum_of_its_buckets_parts(hours):
    totals, clock_ms = Rollups(0), START_MS
    published, counted = {}, Counter()
    for offset, (passed, age, flushes) in enumerate(hours):
        clock_ms += passed * HOUR_MS
        at_ms = (START_MS // HOUR_MS + passed - age) * HOUR_MS
        totals.add(late_event(offset, at_ms, clock_ms), offset, clock_ms)
        counted[at_ms] += 1
        if flushes:
            published |= {(r.bucket_ms, r.part): r.count for r in totals.take_changes(clock_ms).rollups}
    published |= {(r.bucket_ms, r.part): r.count for r in totals.take_changes(clock_ms).rollups}
    summed = Counter()
    for (bucket_ms, _), count in published.items():
        summed[bucket_ms] += count
    assert summed == counted
