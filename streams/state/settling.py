"""Settling: what was collected for each profile is folded into its state, profile by profile.

A profile is fetched, stepped through all that waits for it and packed once, however many events that are. What comes
out is put into the order in which the log has it, so that where the cuts fall shows nowhere.
"""

import logging
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError, RuleFailedError
from streams.model.events import Event
from streams.model.profile import ProfileState
from streams.operators.identity.nodes import forwarding
from streams.operators.pipeline import Pipeline
from streams.operators.rulebook import RuleBook
from streams.state import codec
from streams.state.profile_store import ProfileStore
from streams.state.record_sizes import shortened

if TYPE_CHECKING:
    from streams.model.moves import Move
    from streams.model.triggers import Trigger

logger = logging.getLogger(__name__)

Order: TypeAlias = tuple[int, int, int, str]
"""Where a step lies in the log: log time, one of the kinds below, the event's number or when the timer was due, key."""

_TIMER, EVENT, _OVERDUE = range(3)
"""At one log time timers come first, then events, then timers set so late that they were due already."""
_encode = msgspec.msgpack.Encoder().encode
_order = itemgetter(0)


class FrameMark:
    """The frame that events came in: its offset, and how late it was when all of it was applied."""

    __slots__ = ("clock_ms", "offset")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.clock_ms = 0


class Entry(NamedTuple):
    """An event that waits for its profile: `clock_ms` is log time as it was applied, `number` counts them."""

    clock_ms: int
    number: int
    event: Event
    frame: FrameMark


class Span(NamedTuple):
    """The log time that a settling covers. `since_ms` is where the last one ended, `limit` where this one must stop."""

    since_ms: int
    until_ms: int
    limit: Order | None = None


class FailedStep(Exception):  # noqa: N818  it is not an error yet
    """The step at `order` failed by a rule's fault."""

    def __init__(self, order: Order, workspace: str, error: RuleFailedError) -> None:
        super().__init__(str(error))
        self.order = order
        self.workspace = workspace
        self.error = error


class Settled:
    """What one settling gives: new packed profiles and their next timers, and what is told, each with its order."""

    def __init__(self) -> None:
        self.profiles: dict[str, bytes] = {}
        self.due: dict[str, int] = {}
        self.triggers: list[tuple[Order, tuple[Trigger, ...]]] = []
        self.moves: list[tuple[Order, tuple[Move, ...]]] = []
        self.letters: list[tuple[Order, DeadLetter]] = []
        self.sessions: list[tuple[Order, Entry]] = []

    def sort(self) -> None:
        """Put what is told into the order of the log."""
        for told in (self.triggers, self.moves, self.letters, self.sessions):
            told.sort(key=_order)


def settle(
    rules: RuleBook, store: ProfileStore, waiting: Mapping[str, Sequence[Entry]], span: Span
) -> tuple[Settled, FailedStep | None]:
    """Fold all that waits, up to the first step that a rule fails at, which is returned, too.

    It does not show in the store, the rules or `waiting`.
    """
    failed: FailedStep | None = None
    while True:
        folding = _Folding(rules, store, span)
        try:
            for key, entries in waiting.items():
                folding.fold(key, entries)
        except FailedStep as earlier:
            # Profiles are folded one by one, so a step of another that was folded already may lie behind this one.
            failed = earlier
            span = _before(span, earlier.order)
        else:
            folding.settled.sort()
            return folding.settled, failed


def rest_after(
    waiting: Mapping[str, Sequence[Entry]], failed: FailedStep, span: Span
) -> tuple[dict[str, list[Entry]], Span]:
    """Return what waits at and behind the step that failed, and its span."""
    clock_ms, kind, _, _ = order = failed.order
    rest = {key: [entry for entry in entries if order_of(entry) >= order] for key, entries in waiting.items()}
    # A timer that is due then is none that is overdue.
    return rest, Span(clock_ms - 1 if kind == _TIMER else clock_ms, span.until_ms)


def order_of(entry: Entry) -> Order:
    """Return where an event lies."""
    return entry.clock_ms, EVENT, entry.number, ""


def _before(span: Span, limit: Order) -> Span:
    clock_ms, kind, _, _ = limit
    # What is overdue at a time runs when the time passes on.
    return Span(span.since_ms, clock_ms + (kind == _OVERDUE), limit)


class _Folding:
    """One pass over profiles within a span."""

    def __init__(self, rules: RuleBook, store: ProfileStore, span: Span) -> None:
        self.settled = Settled()
        self._rules = rules
        self._store = store
        self._since_ms, self._until_ms, self._limit = span

    def fold(self, key: str, entries: Sequence[Entry]) -> None:
        """Step a profile through its events and timers, and pack it."""
        if self._limit is not None:
            entries = [entry for entry in entries if order_of(entry) < self._limit]
        try:
            start = state = self._store.get(key)
        except FrameError as error:
            self._bury_all(key, entries, error)
            return
        pipeline = self._rules.pipeline(state.workspace)
        clock_ms = self._since_ms
        if entries:
            state, clock_ms = self._through(pipeline, key, state, entries)
        if self._until_ms > clock_ms and 0 < state.windows.due_ms <= self._until_ms:
            state = self._fire(pipeline, key, state, clock_ms, self._until_ms)
        settled = self.settled
        due_ms = state.windows.due_ms
        if due_ms:
            settled.due[key] = due_ms
        if state is start:
            return
        try:
            settled.profiles[key] = codec.encode_profile(state)
        except Exception as error:  # noqa: BLE001  a profile that can't be written must not stop the others
            self._bury_all(key, entries, error)

    def _through(  # noqa: C901  one pass: a call for each step would cost as much as the steps
        self, pipeline: Pipeline, key: str, state: ProfileState, entries: Sequence[Entry]
    ) -> tuple[ProfileState, int]:
        settled = self.settled
        clock_ms = self._since_ms
        told = state
        last = len(entries) - 1
        for place, entry in enumerate(entries):
            now_ms, _, event, frame = entry
            if now_ms > clock_ms:
                if 0 < state.windows.due_ms <= now_ms:
                    state = told = self._fire(pipeline, key, state, clock_ms, now_ms)
                clock_ms = now_ms
            if state.identity.moved_to:
                settled.moves.append((order_of(entry), (forwarding(state, event, now_ms),)))
                continue
            before = state
            try:
                state, triggers, moves = pipeline.on_event(before, event, now_ms)
            except Exception as error:
                self._check_rule(order_of(entry), state.workspace, error)
                # One event that an operator can't take must not stop the partition; it is kept for repair.
                logger.exception("event %s was dead-lettered", event.id)
                self._bury(order_of(entry), event.workspace, event.source, error, _encode(event))
                continue
            if triggers:
                settled.triggers.append((order_of(entry), triggers))
            if moves:
                settled.moves.append((order_of(entry), moves))
            if state.facts.sessions != before.facts.sessions:
                settled.sessions.append((order_of(entry), entry))
            # Companies hear once a frame what became of a member.
            if state.identity.groups and (place == last or entries[place + 1].frame is not frame):
                if news := pipeline.member_moves(told, state, frame.clock_ms):
                    settled.moves.append((order_of(entry), news))
                told = state
        return state, clock_ms

    def _fire(self, pipeline: Pipeline, key: str, state: ProfileState, clock_ms: int, until_ms: int) -> ProfileState:
        """Run the timers due by `until_ms`, each at its own time; those that were due by `clock_ms`, at that."""
        order: Order | None = None
        while 0 < (due_ms := state.windows.due_ms) <= until_ms:
            if order is None or due_ms > clock_ms:
                order = (max(clock_ms, due_ms), _TIMER if due_ms > clock_ms else _OVERDUE, due_ms, key)
                clock_ms = order[0]
            if self._limit is not None and order >= self._limit:
                break
            before = state
            try:
                state, triggers, moves = pipeline.on_timer(before, clock_ms)
            except Exception as error:
                self._check_rule(order, before.workspace, error)
                logger.exception("a timer of profile %s was dead-lettered", before.id)
                self._bury(order, before.workspace, "", error, codec.encode_profile(before))
                # The timer is gone; the next event that touches a window sets another.
                state = replace(before, windows=replace(before.windows, due_ms=0))
                break
            moves += pipeline.member_moves(before, state, clock_ms)
            if triggers:
                self.settled.triggers.append((order, triggers))
            if moves:
                self.settled.moves.append((order, moves))
        return state

    def _check_rule(self, order: Order, workspace: str, error: Exception) -> None:
        """Raise FailedStep when a rule is at fault that is not off yet."""
        if isinstance(error, RuleFailedError) and error.rule not in self._rules.quarantined(workspace):
            raise FailedStep(order, workspace, error) from error

    def _bury_all(self, key: str, entries: Sequence[Entry], error: Exception) -> None:
        """Keep the events of a profile that can't be read or written; the profile stays as it is."""
        logger.error("profile %r can't be stepped", key, exc_info=error)
        for entry in entries:
            event = entry.event
            self._bury(order_of(entry), event.workspace, event.source, error, _encode(event))

    def _bury(self, order: Order, workspace: str, source: str, error: Exception, raw: bytes) -> None:
        reason = f"{type(error).__name__}: {error}"
        letter = DeadLetter(workspace, source, "engine", reason, "", shortened(raw), order[0])
        self.settled.letters.append((order, letter))
