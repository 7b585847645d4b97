"""ViewProjector: the view holds what the state topic holds, also after restarts, gaps and damage."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from sinks.view.memory import MemoryProfileView
from sinks.view.projector import LeadChange, ViewProjector
from sinks.view.sqlite import SqliteProfileView
from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.log.topics import STATE
from streams.model.dead_letters import DeadLetter
from streams.model.profiles import ProfileState, ScoreState
from streams.ports import NewRecord
from streams.state.codec import encode_profile, profile_key

HALF_LIFE_MS = 1000


class Letters:
    def __init__(self) -> None:
        self.all: list[DeadLetter] = []

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.all += letters


def profile(name: str, points: float, partition: int = 0) -> NewRecord:
    state = ProfileState("w", name, score=ScoreState(points, 5))
    return NewRecord(STATE, partition, profile_key("w", name), encode_profile(state), 7)


def raw(key: bytes, value: bytes | None) -> NewRecord:
    return NewRecord(STATE, 0, key, value, 7)


COMMIT = raw(b"c:commit", b"not a profile")


class Bench:
    """A view and its projector over a memory log; `changes` is what the listener was told."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(2)
        self.view = MemoryProfileView(HALF_LIFE_MS)
        self.letters = Letters()
        self.changes: asyncio.Queue[LeadChange] = asyncio.Queue()

    def _tell(self, changes: list[LeadChange]) -> None:
        for change in changes:
            self.changes.put_nowait(change)

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[ViewProjector]:
        """Run a projector; what the log held before is in the view when the block begins."""
        projector = ViewProjector(self.log, self.view, self.letters, HALF_LIFE_MS, self._tell)
        task = asyncio.create_task(projector.run())
        await projector.caught_up.wait()
        try:
            yield projector
        finally:
            projector.stop()
            await task

    async def scores(self) -> dict[str, float]:
        return {r.profile: r.score for r in (await self.view.page("w", 500, 0)).leads}


async def test_the_view_holds_the_newest_state_of_every_profile():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 2, partition=1), profile("a", 3), COMMIT])
    async with bench.projecting() as projector:
        assert await bench.scores() == {"a": 3, "b": 2}
        assert await projector.lag() == 0


async def test_what_was_there_before_is_not_announced():
    bench = Bench()
    await bench.log.append([profile("a", 1)])
    async with bench.projecting():
        await bench.log.append([profile("a", 30)])
        change = await bench.changes.get()
    assert (change.row.score, change.state.score.points) == (30, 30)
    assert change.previous is not None
    assert change.previous.score == 1
    assert bench.changes.empty()


async def test_a_restart_goes_on_where_the_view_stands():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 1)])
    async with bench.projecting():
        pass
    await bench.view.apply([(await bench.view.get("w", "a"))._replace(score=99)])
    await bench.log.append([profile("b", 2)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 99, "b": 2}
    assert await bench.view.positions() == {0: 3}


async def test_a_view_of_another_log_is_projected_anew():
    bench = Bench()
    await bench.view.apply([], {0: 1000})
    await bench.log.append([profile("a", 1)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 1}
    assert await bench.view.positions() == {0: 1}


async def test_a_deleted_profile_leaves_the_view():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 2)])
    async with bench.projecting():
        await bench.log.append([raw(profile_key("w", "a"), None), profile("b", 3)])
        await bench.changes.get()
        assert await bench.scores() == {"b": 3}


async def test_damaged_records_become_dead_letters_and_the_rest_is_shown():
    bench = Bench()
    damaged = [raw(b"p:w\x1fx", b"\x01junk"), raw(b"p:w\x1fy", b"\x09"), raw(b"p:nobody", None)]
    await bench.log.append([*damaged, profile("a", 1)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 1}
    assert [(letter.stage, letter.raw) for letter in bench.letters.all] == [
        ("view", b"\x01junk"), ("view", b"\x09"), ("view", b""),
    ]  # fmt: skip
    assert "version" in bench.letters.all[1].reason


async def test_more_records_than_a_batch_are_all_projected():
    bench = Bench()
    await bench.log.append([profile(f"p{n}", n) for n in range(2_500)])
    async with bench.projecting():
        assert (await bench.view.page("w", 1, 0)).total == 2_500


async def test_offsets_that_were_compacted_away_do_not_hold_it_up():
    class Gappy(MemoryEventLog):
        """Its last record is gone, as a deleted key's is after a while."""

        async def read(self, topic_name, partition, offset, max_records):
            found = await super().read(topic_name, partition, offset, max_records)
            return [r for r in found if r.key != b"c:gone"]

    bench = Bench()
    bench.log = Gappy(2)
    await bench.log.append([profile("a", 1), raw(b"c:gone", None)])
    async with bench.projecting() as projector:
        assert await projector.lag() == 0
        await bench.log.append([profile("a", 2)])
        assert (await bench.changes.get()).row.score == 2


async def test_a_fault_of_the_listener_surfaces():
    bench = Bench()

    def broken(_: list[LeadChange]) -> None:
        raise RuntimeError("listener")

    projector = ViewProjector(bench.log, bench.view, bench.letters, HALF_LIFE_MS, broken)
    task = asyncio.create_task(projector.run())
    await projector.caught_up.wait()
    await bench.log.append([profile("a", 1)])
    with pytest.raises(RuntimeError, match="listener"):
        await task


async def test_file_to_file_the_view_follows_a_compacted_log_over_restarts(tmp_path):
    bench = Bench()
    bench.log = await EmbeddedEventLog(tmp_path / "log.db", 2).open()
    for at in range(3):
        bench.view = SqliteProfileView(tmp_path / "view.db", HALF_LIFE_MS)
        await bench.log.append(
            [profile("a", at), profile("b", at, partition=1), profile(f"c{at}", at), profile("a", 9 + at)]
        )
        async with bench.projecting():
            assert await bench.scores() == {"a": 9 + at, "b": at} | {f"c{n}": n for n in range(at + 1)}
        assert await bench.view.positions() == {0: 3 * (at + 1), 1: at + 1}
        await bench.view.close()
    await bench.log.close()
