"""A stage: what an agent does with its frames. It loads a partition before its first frame and flushes all at once."""

import asyncio
import logging
from typing import Protocol

import msgspec

from streams.frames import decode
from streams.log import topics
from streams.log.patience import append_patiently
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.operators.pipeline import Pipeline
from streams.ports import EventLog, NewRecord
from streams.state.partition import Partition

logger = logging.getLogger(__name__)


class Stage(Protocol):
    """What the agents need."""

    name: str

    async def apply(self, partition: int, offset: int, value: bytes) -> None:
        """Apply the record; bad data becomes a dead letter, only broken infrastructure raises."""
        ...

    def has_output(self) -> bool:
        """Say whether a flush would write more than a position."""
        ...

    async def flush(self) -> None:
        """Make everything applied so far durable."""
        ...


class EventsStage:
    """The events agent's stage: one `Partition` per assigned partition."""

    name = "events"

    def __init__(self, log: EventLog, pipeline: Pipeline) -> None:
        self._log = log
        self._pipeline = pipeline
        self.partitions: dict[int, Partition] = {}
        self._flushing = asyncio.Lock()
        self._flushing_since_s = 0.0

    @property
    def is_flushing(self) -> bool:
        """Say whether a flush is under way."""
        return self._flushing.locked()

    def is_flushing_since(self, seconds: float) -> bool:
        """Say whether one flush has been under way for longer than that."""
        return self.is_flushing and asyncio.get_running_loop().time() - self._flushing_since_s > seconds

    def place(self) -> int:
        """Return how many frames of all loaded partitions lie behind; it grows as long as the engine moves."""
        return sum(p.offset + 1 for p in self.partitions.values())

    async def load(self, number: int) -> Partition:
        """Return the partition, read back from its state topic the first time."""
        found = self.partitions.get(number)
        if found is None:
            found = Partition(number, self._log.partitions(topics.EVENTS), self._pipeline)
            await found.load(self._log)
            self.partitions[number] = found
            logger.info("partition %d loaded: %d profiles", number, len(found.profiles))
        return found

    async def apply(self, partition: int, offset: int, value: bytes) -> None:
        """Apply the frame; bytes that are no frame become a dead letter."""
        target = self.partitions.get(partition) or await self.load(partition)
        try:
            frame = decode(value)
        except FrameError as error:
            await append_patiently(self._log, [dead_frame(partition, value, error, target.clock_ms)])
            target.skip(offset)
            return
        target.apply(offset, frame)

    def has_output(self) -> bool:
        """Say whether any partition has something to write."""
        return any(p.has_output() for p in self.partitions.values())

    async def flush(self) -> None:
        """Write outputs, await them, write state."""
        async with self._flushing:
            self._flushing_since_s = asyncio.get_running_loop().time()
            moved = [p for p in self.partitions.values() if p.is_whole and p.offset > p.committed_offset]
            flushes = [p.take_flush() for p in moved]
            outputs = [record for flush in flushes for record in flush.outputs]
            if outputs:
                await append_patiently(self._log, outputs)
            state = [record for flush in flushes for record in flush.state]
            if state:
                await append_patiently(self._log, state)
            for partition in moved:
                partition.mark_flushed()


def dead_frame(partition: int, value: bytes, error: FrameError, at_ms: int) -> NewRecord:
    """Return the dead letter of bytes that are no frame."""
    letter = DeadLetter("", "", "engine", str(error), "", value, at_ms)
    return NewRecord(topics.DEAD_LETTERS, partition, None, msgspec.msgpack.encode(letter), at_ms)
