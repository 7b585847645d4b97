"""One partition of the engine: frames in, records to write out. Deterministic; does no I/O of its own."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from streams.frames import Frame, FrameKind
from streams.model.alerts import Alert, AlertState
from streams.model.control import Control, ControlKind
from streams.model.dead_letters import DeadLetter
from streams.model.errors import RuleFailedError
from streams.model.events import UNCOUNTED, Event
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules_in_force import Quarantine
from streams.operators.identity.nodes import forwarded_event
from streams.operators.pipeline import Effects
from streams.operators.rollups import Rollups
from streams.operators.rulebook import RuleBook
from streams.operators.seen_ids import SeenIds, digest_of
from streams.state.erasing import Erasures, erase
from streams.state.outbox import Outbox
from streams.state.profile_store import ProfileStore, UnpackedProfiles
from streams.state.record_sizes import MAX_EVENT_BYTES, shortened
from streams.state.rule_alerts import rule_alert
from streams.state.seen_chunks import SeenChunks
from streams.state.settling import EVENT, Entry, FrameMark, Order, Settled, Span, rest_after, settle
from streams.state.timers import Timers

if TYPE_CHECKING:
    from streams.model.triggers import Trigger

logger = logging.getLogger(__name__)

MAX_AHEAD_MS = 86_400_000
"""No event happened so much later than it was received, and no frame was made so much later than it was logged."""
MAX_VALUE = 1e15
MAX_REASON = 500
MAX_WAITING_EVENTS = 16_384
"""So many events wait for a flush; with more of them profiles are settled before."""
_MANY_SAY = frozenset((MoveKind.MEMBER, MoveKind.INTEREST))
"""Moves of which very many go to one target. What they change can always be packed."""
_encode = msgspec.msgpack.Encoder().encode


class Partition:
    """Applies frames in offset order; `streams.state.flushing` turns what changed into records.

    Events are counted as they come. They wait until somebody needs to know what they do to profiles: a flush, or a
    move or control record, which must not overtake them.
    """

    def __init__(
        self, number: int, rules: RuleBook, profiles: ProfileStore, totals: Rollups, seen: SeenIds, outbox: Outbox
    ) -> None:
        self.number = number
        self.rules = rules
        self.profiles = profiles
        self.totals = totals
        self.seen = seen
        self.seen_chunks = SeenChunks(seen)
        self.outbox = outbox
        self.timers = Timers()
        self.erasures = Erasures()
        self.clock_ms = 0
        self.published_ms = 0
        self.offset = -1
        self.is_whole = True
        self.events = 0
        self.duplicates = 0
        self.triggers: list[Trigger] = []
        self.dead_letters: list[DeadLetter] = []
        self.alerts: list[Alert] = []
        self.obsolete: list[bytes] = []
        self.unsent_keys: tuple[bytes, ...] = ()
        self.settled_ms = 0
        """Up to here timers have run."""
        self._waiting: defaultdict[str, list[Entry]] = defaultdict(list)
        self._waiting_events = 0
        self._buried: list[tuple[Order, DeadLetter]] = []
        self._count = 0

    def apply(self, offset: int, frame: Frame, logged_ms: int = 0) -> None:
        """Apply the frame at `offset`, which was logged at `logged_ms` if that is known; those before are skipped.

        What it does to profiles shows after `settle`.
        """
        if offset <= self.offset:
            return
        # A fault in the middle leaves the partition torn, and a torn one must never be flushed.
        self.is_whole = False
        if logged_ms and frame.clock_ms > logged_ms + MAX_AHEAD_MS:
            self.refuse_frame(frame, "the frame's clock is more than a day ahead of the log's")
        else:
            self._apply(offset, frame)
        self.offset = offset
        self.is_whole = True

    def skip(self, offset: int) -> None:
        """Pass over a record that is no frame."""
        self.offset = max(self.offset, offset)

    def bury(self, workspace: str, source: str, reason: str, raw: bytes, field: str = "") -> None:
        """Keep what can't be used, with the reason."""
        letter = DeadLetter(workspace, source, "engine", reason, field, shortened(raw), self.clock_ms)
        self._buried.append(((self.clock_ms, EVENT, self._count, ""), letter))
        self._count += 1

    def refuse_frame(self, frame: Frame, reason: str) -> None:
        """Keep a whole frame that can't be used."""
        self.bury("", "", reason, _encode(frame))

    def is_settled(self) -> bool:
        """Say whether `settle` has nothing to do."""
        is_due = 0 < self.timers.next_ms <= self.clock_ms and self.clock_ms > self.settled_ms
        return not (self._waiting or self._buried or is_due)

    def settle(self) -> None:
        """Bring all profiles to where the frames are, and put what that tells into the lists."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        self._waiting_events = 0
        self._settle_until(waiting, self.clock_ms)

    def _settle_until(self, waiting: dict[str, list[Entry]], until_ms: int) -> None:
        for key in self._pop_due(until_ms):
            waiting.setdefault(key, [])
        span = Span(self.settled_ms, until_ms)
        self.settled_ms = until_ms
        self._settle(waiting, span)

    def _pop_due(self, until_ms: int) -> list[str]:
        """Return who has a timer by then, perhaps; what was set too late waits until the time passes on."""
        keys = []
        while until_ms > self.settled_ms and (key := self.timers.pop_due(until_ms)):
            keys.append(key)
        return keys

    def _settle(self, waiting: dict[str, list[Entry]], span: Span) -> None:
        while True:
            settled, failed = settle(self.rules, self.profiles, waiting, span)
            self._take(settled)
            if failed is None:
                return
            self._turn_off(failed.workspace, failed.error, failed.order[0])
            waiting, span = rest_after(waiting, failed, span)

    def _take(self, settled: Settled) -> None:
        self.profiles.put_all(settled.profiles)
        for key, due_ms in settled.due.items():
            self.timers.schedule(key, due_ms)
        for _, triggers in settled.triggers:
            self.triggers += triggers
        for _, moves in settled.moves:
            self.outbox.put(moves)
        for _, (clock_ms, _, event, frame) in settled.sessions:
            self.totals.add_session(event, frame.offset, clock_ms)
        letters = settled.letters
        if self._buried:
            letters = sorted(self._buried + letters, key=itemgetter(0))
            self._buried = []
        self.dead_letters += (letter for _, letter in letters)

    def _apply(self, offset: int, frame: Frame) -> None:
        mark = FrameMark(offset)
        if frame.kind is FrameKind.EVENTS:
            events = frame.events if frame.size <= MAX_EVENT_BYTES else self._of_a_size(frame.events)
            self._collect(events, mark, frame.clock_ms)
        elif frame.moves is not None:
            self.settle()
            self._apply_moves(frame.moves, mark)
        elif frame.control is not None:
            self.settle()
            self._apply_control(offset, frame.control)
        mark.clock_ms = self.clock_ms = max(self.clock_ms, frame.clock_ms)
        self.seen.forget(self.clock_ms)
        if self._waiting_events >= MAX_WAITING_EVENTS:
            self.settle()

    def _collect(self, events: Sequence[Event], mark: FrameMark, frame_ms: int) -> None:
        """Count the events and let them wait for their profiles."""
        sound = self._sound(events, frame_ms + MAX_AHEAD_MS)
        keys = [f"{e.workspace}\x1f{e.profile}" for e in sound]
        repeated = self.seen.admit(
            [digest_of(key, event.id) for key, event in zip(keys, sound, strict=True)],
            [e.received_ms for e in sound],
            self.clock_ms,
        )
        uncounted = {place for place, e in enumerate(sound) if e.provenance and UNCOUNTED in e.provenance.flags}
        totals, waiting = self.totals, self._waiting
        if not (repeated or uncounted):
            totals.add_all(sound, mark.offset, self.clock_ms)
        clock_ms, number = self.clock_ms, self._count
        entry = tuple.__new__
        for place, event in enumerate(sound):
            # A repeated event tells the time all the same, or how events are cut into frames would matter.
            if event.received_ms > clock_ms:  # noqa: PLR1730  max() costs three times as much
                clock_ms = event.received_ms
            if repeated or uncounted:
                if place in repeated:
                    self.duplicates += 1
                    continue
                if place in uncounted:
                    # A robot is nobody: it has no profile, no score and no window.
                    totals.add_bot(event, mark.offset, clock_ms)
                    continue
                totals.add(event, mark.offset, clock_ms)
            waiting[keys[place]].append(entry(Entry, (clock_ms, number, event, mark)))
            number += 1
        self.clock_ms, self._count = clock_ms, number
        self.events += len(sound) - len(repeated)
        self._waiting_events += len(sound) - len(uncounted.union(repeated))

    def _sound(self, events: Sequence[Event], latest_ms: int) -> Sequence[Event]:
        """Return the events that an honest sender can have made; bury the others."""
        wrong = [
            event
            for event in events
            if not (
                0 <= event.received_ms <= latest_ms
                and 0 <= event.at_ms <= latest_ms
                and event.id
                and event.profile
                and event.name
                and event.workspace
                and (event.value is None or -MAX_VALUE < event.value < MAX_VALUE)
            )
        ]
        if not wrong:
            return events
        for event in wrong:
            self.bury(event.workspace, event.source, *_fault_of(event, latest_ms))
        return [event for event in events if event not in wrong]

    def _of_a_size(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events that another partition could be sent; bury the others."""
        packed = [_encode(event) for event in events]
        for event, raw in zip(events, packed, strict=True):
            if len(raw) > MAX_EVENT_BYTES:
                reason = f"the event has {len(raw)} bytes, and at most {MAX_EVENT_BYTES} are taken"
                self.bury(event.workspace[:100], event.source[:100], reason, raw)
        return [event for event, raw in zip(events, packed, strict=True) if len(raw) <= MAX_EVENT_BYTES]

    def _apply_moves(self, batch: MoveBatch, mark: FrameMark) -> None:
        mark.clock_ms = self.clock_ms
        unpacked = UnpackedProfiles(self.profiles)
        for move in self.outbox.accept(batch):
            if move.kind is MoveKind.ERASED:
                continue
            key = f"{move.workspace}\x1f{move.target}"
            try:
                before = unpacked.get(key)
                if move.kind not in _MANY_SAY:
                    unpacked.pack(key)
                if move.kind is not MoveKind.FORWARD or before.identity.moved_to:
                    self._apply_move(key, before, move, unpacked)
                else:
                    self._apply_forwarded(key, forwarded_event(before, move), mark)
            except Exception as error:
                logger.exception("a move to %s was dead-lettered", move.target)
                self.bury(move.workspace, move.source, f"{type(error).__name__}: {error}", _encode(move))
        unpacked.pack_all()

    def _apply_forwarded(self, key: str, event: Event, mark: FrameMark) -> None:
        if not self.seen.admit([digest_of(key, event.id)], (self.clock_ms,), self.clock_ms):
            entry = Entry(self.clock_ms, self._count, event, mark)
            self._count += 1
            self._settle({key: [entry]}, Span(self.clock_ms, self.clock_ms))

    def _apply_move(self, key: str, before: ProfileState, move: Move, unpacked: UnpackedProfiles) -> None:
        after, triggers, moves = self._moved(before, move)
        if after is not before:
            unpacked.put(key, after)
            if move.kind not in _MANY_SAY:
                unpacked.pack(key)
        self.triggers += triggers
        self.outbox.put(moves)
        self.outbox.put(self.rules.pipeline(move.workspace).member_moves(before, after, self.clock_ms))
        if after.windows.due_ms:
            self.timers.schedule(key, after.windows.due_ms)

    def _moved(self, before: ProfileState, move: Move) -> Effects:
        while True:
            try:
                return self.rules.pipeline(move.workspace).on_move(before, move, self.clock_ms)
            except RuleFailedError as error:
                if error.rule in self.rules.quarantined(move.workspace):
                    raise
                self._turn_off(move.workspace, error, self.clock_ms)

    def _apply_control(self, offset: int, control: Control) -> None:
        rules, workspace = self.rules, control.workspace
        off = rules.quarantined(workspace)
        try:
            if control.kind is ControlKind.RULES:
                rules.adopt(workspace, control.revision, control.body)
            elif control.kind is ControlKind.RECOMPUTE:
                rules.recompute(workspace, control.body.decode(), control.revision)
            elif control.kind is ControlKind.RELEASE:
                rules.release(workspace, control.body.decode())
            elif control.kind is ControlKind.ERASE:
                erase(self, control, offset)
        except Exception as error:
            # The API has refused what does not compile; what comes here nevertheless must not stop the stream.
            logger.exception("a control record of %s was dead-lettered", workspace)
            # That of an erasure names who is to be forgotten.
            raw = b"" if control.kind is ControlKind.ERASE else _encode(control)
            self.bury(workspace, "", f"{type(error).__name__}: {error}", raw)
        still_off = rules.quarantined(workspace)
        for rule, quarantine in off.items():
            if rule not in still_off:
                self.alerts.append(rule_alert(workspace, rule, quarantine, AlertState.RESOLVED, self.clock_ms))

    def _turn_off(self, workspace: str, error: RuleFailedError, clock_ms: int) -> None:
        logger.error("workspace %s: %s and is quarantined", workspace, error, exc_info=error.__cause__)
        quarantine = Quarantine(clock_ms, repr(error.__cause__)[:MAX_REASON])
        self.rules.quarantine(workspace, error.rule, quarantine)
        self.alerts.append(rule_alert(workspace, error.rule, quarantine, AlertState.FIRING, clock_ms))


def _fault_of(event: Event, latest_ms: int) -> tuple[str, bytes, str]:
    """Return (reason, raw, field) of an event that no honest sender makes."""
    raw = _encode(event)
    for field in ("id", "workspace", "profile", "name"):
        if not getattr(event, field):
            return f"{field} is empty", raw, field
    for field in ("received_ms", "at_ms"):
        if getattr(event, field) < 0:
            return f"{field} lies before 1970", raw, field
    if event.received_ms > latest_ms:
        return "received_ms lies more than a day after its frame was made", raw, "received_ms"
    if event.at_ms > latest_ms:
        return "at_ms lies more than a day after the event was received", raw, "at_ms"
    return f"value {event.value} is not a number between -{MAX_VALUE:g} and {MAX_VALUE:g}", raw, "value"
