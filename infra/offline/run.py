"""A run: partitions of the engine fed by somebody else than Faust. Nothing of what it makes leaves the process."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import count
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from streams.frames import Frame, FrameKind
from streams.model.alerts import Alert
from streams.model.dead_letters import DeadLetter
from streams.model.profile import ProfileState
from streams.model.rollups import Rollup
from streams.model.triggers import Trigger
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.partition import Partition


class Listeners(NamedTuple):
    """Who hears what a run makes. Triggers come by time, then workspace and profile, whatever the partitions are, and
    each id once: the ledger keeps the first, too.
    """

    on_trigger: Callable[[Trigger], None]
    on_letter: Callable[[DeadLetter], None]
    on_alert: Callable[[Alert], None]
    on_rollups: Callable[[Sequence[Rollup]], None] | None = None


class Run:
    """`make` builds a partition over its copy. `apply` gives frames to it; offsets are the run's own."""

    def __init__(
        self, partitions: int, make: Callable[[int, MemoryCopy], Partition], listeners: Listeners, from_ms: int = 0
    ) -> None:
        """Triggers that fire before `from_ms` are not told."""
        self._copies = [MemoryCopy() for _ in range(partitions)]
        self.partitions = [make(number, copy) for number, copy in enumerate(self._copies)]
        self.offsets = count()
        self.counts: Counter[str] = Counter()
        self._listeners = listeners
        self._from_ms = from_ms
        self._held: list[Trigger] = []
        # Hashes of ids, which take half the room.
        self._told: set[int] = set()

    @property
    def clock_ms(self) -> int:
        """How late it is in the partition that is furthest."""
        return max(partition.clock_ms for partition in self.partitions)

    def apply(self, number: int, frame: Frame, logged_ms: int = 0) -> None:
        """Apply the next frame of a partition."""
        self.partitions[number].apply(next(self.offsets), frame, logged_ms)

    def advance(self, to_ms: int) -> None:
        """Let the time pass in all partitions."""
        for partition in self.partitions:
            if to_ms > partition.clock_ms:
                self.apply(partition.number, Frame(FrameKind.TICK, to_ms))

    def drain(self) -> None:
        """Let the time pass until no window is open any more."""
        while due := self._due():
            # What was due before now runs as soon as the clock moves at all.
            self.advance(max(min(due), self.clock_ms + 1))

    def _due(self) -> list[int]:
        for partition in self.partitions:
            partition.settle()
        return [partition.timers.next_ms for partition in self.partitions if partition.timers.next_ms]

    def tidy(self, done_ms: int) -> None:
        """Call now and then, between two frames: tells what fired before `done_ms`, and keeps memory bounded."""
        for partition in self.partitions:
            self._collect(partition)
            partition.seen_chunks.take_records()
            partition.seen.mark_written()
            self._pack(partition)
        self._tell(done_ms)

    def finish(self) -> None:
        """Tell what is still to be told."""
        for partition in self.partitions:
            self._collect(partition)
        self._tell(None)

    def states(self) -> Iterator[ProfileState]:
        """Yield every profile by workspace and id."""
        for partition in self.partitions:
            self._pack(partition)
        scans = [copy.scan(codec.PROFILE_PREFIX) for copy in self._copies]
        return (codec.decode_profile(value) for _, value in merge(*scans))

    def _collect(self, partition: Partition) -> None:
        partition.settle()
        self._held += (trigger for trigger in partition.triggers if trigger.at_ms >= self._from_ms)
        for letter in partition.dead_letters:
            self._listeners.on_letter(letter)
        for alert in partition.alerts:
            self._listeners.on_alert(alert)
        partition.triggers, partition.dead_letters, partition.alerts = [], [], []
        changes = partition.totals.take_changes(partition.clock_ms)
        if self._listeners.on_rollups and changes.rollups:
            self._listeners.on_rollups(changes.rollups)

    def _tell(self, done_ms: int | None) -> None:
        # Stable, so that what a profile fires in one moment stays in its order.
        self._held.sort(key=lambda trigger: (trigger.at_ms, trigger.workspace, trigger.profile))
        kept = 0 if done_ms is None else sum(trigger.at_ms >= done_ms for trigger in self._held)
        told = self._held[: len(self._held) - kept]
        del self._held[: len(told)]
        for trigger in told:
            known = xxh3_64_intdigest(trigger.id.encode())
            if known in self._told:
                continue
            self._told.add(known)
            self.counts[trigger.rule] += 1
            self._listeners.on_trigger(trigger)

    def _pack(self, partition: Partition) -> None:
        """Move profiles that changed into the copy."""
        changes = partition.profiles.take_dirty()
        partition.profiles.flushed(changes)
        self._copies[partition.number].write(changes.items(), 0, partition.clock_ms)
        partition.profiles.forget_unsaved(changes)
