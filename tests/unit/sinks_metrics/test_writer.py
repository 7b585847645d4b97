"""MetricsWriter: nothing is committed before it is stored, nothing unreadable stops it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from sinks.metrics.writer import GROUP, MetricsWriter, begin_again, read_records
from streams.frames import encode_rollups, encode_tick
from streams.log.memory import MemoryEventLog
from streams.log.topics import ROLLUPS
from streams.model.errors import GroupInUseError, MetricRefusedError, MetricStoreError
from streams.model.rollups import Rollup, RollupBatch, Series, Sketch, SketchKind
from streams.operators.sketches import UniqueSketch
from streams.ports import LogRecord, NewRecord
from tests.unit.sinks_metrics.fakes_metrics import FlakyStore, ListDeadLetters, SetClock


def frame(count: int, bucket: int = 0) -> bytes:
    rollup = Rollup(Series("w", "purchase", "", "web", "USD"), bucket * 10_000, 0, 0, count, 2.0 * count)
    return encode_rollups(RollupBatch(0, 1, (rollup,)))


async def append(log: MemoryEventLog, *values: bytes) -> None:
    await log.append([NewRecord(ROLLUPS, 0, None, value, 77) for value in values])


class Bench:
    """A writer over a memory log, with everything around it."""

    def __init__(self, log: MemoryEventLog, *faults: Exception, **options: object) -> None:
        self.log = log
        self.store = FlakyStore(*faults)
        self.letters = ListDeadLetters()
        self.clock = SetClock(1_000_000_000)
        self.subscription = log.subscribe(GROUP, [ROLLUPS])
        self.writer = MetricsWriter(
            self.subscription, self.store, self.letters, self.clock, first_pause_s=0.01, **options
        )

    async def counts(self) -> list[int]:
        return [p.count for p in await self.store.query("w", 0, 10**9, 10_000)]

    async def committed(self) -> dict[int, int]:
        return await self.log.committed(GROUP, ROLLUPS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.writer.run())
        try:
            yield
        finally:
            self.writer.stop()
            await task

    async def close(self) -> None:
        await self.subscription.close()
        await self.store.close()


async def test_totals_are_stored_and_then_committed():
    bench = Bench(MemoryEventLog())
    await append(bench.log, frame(3), frame(5, bucket=1))
    async with bench.running():
        await bench.store.written.wait()
    assert await bench.counts() == [3, 5]
    assert (await bench.committed())[0] == 2
    await bench.close()


async def test_an_empty_store_is_filled_again_from_what_the_log_has_kept():
    log = MemoryEventLog(1)
    await begin_again(log)
    assert await log.committed(GROUP, ROLLUPS) == {}
    await append(log, frame(3), frame(5, bucket=1))
    for _ in range(2):
        bench = Bench(log)
        assert await bench.store.is_empty()
        await begin_again(log)
        async with bench.running():
            await bench.store.written.wait()
        assert await bench.counts() == [3, 5]
        await bench.close()


class HeldLog(MemoryEventLog):
    """A log as Kafka is: it moves a group only once its dead members are missed, here after some refusals."""

    def __init__(self, refusals: int) -> None:
        super().__init__(1)
        self.refusals = 0
        self._left = refusals

    async def commit(self, group: str, topic_name: str, offsets: Mapping[int, int]) -> None:
        if self.refusals < self._left:
            self.refusals += 1
            raise GroupInUseError("storing where metrics is")
        await super().commit(group, topic_name, offsets)


async def test_a_group_that_a_dead_process_holds_is_waited_for():
    log = HeldLog(3)
    await MemoryEventLog.commit(log, GROUP, ROLLUPS, {0: 7})
    await begin_again(log, pause_s=0)
    assert (await log.committed(GROUP, ROLLUPS), log.refusals) == ({0: 0}, 3)


async def test_a_group_that_another_process_has_keeps_its_place():
    log = HeldLog(100)
    await MemoryEventLog.commit(log, GROUP, ROLLUPS, {0: 7})
    await begin_again(log, attempts=5, pause_s=0)
    assert (await log.committed(GROUP, ROLLUPS), log.refusals) == ({0: 7}, 5)


async def test_sketches_are_stored_before_anything_is_committed():
    bench = Bench(MemoryEventLog())
    visitors = UniqueSketch()
    for count in (1, 2, 3):
        visitors.absorb([f"user:{count}"])
        sketch = Sketch("w", "event", "purchase", "", 0, 0, 0, SketchKind.UNIQUES, visitors.body())
        await append(bench.log, encode_rollups(RollupBatch(0, 1, (), (sketch,))))
    async with bench.running():
        await bench.store.sketched.wait()
        assert (await bench.committed()).get(0) in (None, 3)
    assert (await bench.committed())[0] == 3
    assert round((await bench.store.uniques("w", 0, 1)).total) == 3
    await bench.close()


async def test_only_the_newest_total_of_a_key_is_written():
    bench = Bench(MemoryEventLog())
    await append(bench.log, frame(3), frame(4), frame(9))
    async with bench.running():
        await bench.store.written.wait()
    assert await bench.counts() == [9]
    assert bench.store.batches == [1]
    await bench.close()


async def test_unreadable_records_become_dead_letters_and_the_rest_is_stored():
    bench = Bench(MemoryEventLog())
    await append(bench.log, b"junk", encode_tick(5), frame(3)[:-1], frame(3))
    async with bench.running():
        await bench.store.written.wait()
    assert [letter.raw for letter in bench.letters.letters] == [b"junk", encode_tick(5), frame(3)[:-1]]
    assert await bench.counts() == [3]
    await bench.close()


def test_a_dead_letter_says_where_and_why():
    (letter,) = read_records([LogRecord(ROLLUPS, 2, 41, None, b"junk", 77)]).letters
    assert (letter.stage, letter.source, letter.at_ms) == ("metrics", f"{ROLLUPS}[2]@41", 77)
    assert letter.reason.startswith("truncated")


async def test_a_store_out_of_reach_is_tried_again_and_named_meanwhile():
    bench = Bench(MemoryEventLog(), MetricStoreError("no route"), MetricStoreError("no route"))
    await append(bench.log, frame(3))
    async with bench.running():
        await bench.store.failed.wait()
        assert bench.writer.fault == "no route"
        assert await bench.committed() == {}
        await bench.store.written.wait()
    assert await bench.counts() == [3]
    assert bench.writer.fault is None
    await bench.close()


async def test_stopping_while_the_store_is_out_of_reach_commits_nothing():
    bench = Bench(MemoryEventLog(), *[MetricStoreError("no route")] * 1000)
    await append(bench.log, frame(3))
    async with bench.running():
        await bench.store.failed.wait()
    assert await bench.committed() == {}
    await bench.close()


async def test_totals_refused_for_good_are_left_out_and_the_writer_goes_on(caplog):
    refusal = MetricRefusedError("too many campaigns")
    bench = Bench(MemoryEventLog(), refusal, refusal)
    async with bench.running():
        for count, tried in ((3, bench.store.failed), (4, bench.store.failed), (5, bench.store.written)):
            bench.store.failed.clear()
            await append(bench.log, frame(count))
            await asyncio.wait_for(tried.wait(), 5)
    assert await bench.counts() == [5]
    assert (bench.writer.fault, (await bench.committed())[0]) == (None, 3)
    assert caplog.text.count("too many campaigns") == 1
    await bench.close()


async def test_any_other_fault_surfaces():
    bench = Bench(MemoryEventLog(), RuntimeError("bug"))
    await append(bench.log, frame(3))
    with pytest.raises(RuntimeError, match="bug"):
        await bench.writer.run()
    assert await bench.committed() == {}
    await bench.close()


async def test_old_totals_are_pruned_about_once_an_hour():
    pruned: asyncio.Queue[int] = asyncio.Queue()

    async def prune(before_ms: int) -> int:
        await pruned.put(before_ms)
        return 0

    bench = Bench(MemoryEventLog(), prune=prune, retention_ms=1_000)
    async with bench.running():
        assert await pruned.get() == 1_000_000_000 - 1_000
        bench.clock.at_ms += 3_599_999
        await append(bench.log, frame(1))
        await bench.store.written.wait()
        bench.clock.at_ms += 1
        assert await pruned.get() == 1_003_600_000 - 1_000
    assert pruned.empty()
    await bench.close()
