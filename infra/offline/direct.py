"""Events that never were in a log, in order of receipt. What one profile tells another arrives before the next event,
so the result depends on the events alone, not on how they are cut into partitions and frames.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count

from infra.offline.run import Listeners, Run
from streams.frames import Frame, FrameKind
from streams.model.events import Event
from streams.model.ids import partition_for
from streams.model.moves import Move, MoveBatch
from streams.model.rules.ruleset import RuleSet
from streams.operators.rollups import Rollups
from streams.operators.rulebook import RuleBook
from streams.operators.seen_ids import DAY_MS, SeenIds
from streams.state.copy import MemoryCopy
from streams.state.outbox import Outbox
from streams.state.partition import Partition
from streams.state.profile_store import ProfileStore
from streams.state.settling import Entry, FrameMark, Span, settle

_FRAME_EVENTS = 256
_TIDY_FRAMES = 64


class _Mail(Outbox):
    """One queue for all partitions."""

    def __init__(self, number: int, partitions: int, queue: deque[Move]) -> None:
        super().__init__(number, partitions)
        self._queue = queue

    def put(self, moves: Iterable[Move]) -> None:
        self._queue.extend(moves)

    def accept(self, batch: MoveBatch) -> tuple[Move, ...]:
        return batch.moves


class _Delivery:
    """Brings moves to their targets until there are none."""

    def __init__(self, queue: deque[Move], partitions: "list[_InstantPartition]", offsets: Iterator[int]) -> None:
        self._queue = queue
        self._partitions = partitions
        self._offsets = offsets
        self._is_busy = False

    def run(self, now_ms: int) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        while self._queue:
            move = self._queue.popleft()
            owner = self._partitions[partition_for(move.workspace, move.target, len(self._partitions))]
            owner.deliver(move, now_ms, next(self._offsets))
        self._is_busy = False


class _InstantPartition(Partition):
    """Settles after each frame, and after each event when one tells others something, where a partition of the platform
    waits for its flush.
    """

    delivery: _Delivery

    def deliver(self, move: Move, now_ms: int, offset: int) -> None:
        if now_ms > self.clock_ms:
            self.clock_ms = now_ms
            self.settle()
        # A number of its own: totals that are late are named by it, and never added to once they are taken.
        self._apply_moves(MoveBatch(0, 0, (move,)), FrameMark(offset))

    def _apply(self, offset: int, frame: Frame) -> None:
        super()._apply(offset, frame)
        self.settle()

    def _settle_until(self, waiting: dict[str, list[Entry]], until_ms: int) -> None:
        due = self._pop_due(until_ms)
        together = {**dict.fromkeys(due, ()), **waiting}
        settled, failed = settle(self.rules, self.profiles, together, Span(self.settled_ms, until_ms))
        if failed is None and not settled.moves:
            self.settled_ms = until_ms
            self._take(settled)
            return
        for key in due:
            self.timers.schedule(key, self.settled_ms + 1)
        entries = [(key, entry) for key, entries in waiting.items() for entry in entries]
        for key, entry in sorted(entries, key=lambda found: found[1].number):
            self._settle_one(entry.clock_ms, {key: [_by_itself(entry)]})
        self._settle_one(until_ms, {})

    def _settle_one(self, now_ms: int, waiting: dict[str, list[Entry]]) -> None:
        until_ms, self.clock_ms = self.clock_ms, now_ms
        super()._settle_until(waiting, now_ms)
        self.delivery.run(now_ms)
        self.clock_ms = until_ms


def _by_itself(entry: Entry) -> Entry:
    """Return the event as if its frame held nothing else."""
    mark = FrameMark(entry.frame.offset)
    mark.clock_ms = entry.clock_ms
    return entry._replace(frame=mark)


class DirectRun:
    """Takes events in order of receipt."""

    def __init__(self, partitions: int, rules: RuleSet, listeners: Listeners) -> None:
        queue: deque[Move] = deque()

        def make(number: int, copy: MemoryCopy) -> Partition:
            mail = _Mail(number, partitions, queue)
            return _InstantPartition(number, RuleBook(rules), ProfileStore(copy), Rollups(number), SeenIds(), mail)

        self.run = Run(partitions, make, listeners)
        made = [partition for partition in self.run.partitions if isinstance(partition, _InstantPartition)]
        delivery = _Delivery(queue, made, self.run.offsets)
        for partition in made:
            partition.delivery = delivery
        self._count = partitions
        self._batch: list[Event] = []
        self._ids: set[str] = set()
        self._day = -1
        self._target = 0
        self._frames = count(1)

    def take(self, events: Iterable[Event]) -> None:
        """Take one line's events."""
        for event in events:
            target = partition_for(event.workspace, event.profile, self._count) if self._count > 1 else 0
            # Message ids are looked up for a frame at once; with none twice and no midnight in it, that is as good as
            # one by one.
            if (
                target != self._target
                or event.id in self._ids
                or event.received_ms // DAY_MS != self._day
                or len(self._batch) >= _FRAME_EVENTS
            ):
                self._apply()
                self._target, self._day = target, event.received_ms // DAY_MS
            self._batch.append(event)
            self._ids.add(event.id)

    def finish(self, until_ms: int | None, *, drain: bool) -> Run:
        """Apply what waits and let the time run on."""
        self._apply()
        run = self.run
        run.advance(max(run.clock_ms, until_ms or 0))
        if drain:
            run.drain()
        run.finish()
        return run

    def _apply(self) -> None:
        if not self._batch:
            return
        clock_ms = self._batch[-1].received_ms
        self.run.apply(self._target, Frame(FrameKind.EVENTS, clock_ms, self._batch))
        self._batch = []
        self._ids.clear()
        if next(self._frames) % _TIDY_FRAMES == 0:
            self.run.advance(clock_ms)
            self.run.tidy(clock_ms)
