"""What an event's sender says of time, and what the door makes of it. The one place that makes a Provenance.

The sender's own words are kept as they are; what is made of them is the event's `at_ms` and its flags.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ingest.errors import IngestError
from ingest.values import in_day_ms, is_day, time_ms
from streams.model.events import CLAMPED, HISTORICAL, INVALID, SKEWED, Event, Provenance

FUTURE_CLAMP_MS = 300_000
LATE_AFTER_MS = 86_400_000
_NETWORK_DELAY_MS = 30_000  # as much may lie between sending and receipt with both clocks right
_SEQUENCE_END = 1 << 53  # browsers count exactly up to here


class Arrival(Struct, frozen=True, gc=False):
    """When a message came in, and what that makes of its time: how far ahead it may be, from what age on it is history,
    and whether it is in any case.
    """

    now_ms: int
    future_clamp_ms: int = FUTURE_CLAMP_MS
    late_after_ms: int = LATE_AFTER_MS
    is_import: bool = False


def placed_in_time(message: dict[str, Any], context: dict[str, Any], arrival: Arrival) -> tuple[int, Provenance | None]:
    """Return when it happened by our clock, and the provenance as far as time goes; None when there is nothing to say.

    Where the sender's clock is off by more than a slow network explains, the time is Segment's
    received - (sent - happened). Today's date alone means now and not midnight: a purchase would leave carts alone that
    were filled since. Raises IngestError for a timestamp that is none; of the other times that is a fault, which the
    provenance tells.
    """
    now_ms = arrival.now_ms
    stated, original, sent = message.get("timestamp"), message.get("originalTimestamp"), message.get("sentAt")
    sent_ms = None if sent is None else _time_or_none(sent)
    happened_ms, at_ms, fault = None, now_ms, ""
    flags: tuple[str, ...] = ()
    if sent is not None and sent_ms is None:
        fault = _fault_of(sent, "sentAt")
    if stated is not None or original is not None:
        at_ms = time_ms(original, "originalTimestamp") if stated is None else time_ms(stated, "timestamp")
        happened_ms = at_ms if stated is None or original is None else _time_or_none(original)
        if happened_ms is None:
            fault = "; ".join(filter(None, (fault, _fault_of(original, "originalTimestamp"))))
        # A message with both has passed through Segment, which has corrected the first by the second.
        is_corrected = stated is not None and original is not None
        skew_ms = 0 if sent_ms is None or is_corrected or is_day(sent) else now_ms - sent_ms
        if skew_ms > _NETWORK_DELAY_MS or skew_ms < -_NETWORK_DELAY_MS:
            at_ms, flags = max(0, at_ms + skew_ms), (SKEWED,)
        if is_day(original if stated is None else stated):
            at_ms = in_day_ms(at_ms, now_ms)
        if at_ms > now_ms + arrival.future_clamp_ms:
            at_ms, flags = now_ms, (*flags, CLAMPED)
    if arrival.is_import or now_ms - at_ms > arrival.late_after_ms:
        flags = (*flags, HISTORICAL)
    if fault:
        flags = (*flags, INVALID)
    sequence = _sequence_or_none(context.get("sequence"))
    if happened_ms is None and sent_ms is None and sequence is None and not flags:
        return at_ms, None
    return at_ms, Provenance(happened_ms, sent_ms, sequence, flags, fault=fault)


def as_history_when_old(events: Sequence[Event], late_after_ms: int = LATE_AFTER_MS) -> Sequence[Event]:
    """Return the events, those that are older than this flagged as history: vendors' are made of no message."""
    if all(event.received_ms - event.at_ms <= late_after_ms for event in events):
        return events
    return [
        with_flag(event, HISTORICAL) if event.received_ms - event.at_ms > late_after_ms else event for event in events
    ]


def with_day_said(event: Event, said: object) -> Event:
    """Return the event with its sender's own word when that was a date alone; unchanged with any other."""
    if not is_day(said):
        return event
    return replace(event, provenance=replace(event.provenance or _NOTHING, happened_ms=_time_or_none(said)))


def with_flag(event: Event, flag: str) -> Event:
    """Return the event with one flag more."""
    if event.is_flagged(flag):
        return event
    known = event.provenance or _NOTHING
    return replace(event, provenance=replace(known, flags=(*known.flags, flag)))


def with_fault(event: Event, fault: str) -> Event:
    """Return the event flagged INVALID, with what is wrong; unchanged without a fault or with one that it has."""
    known = event.provenance or _NOTHING
    if fault in known.fault:
        return event
    flags = known.flags if INVALID in known.flags else (*known.flags, INVALID)
    return replace(event, provenance=replace(known, flags=flags, fault="; ".join(filter(None, (known.fault, fault)))))


def in_client_order(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events of one request in their sender's order, when it has numbered them all: clocks jump."""
    if len(events) < 2 or any(e.provenance is None or e.provenance.sequence is None for e in events):  # noqa: PLR2004  nothing to order
        return events
    return sorted(events, key=_sequence_of)


_NOTHING = Provenance()


def _sequence_of(event: Event) -> int:
    return (event.provenance or _NOTHING).sequence or 0


def _sequence_or_none(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _SEQUENCE_END else None


def _time_or_none(value: object) -> int | None:
    try:
        return time_ms(value, "")
    except IngestError:
        return None  # it may be missing, and events are worth more than a correction


def _fault_of(value: object, field: str) -> str:
    """Return what is wrong with a time that the event can do without."""
    try:
        time_ms(value, field)
    except IngestError as error:
        return str(error)
    return ""
