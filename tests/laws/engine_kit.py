"""Runs frames through a partition over a memory log, and reads what came out."""

from dataclasses import dataclass, field

import msgspec

from streams.frames import Frame, decode
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.profile import ProfileState
from streams.model.rules.standard import default_rules
from streams.model.triggers import Trigger
from streams.state.copy import MemoryCopy
from streams.state.flushing import take_flush
from streams.state.loading import Shape, catch_up, new_partition, restore
from streams.state.partition import Partition

SHAPE = Shape(1, default_rules())


@dataclass
class Run:
    """A partition and the log behind it. `hot_profiles` small: profiles go cold and come back all the time."""

    log: MemoryEventLog = field(default_factory=lambda: MemoryEventLog(1))
    shape: Shape = SHAPE
    copy: MemoryCopy = field(default_factory=MemoryCopy)
    partition: Partition = field(init=False)

    def __post_init__(self) -> None:
        self.partition = new_partition(0, self.copy, self.shape)

    def apply(self, frames: list[Frame], start: int = 0) -> None:
        for offset, frame in enumerate(frames[start:], start):
            self.partition.apply(offset, frame)

    async def flush(self) -> None:
        flush = take_flush(self.partition, 1)
        await self.log.append(flush.records)
        self.partition.seen.mark_written()

    async def crash(self) -> None:
        """Lose what a flush had taken and not written, or what was never taken; come back from the log."""
        take_flush(self.partition, 1)
        await self.restart()

    async def restart(self, *, keep_copy: bool = False) -> None:
        self.copy = self.copy if keep_copy else MemoryCopy()
        await catch_up(self.log, 0, self.copy)
        self.partition = new_partition(0, self.copy, self.shape)
        restore(self.partition, self.copy)

    async def triggers(self) -> dict[str, Trigger]:
        found = {}
        for record in await self.log.read(topics.TRIGGERS, 0, 0, 1_000_000):
            trigger = msgspec.msgpack.decode(record.value, type=Trigger)
            assert trigger.id not in found
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
        return {p.id: p for p in self.partition.profiles}

    async def everything(self) -> tuple:
        triggers = await self.triggers()
        return self.states(), list(triggers.items()), await self.totals()


async def straight_run(frames: list[Frame], shape: Shape = SHAPE) -> Run:
    """Apply all frames, flush once."""
    run = Run(shape=shape)
    run.apply(frames)
    await run.flush()
    return run
