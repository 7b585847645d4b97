"""One partition of the engine: frames in, records to write out. Deterministic; does no I/O of its own."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from xxhash import xxh3_64_intdigest as _digest

from streams.frames import Frame, FrameKind
from streams.model.alerts import Alert, AlertState
from streams.model.control import Control, ControlKind
from streams.model.dead_letters import DeadLetter
from streams.model.errors import RuleFailedError
from streams.model.events import Event
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules_in_force import Quarantine
from streams.operators.identity.nodes import forwarded_event, forwarding
from streams.operators.pipeline import Effects
from streams.operators.rollups import Rollups
from streams.operators.rulebook import RuleBook
from streams.operators.seen_ids import SeenIds
from streams.state import codec
from streams.state.outbox import Outbox
from streams.state.profile_store import ProfileStore
from streams.state.record_sizes import MAX_EVENT_BYTES, shortened
from streams.state.rule_alerts import rule_alert
from streams.state.seen_chunks import SeenChunks
from streams.state.timers import Timers

if TYPE_CHECKING:
    from streams.model.triggers import Trigger

logger = logging.getLogger(__name__)

MAX_AHEAD_MS = 86_400_000
"""No event happened so much later than it was received, and no frame was made so much later than it was logged."""
MAX_VALUE = 1e15
MAX_REASON = 500
_encode = msgspec.msgpack.Encoder().encode


class Partition:
    """Applies frames in offset order; `streams.state.flushing` turns what changed into records."""

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
        self.clock_ms = 0
        self.published_ms = 0
        self.offset = self._offset = -1
        self.is_whole = True
        self.events = 0
        self.duplicates = 0
        self.triggers: list[Trigger] = []
        self.dead_letters: list[DeadLetter] = []
        self.alerts: list[Alert] = []
        self.obsolete: list[bytes] = []
        self.unsent_keys: tuple[bytes, ...] = ()
        self._members: dict[str, ProfileState] = {}

    def apply(self, offset: int, frame: Frame, logged_ms: int = 0) -> None:
        """Apply the frame at `offset`, which was logged at `logged_ms` if that is known; those before are skipped."""
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
        self.dead_letters.append(DeadLetter(workspace, source, "engine", reason, field, shortened(raw), self.clock_ms))

    def refuse_frame(self, frame: Frame, reason: str) -> None:
        """Keep a whole frame that can't be used."""
        self.bury("", "", reason, _encode(frame))

    def _apply(self, offset: int, frame: Frame) -> None:
        self._offset = offset
        if frame.kind is FrameKind.EVENTS:
            events = frame.events if frame.size <= MAX_EVENT_BYTES else self._of_a_size(frame.events)
            self._apply_events(events, offset, frame.clock_ms)
        elif frame.moves is not None:
            self._apply_moves(frame.moves)
        elif frame.control is not None:
            self._apply_control(frame.control)
        if frame.clock_ms > self.clock_ms:
            self._advance(frame.clock_ms)
        if self._members:
            self._tell_companies()
        self.seen.forget(self.clock_ms)

    def _apply_events(self, events: Sequence[Event], offset: int, frame_ms: int) -> None:
        sound = self._sound(events, frame_ms + MAX_AHEAD_MS)
        repeated = self.seen.admit(
            [_digest(f"{e.workspace}\x1f{e.profile}\x1f{e.id}".encode()) for e in sound],
            [e.received_ms for e in sound],
            self.clock_ms,
        )
        totals, profiles = self.totals, self.profiles
        if not repeated:
            totals.add_all(sound, offset, self.clock_ms)
        for place, event in enumerate(sound):
            # A repeated event tells the time all the same, or how events are cut into frames would matter.
            if event.received_ms > self.clock_ms:
                self._advance(event.received_ms)
            if repeated:
                if place in repeated:
                    self.duplicates += 1
                    continue
                totals.add(event, offset, self.clock_ms)
            key = f"{event.workspace}\x1f{event.profile}"
            self._apply_event(key, profiles.hot.get(key) or profiles.get(key), event)
        self.events += len(sound) - len(repeated)

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

    def _apply_event(self, key: str, before: ProfileState, event: Event) -> None:
        if before.identity.moved_to:
            self.outbox.put((forwarding(before, event, self.clock_ms),))
            return
        while True:
            try:
                effects = self.rules.pipeline(event.workspace).on_event(before, event, self.clock_ms)
                break
            except Exception as error:
                if self._is_off_now(event.workspace, error):
                    continue
                # One event that an operator can't take must not stop the partition; it is kept for repair.
                logger.exception("event %s was dead-lettered", event.id)
                self.bury(event.workspace, event.source, f"{type(error).__name__}: {error}", _encode(event))
                return
        self._take(key, before, effects, event)

    def _take(self, key: str, before: ProfileState, effects: Effects, event: Event | None = None) -> None:
        after, triggers, moves = effects
        self.profiles.put(key, after)
        if triggers:
            self.triggers += triggers
        if moves:
            self.outbox.put(moves)
        if event is not None and after.facts.sessions != before.facts.sessions:
            self.totals.add_session(event, self._offset, self.clock_ms)
        if after.identity.groups:
            self._members.setdefault(key, before)
        due_ms = after.windows.due_ms
        if due_ms and due_ms != before.windows.due_ms:
            self.timers.schedule(key, due_ms)

    def _apply_moves(self, batch: MoveBatch) -> None:
        for move in self.outbox.accept(batch):
            key = f"{move.workspace}\x1f{move.target}"
            before = self.profiles.get(key)
            try:
                if move.kind is not MoveKind.FORWARD or before.identity.moved_to:
                    self._take(key, before, self._moved(before, move))
                    continue
                event = forwarded_event(before, move)
            except Exception as error:
                logger.exception("a move to %s was dead-lettered", move.target)
                self.bury(move.workspace, move.source, f"{type(error).__name__}: {error}", _encode(move))
                continue
            if not self.seen.admit([_digest(f"{key}\x1f{event.id}".encode())], (self.clock_ms,), self.clock_ms):
                self._apply_event(key, before, event)

    def _moved(self, before: ProfileState, move: Move) -> Effects:
        while True:
            try:
                return self.rules.pipeline(move.workspace).on_move(before, move, self.clock_ms)
            except RuleFailedError as error:
                if not self._is_off_now(move.workspace, error):
                    raise

    def _tell_companies(self) -> None:
        """Tell companies once a frame what became of their members."""
        for key, before in self._members.items():
            pipeline = self.rules.pipeline(before.workspace)
            self.outbox.put(pipeline.member_moves(before, self.profiles.get(key), self.clock_ms))
        self._members.clear()

    def _apply_control(self, control: Control) -> None:
        rules, workspace = self.rules, control.workspace
        off = rules.quarantined(workspace)
        try:
            if control.kind is ControlKind.RULES:
                rules.adopt(workspace, control.revision, control.body)
            elif control.kind is ControlKind.RECOMPUTE:
                rules.recompute(workspace, control.body.decode(), control.revision)
            elif control.kind is ControlKind.RELEASE:
                rules.release(workspace, control.body.decode())
        except Exception as error:
            # The API has refused what does not compile; what comes here nevertheless must not stop the stream.
            logger.exception("a control record of %s was dead-lettered", workspace)
            self.bury(workspace, "", f"{type(error).__name__}: {error}", _encode(control))
        still_off = rules.quarantined(workspace)
        for rule, quarantine in off.items():
            if rule not in still_off:
                self.alerts.append(rule_alert(workspace, rule, quarantine, AlertState.RESOLVED, self.clock_ms))

    def _is_off_now(self, workspace: str, error: Exception) -> bool:
        """Turn off the rule that failed; False when the error is no rule's fault."""
        if not isinstance(error, RuleFailedError) or error.rule in self.rules.quarantined(workspace):
            return False
        logger.error("workspace %s: %s and is quarantined", workspace, error, exc_info=error.__cause__)
        quarantine = Quarantine(self.clock_ms, repr(error.__cause__)[:MAX_REASON])
        self.rules.quarantine(workspace, error.rule, quarantine)
        self.alerts.append(rule_alert(workspace, error.rule, quarantine, AlertState.FIRING, self.clock_ms))
        return True

    def _advance(self, to_ms: int) -> None:
        """Move the clock, and run the timers on the way, each at its own time."""
        timers = self.timers
        while 0 < timers.next_ms <= to_ms and (entry := timers.pop_due(to_ms)):
            popped_ms, key = entry
            before = self.profiles.get(key)
            due_ms = before.windows.due_ms
            if due_ms > popped_ms:
                timers.schedule(key, due_ms)
            elif due_ms:
                # The clock stands at the due time while its timers run, so a replay cut differently gives the same.
                self.clock_ms = max(self.clock_ms, due_ms)
                self._fire(key, before)
        self.clock_ms = to_ms

    def _fire(self, key: str, before: ProfileState) -> None:
        while True:
            try:
                effects = self.rules.pipeline(before.workspace).on_timer(before, self.clock_ms)
                break
            except Exception as error:
                if self._is_off_now(before.workspace, error):
                    continue
                # The timer is gone, the profile stays as it was: the next event may set another.
                logger.exception("a timer of profile %s was dead-lettered", before.id)
                self.bury(before.workspace, "", f"{type(error).__name__}: {error}", codec.encode_profile(before))
                return
        self._take(key, before, effects)


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
    return f"value {event.value} is not a number within +-{MAX_VALUE:g}", raw, "value"
