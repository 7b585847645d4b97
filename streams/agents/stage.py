"""A stage: what an agent does with its frames. It loads a partition before its first frame and flushes all at once."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from streams.agents.place import Place
from streams.frames import decode
from streams.log import topics
from streams.model.errors import FrameError, LostFramesError
from streams.ports import EventLog
from streams.state.copy import StateCopy
from streams.state.flushing import has_output
from streams.state.loading import Shape
from streams.state.partition import Partition

logger = logging.getLogger(__name__)

TRIES = 3
"""So often a frame is applied before it counts as poison and is passed over."""


class Stage(Protocol):
    """What the agents need."""

    name: str

    async def apply(self, partition: int, offset: int, value: bytes, logged_ms: int) -> None:
        """Apply the record; bad data becomes a dead letter, only broken infrastructure raises."""
        ...

    def has_output(self) -> bool:
        """Say whether a flush would write more than a position."""
        ...

    async def flush(self) -> None:
        """Make everything applied so far durable."""
        ...

    def assign(self, numbers: Collection[int]) -> None:
        """Note that these partitions are this worker's, and no others."""
        ...

    async def settle(self) -> None:
        """Let go of partitions that are no longer assigned, and load those that are."""
        ...


class _Applied(NamedTuple):
    """A frame that was applied and is not durable yet; with a reason, one that was passed over."""

    offset: int
    value: bytes
    logged_ms: int
    reason: str


class EventsStage:
    """The events agent's stage: one `Place` per assigned partition."""

    name = "events"

    def __init__(self, log: EventLog, shape: Shape, copy_of: Callable[[int], StateCopy]) -> None:
        self._log = log
        self._shape = shape
        self._copy_of = copy_of
        self.assigned: frozenset[int] = frozenset()
        self.places: dict[int, Place] = {}
        self._applied: dict[int, list[_Applied]] = {}
        self._opening = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self._flushing_since_s = 0.0
        self._events_of_gone = 0

    @property
    def partitions(self) -> dict[int, Partition]:
        """The partitions that this process owns."""
        return {number: place.partition for number, place in self.places.items()}

    def durable_events(self) -> int:
        """Return how many events this process has made durable, also in partitions that have gone elsewhere since."""
        return self._events_of_gone + sum(place.flushed_events for place in self.places.values())

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

    @property
    def is_settled(self) -> bool:
        """Say whether all assigned partitions are loaded, and there are some."""
        return bool(self.assigned) and all(number in self.places for number in self.assigned)

    async def load(self, number: int) -> Partition | None:
        """Return the partition, taking it over the first time; None when it is no longer this worker's.

        Taking up one that has gone elsewhere would throw out its new owner.
        """
        async with self._opening:
            if number not in self.places and number in self.assigned:
                opened = Place(self._log, number, self._copy_of(number), self._shape)
                await opened.open()
                if number in self.assigned:
                    self.places[number] = opened
                    self._applied[number] = []
                else:
                    await opened.close()
        place = self.places.get(number)
        return place.partition if place else None

    async def apply(self, partition: int, offset: int, value: bytes, logged_ms: int) -> None:
        """Apply the frame; what is no frame, or fails for the third time, becomes a dead letter."""
        if partition not in self.assigned:
            return
        place = self.places.get(partition)
        target = place.partition if place else await self.load(partition)
        if target is None:
            return
        if offset > target.offset + 1:
            await self._check_gap(target, offset)
        reason = ""
        try:
            frame = decode(value)
        except FrameError as error:
            reason = str(error)
            _pass_over(target, offset, value, reason)
        else:
            try:
                target.apply(offset, frame, logged_ms)
            except Exception:
                logger.exception("frame %d of partition %d failed", offset, partition)
                reason = await self._retry(partition, offset, value, logged_ms)
        if partition in self._applied:
            self._applied[partition].append(_Applied(offset, value, logged_ms, reason))

    def has_output(self) -> bool:
        """Say whether any partition has something to write."""
        return any(has_output(p) for p in self.partitions.values())

    async def flush(self) -> None:
        """Make everything applied so far durable."""
        # A flush that is given up half-way has committed moves that nobody sends: it ends even if its flusher does not.
        await asyncio.shield(asyncio.create_task(self._flush_all(), name="flush"))

    def assign(self, numbers: Collection[int]) -> None:
        """Note that these partitions are this worker's, and no others."""
        self.assigned = frozenset(numbers)

    async def settle(self) -> None:
        """Flush and let go of partitions that are no longer assigned, and load those that are."""
        async with self._flushing:
            for number in [number for number in self.places if number not in self.assigned]:
                self._applied.pop(number)
                place = self.places.pop(number)
                await place.close()
                self._events_of_gone += place.flushed_events
        for number in sorted(self.assigned):
            await self.load(number)

    async def _flush_all(self) -> None:
        async with self._flushing:
            self._flushing_since_s = asyncio.get_running_loop().time()
            flushes = [self._flush(number) for number in list(self.places)]
            # All of them end before anything is let go, also when one fails.
            purges = sum(place.purges for place in self.places.values())
            for result in await asyncio.gather(*flushes, return_exceptions=True):
                if result is not None:
                    raise result
            if purges != sum(place.purges for place in self.places.values()):
                await self._drop_copies_of_others()

    async def _drop_copies_of_others(self) -> None:
        """Forget what is left here of partitions that other workers have: erasures do not reach it."""
        async with self._opening:
            for number in range(self._shape.partitions):
                if number not in self.places and number not in self.assigned:
                    copy = self._copy_of(number)
                    copy.clear()
                    await asyncio.to_thread(copy.purge)

    async def _check_gap(self, target: Partition, offset: int) -> None:
        """Raise LostFramesError when frames were passed over that the log still has."""
        first, _ = await self._log.bounds(topics.EVENTS, target.number)
        expected = target.offset + 1
        if not first <= expected < offset:
            return
        # An erasure on Kafka leaves offsets without records.
        found = await self._log.read(topics.EVENTS, target.number, expected, 1)
        if found and found[0].offset < offset:
            raise LostFramesError(
                f"partition {target.number}: frame {offset} came after {target.offset}; a restart reads those between"
            )

    async def _flush(self, number: int) -> None:
        place = self.places[number]
        if place.partition.is_whole and place.partition.offset > place.flushed_offset:
            count = len(self._applied[number])
            await place.flush()
            # Frames applied while the flush was under way belong to the next.
            del self._applied[number][:count]

    async def _retry(self, number: int, offset: int, value: bytes, logged_ms: int) -> str:
        """Start over from what is committed, since a fault in the middle of a frame has torn the partition.

        Returns why the frame was passed over in the end, or nothing.
        """
        reason = ""
        for attempt in range(2, TRIES + 1):
            try:
                if again := await self._rewound(number):
                    again.apply(offset, decode(value), logged_ms)
            except Exception as error:
                logger.exception("frame %d of partition %d failed, attempt %d", offset, number, attempt)
                reason = f"failed {TRIES} times: {type(error).__name__}: {error}"
            else:
                return ""
        if again := await self._rewound(number):
            _pass_over(again, offset, value, reason)
        return reason

    async def _rewound(self, number: int) -> Partition | None:
        """Return the partition as it was before the frame that failed; None when it has gone elsewhere."""
        async with self._flushing:
            place = self.places.get(number)
            if place is None:
                return None
            await place.reload()
            for done in self._applied[number]:
                if done.reason:
                    _pass_over(place.partition, done.offset, done.value, done.reason)
                else:
                    place.partition.apply(done.offset, decode(done.value), done.logged_ms)
            return place.partition


def _pass_over(partition: Partition, offset: int, value: bytes, reason: str) -> None:
    # What was delivered again is buried already.
    if offset <= partition.offset:
        return
    partition.bury("", "", reason, value)
    partition.skip(offset)
