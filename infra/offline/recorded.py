"""Frames that were in a log, applied as they were recorded: ticks, moves and controls included.

Without rules of its own, a run repeats what the platform did: what partitions tell each other is in the log, and what
the replayed ones would tell is dropped. With other rules (a what-if, a recompute) the ids of a person still find
together where the log says they did, but the state that travels then is the one made anew: recorded moves keep their
place and get the body that the replayed sender has made. What rules decide altogether (companies' members, products'
news) is told at once instead, and the recorded moves of that kind, as rule changes, are passed over.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from infra.offline.run import Listeners, Run
from infra.offline.sources import FrameSource
from streams.frames import Frame, FrameKind, decode
from streams.model.control import ControlKind
from streams.model.errors import FrameError
from streams.model.ids import partition_for
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.rules.ruleset import RuleSet
from streams.operators.rollups import Rollups
from streams.operators.rulebook import RuleBook
from streams.operators.seen_ids import SeenIds
from streams.ports import LogRecord
from streams.state.copy import MemoryCopy
from streams.state.outbox import Outbox
from streams.state.partition import Partition
from streams.state.profile_store import ProfileStore

_TIDY_FRAMES = 256
_HERE: Final = -(1 << 62)
"""Stands for the sender of moves that were in no log."""
_FOR_EVER: Final = 1 << 62
_CARRY_STATE = frozenset({MoveKind.ABSORB, MoveKind.RESTORE})
_BY_RULES = frozenset({MoveKind.MEMBER, MoveKind.INTEREST, MoveKind.NOTIFY})
_BY_RULES_HERE = frozenset({ControlKind.RULES, ControlKind.RECOMPUTE})

_Route: TypeAlias = tuple[MoveKind, str, str, str]


class Rules(NamedTuple):
    """`default` holds for workspaces that have adopted nothing. `instead`: hold these, whatever the log says: by
    workspace, and `default` for all others.
    """

    default: RuleSet
    instead: Mapping[str, RuleSet] | None = None

    def book(self) -> RuleBook:
        """Return the rules that a partition begins with."""
        book = RuleBook(self.default)
        for workspace, rules in (self.instead or {}).items():
            book.adopt(workspace, _FOR_EVER, msgspec.json.encode(rules))
        return book


class _Recorded(Outbox):
    """Takes what the log holds and sends nothing: that is in the log, too."""

    def put(self, moves: Iterable[Move]) -> None:
        pass

    def lacks(self, batch: MoveBatch) -> bool:  # noqa: ARG002  the other outbox waits for some
        return False


class _Remade(Outbox):
    """Takes what the log holds in the form that the replayed senders give to it."""

    def __init__(self, number: int, partitions: int, made: dict[_Route, deque[bytes]], at_once: deque[Move]) -> None:
        super().__init__(number, partitions)
        self._made = made
        self._at_once = at_once

    def put(self, moves: Iterable[Move]) -> None:
        for move in moves:
            if move.kind in _CARRY_STATE:
                self._made.setdefault(_route(move), deque()).append(move.body)
            elif move.kind in _BY_RULES:
                self._at_once.append(move)

    def accept(self, batch: MoveBatch) -> tuple[Move, ...]:
        if batch.partition == _HERE:
            return batch.moves
        return tuple(
            self._remade(move)
            for move in super().accept(batch)
            if move.kind not in _BY_RULES and move.kind is not MoveKind.RESCORE
        )

    def lacks(self, batch: MoveBatch) -> bool:
        """Say whether the batch carries state that its sender has not made anew yet."""
        fresh = batch.moves[max(0, self.taken.get(batch.partition, 0) - batch.first + 1) :]
        wanted = Counter(_route(move) for move in fresh if move.kind in _CARRY_STATE)
        return any(len(self._made.get(route, ())) < number for route, number in wanted.items())

    def _remade(self, move: Move) -> Move:
        bodies = self._made.get(_route(move)) if move.kind in _CARRY_STATE else None
        if not bodies:
            return move
        body = bodies.popleft()
        if not bodies:
            del self._made[_route(move)]
        return replace(move, body=body)


class _Next(NamedTuple):
    record: LogRecord
    frame: Frame | None
    reason: str


class RecordedRun:
    """Replays one source. Partitions advance by log time, and each waits for the moves that come to it."""

    def __init__(
        self,
        source: FrameSource,
        rules: Rules,
        listeners: Listeners,
        from_ms: int = 0,
        progress: Callable[[int, str], None] | None = None,
    ) -> None:
        """Triggers that fire before `from_ms` are not told."""
        made: dict[_Route, deque[bytes]] = {}
        self._at_once: deque[Move] = deque()
        self._source = source
        self._keeps_rules = rules.instead is not None
        self._progress = progress
        self._outboxes: list[_Recorded | _Remade] = []

        def make(number: int, copy: MemoryCopy) -> Partition:
            outbox: _Recorded | _Remade = _Recorded(number, source.partitions)
            if self._keeps_rules:
                outbox = _Remade(number, source.partitions, made, self._at_once)
            self._outboxes.append(outbox)
            return Partition(number, rules.book(), ProfileStore(copy), Rollups(number), SeenIds(), outbox)

        self.run = Run(source.partitions, make, listeners, from_ms)
        self._waiting: dict[int, deque[LogRecord]] = {n: deque() for n in range(source.partitions)}
        self._heads: dict[int, _Next] = {}
        self._frames = 0

    async def replay(self, until_ms: int | None = None, *, drain: bool = False) -> Run:
        """Apply all frames, then let the time run on to `until_ms`, and on until all windows are closed."""
        for number in range(self._source.partitions):
            await self._fetch(number)
        ready = [(head.record.timestamp_ms, number) for number, head in self._heads.items()]
        heapify(ready)
        held: list[tuple[int, int]] = []
        while ready or held:
            if ready:
                place = heappop(ready)
                if self._must_wait(place[1]):
                    held.append(place)
                    continue
            else:
                # Who should send it is not in the range: what was recorded has to do.
                place = min(held)
                held.remove(place)
            number = place[1]
            self._apply(number)
            if await self._fetch(number):
                heappush(ready, (self._heads[number].record.timestamp_ms, number))
            for other in [one for one in held if not self._must_wait(one[1])]:
                held.remove(other)
                heappush(ready, other)
        return self._finish(until_ms, drain=drain)

    def _finish(self, until_ms: int | None, *, drain: bool) -> Run:
        if until_ms:
            self.run.advance(until_ms)
        if drain:
            self.run.drain()
        self._tell_at_once()
        self.run.finish()
        return self.run

    async def _fetch(self, number: int) -> bool:
        waiting = self._waiting[number]
        if not waiting:
            waiting.extend(await self._source.read(number))
        if not waiting:
            self._heads.pop(number, None)
            return False
        record = waiting.popleft()
        try:
            self._heads[number] = _Next(record, decode(record.value or b""), "")
        except FrameError as error:
            self._heads[number] = _Next(record, None, str(error))
        return True

    def _must_wait(self, number: int) -> bool:
        frame = self._heads[number].frame
        return frame is not None and frame.moves is not None and self._outboxes[number].lacks(frame.moves)

    def _apply(self, number: int) -> None:
        record, frame, reason = self._heads[number]
        if frame is None:
            partition = self.run.partitions[number]
            partition.bury("", "", reason, record.value or b"")
            # The letter is collected with the next frame.
            frame = Frame(FrameKind.TICK, partition.clock_ms)
        elif self._keeps_rules and frame.control is not None and frame.control.kind in _BY_RULES_HERE:
            frame = Frame(FrameKind.TICK, frame.clock_ms)
        self.run.apply(number, frame, record.timestamp_ms)
        self._tell_at_once()
        self._frames += 1
        if self._frames % _TIDY_FRAMES == 0:
            behind = [self.run.partitions[n].clock_ms for n in self._heads]
            self.run.tidy(min(behind, default=self.run.clock_ms))
            if self._progress:
                self._progress(self._frames, "frames")

    def _tell_at_once(self) -> None:
        while self._at_once:
            move = self._at_once.popleft()
            target = partition_for(move.workspace, move.target, self._source.partitions)
            self.run.apply(target, Frame(FrameKind.MOVES, 0, moves=MoveBatch(_HERE, 0, (move,))))


def _route(move: Move) -> _Route:
    return (move.kind, move.workspace, move.source, move.target)
