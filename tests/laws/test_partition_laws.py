"""Laws of the partition: the same frames give the same output, however they were flushed, replayed or interrupted."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.engine_kit import Run, straight_run
from tests.strategies import frame_lists


@settings(max_examples=60, deadline=None)
@given(frames=frame_lists(), cuts=st.sets(st.integers(0, 11)))
def test_where_flushes_fall_changes_nothing(frames, cuts):
    async def law():
        run = Run()
        for offset, frame in enumerate(frames):
            run.partition.apply(offset, frame)
            if offset in cuts:
                await run.flush()
        await run.flush()
        assert await run.everything() == await (await straight_run(frames)).everything()

    asyncio.run(law())


@settings(max_examples=60, deadline=None)
@given(frames=frame_lists(), restarts=st.sets(st.integers(0, 11)))
def test_a_restart_at_any_frame_changes_nothing(frames, restarts):
    async def law():
        run = Run()
        for offset, frame in enumerate(frames):
            run.partition.apply(offset, frame)
            if offset in restarts:
                await run.flush()
                await run.restart()
        await run.flush()
        assert await run.everything() == await (await straight_run(frames)).everything()

    asyncio.run(law())


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists(min_size=2), data=st.data())
def test_a_crash_before_a_flush_is_durable_changes_nothing(frames, data):
    async def law():
        run = Run()
        flushed = data.draw(st.integers(0, len(frames) - 1), "frames flushed")
        died = data.draw(st.integers(flushed, len(frames)), "frames applied at the crash")
        run.apply(frames[:flushed])
        await run.flush()
        run.apply(frames[:died], flushed)
        await run.crash()
        # What was not committed is delivered again, and some of what was.
        run.apply(frames)
        await run.flush()
        assert await run.everything() == await (await straight_run(frames)).everything()

    asyncio.run(law())


@settings(max_examples=60, deadline=None)
@given(frames=frame_lists())
def test_frames_delivered_twice_count_once(frames):
    async def law():
        run = await straight_run(frames)
        before = await run.everything()
        run.apply(frames)
        await run.flush()
        assert await run.everything() == before

    asyncio.run(law())


@settings(max_examples=60, deadline=None)
@given(frames=frame_lists(), data=st.data())
def test_how_events_are_cut_into_frames_changes_no_state_and_no_trigger(frames, data):
    async def law():
        cut = []
        for frame in frames:
            at = data.draw(st.integers(0, len(frame.events)))
            if 0 < at < len(frame.events):
                head = type(frame)(frame.kind, frame.clock_ms, frame.events[:at])
                cut += [head, type(frame)(frame.kind, frame.clock_ms, frame.events[at:])]
            else:
                cut.append(frame)
        one, two = await straight_run(frames), await straight_run(cut)
        assert one.states() == two.states()
        assert await one.triggers() == await two.triggers()

    asyncio.run(law())
