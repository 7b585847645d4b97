"""Runs frames through a partition over a memory log, and reads what came out."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from streams.frames import Frame, decode
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.profiles import ProfileState
from streams.model.triggers import Trigger
from streams.operators.pipeline import Pipeline, Rules
from streams.state.partition import Partition

PIPELINE = Pipeline(Rules())


@dataclass
class Run:
    """A partition and the log behind it."""

    log: MemoryEventLog = field(default_factory=lambda: MemoryEventLog(1))
    partition: Partition = field(default_factory=lambda: Partition(0, 1, PIPELINE))

    def apply(self, frames: list[Frame], start: int = 0) -> None:
        for offset, frame in enumerate(frames[start:], start):
            self.partition.apply(offset, frame)

    async def flush(self) -> None:
        flush = self.partition.take_flush()
        await self.log.append(flush.outputs)
        await self.log.append(flush.state)
        self.partition.mark_flushed()

    async def crash_in_flush(self, written: Callable[[int], int]) -> None:
        """Die after `written(how many there are)` of the state records; come back from what is in the log."""
        flush = self.partition.take_flush()
        await self.log.append(flush.outputs)
        await self.log.append(flush.state[: written(len(flush.state))])
        await self.restart()

    async def restart(self) -> None:
        self.partition = Partition(0, 1, PIPELINE)
        await self.partition.load(self.log)

    async def triggers(self) -> dict[str, Trigger]:
        found = {}
        for record in await self.log.read(topics.TRIGGERS, 0, 0, 1_000_000):
            trigger = msgspec.msgpack.decode(record.value, type=Trigger)
            assert found.get(trigger.id, trigger) == trigger
            found[trigger.id] = trigger
        return found

    async def totals(self) -> dict[tuple, tuple[int, float]]:
        """The last published total of each (series, bucket, part), summed over parts."""
        last = {}
        for record in await self.log.read(topics.ROLLUPS, 0, 0, 1_000_000):
            for rollup in decode(record.value).rollups.rollups:
                last[rollup.series, rollup.bucket_ms, rollup.part] = (rollup.count, rollup.value)
        summed: dict[tuple, tuple[int, float]] = {}
        for (series, bucket, _), (count, value) in last.items():
            known = summed.get((series, bucket), (0, 0.0))
            summed[series, bucket] = (known[0] + count, known[1] + value)
        return summed

    def states(self) -> dict[str, ProfileState]:
        return {p.id: msgspec.structs.replace(p, applied_offset=0) for p in self.partition.profiles}

    async def everything(self) -> tuple:
        return self.states(), await self.triggers(), await self.totals()


async def straight_run(frames: list[Frame]) -> Run:
    """Apply all frames, flush once."""
    run = Run()
    run.apply(frames)
    await run.flush()
    return run
