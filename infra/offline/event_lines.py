"""Lines of JSON become events: Segment messages as ingest takes them, or the engine's own events as objects."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import orjson

from infra.offline.forms import DATES_END_MS
from ingest.errors import IngestError
from ingest.normalise import events_of
from ingest.provenance import Arrival
from ingest.values import require_plain, time_ms, wrong_type
from streams.model.events import Event, ProfileKeys, Provenance, Utm
from streams.model.identity import KINDS
from streams.state.partition import MAX_AHEAD_MS
from streams.store.sources import Source

RECEIPT_FIELDS = ("receivedAt", "timestamp", "originalTimestamp")
"""Where a Segment message says when it was received, by preference: who keeps no time of receipt has its own time."""
_FORM = "docs/replay.md has both forms"
_KINDS = frozenset({*KINDS, "product", "group"})
_EXAMPLE = "user:7, anon:a1 or product:kettle"


class BadLine(NamedTuple):
    """A line that can't be used; `problem` says why and what to do about it."""

    line: int
    field: str
    problem: str
    raw: bytes


class _Keys(msgspec.Struct):
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    phone: str | None = None
    device_id: str | None = None
    custom: tuple[tuple[str, str], ...] = ()


class _Utm(msgspec.Struct):
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


_Provenance = msgspec.defstruct(
    "_Provenance", [(field.name, field.type, field.default) for field in msgspec.structs.fields(Provenance)]
)
"""As an object too."""


class _OwnEvent(msgspec.Struct):
    """`Event` as an object; what can be told from the rest may be left out."""

    name: str
    received_ms: int
    id: str = ""
    workspace: str = ""
    source: str = ""
    profile: str = ""
    at_ms: int | None = None
    keys: _Keys = msgspec.field(default_factory=_Keys)
    utm: _Utm | None = None
    value: float | None = None
    currency: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    provenance: _Provenance | None = None  # type: ignore[valid-type]  # made above


class _Stamp(msgspec.Struct):
    """What tells when a line was received, and nothing else."""

    received_ms: Any = None
    receivedAt: Any = None  # noqa: N815  Segment's name
    timestamp: Any = None
    originalTimestamp: Any = None  # noqa: N815  Segment's name


_decode_stamp = msgspec.json.Decoder(_Stamp).decode


def receipt_of(raw: bytes) -> int | None:
    """Return when the line was received, in Unix ms, or None when it does not say so."""
    try:
        stamp = _decode_stamp(raw)
        if type(stamp.received_ms) is int:
            return stamp.received_ms
        given = (getattr(stamp, field) for field in RECEIPT_FIELDS)
        return next((time_ms(value, "") for value in given if value is not None), None)
    except (msgspec.MsgspecError, IngestError, RecursionError):
        return None


class LineReader:
    """Reads lines for one workspace and source, which hold where a line does not say its own."""

    def __init__(self, workspace: str, source: str) -> None:
        self._source = Source(source, workspace, "server")

    def read(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[list[Event] | BadLine]:
        """Yield the events of each (line number, line), or why it has none. Blank lines yield nothing."""
        for number, raw in lines:
            text = raw.strip().removeprefix(codecs.BOM_UTF8)
            if not text:
                continue
            try:
                yield self._events(number, text)
            except IngestError as error:
                yield BadLine(number, error.field, str(error), text)

    def _events(self, number: int, raw: bytes) -> list[Event]:
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            remedy = "Write one JSON object a line, in UTF-8"
            raise IngestError("invalid_json", "", f"no JSON ({error})", remedy) from None
        if not isinstance(message, dict):
            raise wrong_type("line", message, "an object")
        if "type" not in message and "received_ms" in message:
            return [self._own(number, message)]
        return self._segment(number, message)

    def _segment(self, number: int, message: dict[str, Any]) -> list[Event]:
        field = next((name for name in RECEIPT_FIELDS if message.get(name) is not None), "")
        if not field:
            raise IngestError("missing_field", "timestamp", "is missing", "Say when it was received or happened")
        received_ms = time_ms(message[field], field)
        _require_date(received_ms, field)
        if field != RECEIPT_FIELDS[0]:
            # Without the time of receipt, the time of sending says nothing about the sender's clock.
            message["sentAt"] = None
        if not (message.get("messageId") or message.get("timestamp")):
            # As at the door: nothing tells a repeat from a second occurrence, so each line is one.
            message["messageId"] = f"line-{number}"
        return events_of(message, self._source, Arrival(received_ms))

    def _own(self, number: int, message: dict[str, Any]) -> Event:
        try:
            own = msgspec.convert(message, _OwnEvent)
        except msgspec.ValidationError as error:
            problem, _, where = str(error).partition(" - at `$")
            field = where.rstrip("`").lstrip(".") or "line"
            raise IngestError("invalid_field", field, problem, _FORM) from None
        require_plain(own.properties, "properties")
        require_plain(own.traits, "traits")
        told, utm = own.keys, own.utm
        keys = ProfileKeys(told.user_id, told.anonymous_id, told.email, told.phone, told.device_id, told.custom)
        profile = own.profile or keys.canonical()
        if not profile:
            raise IngestError("missing_field", "profile", "nobody is identified", "Give profile, or an id in keys")
        kind, _, value = profile.partition(":")
        if kind not in _KINDS or not value:
            raise IngestError("invalid_field", "profile", f"{profile[:40]!r} is no id", f"Give e.g. {_EXAMPLE}")
        at_ms = own.received_ms if own.at_ms is None else own.at_ms
        for field, time in (("received_ms", own.received_ms), ("at_ms", at_ms)):
            if time < 0:
                raise IngestError("invalid_field", field, "lies before 1970", "Give Unix milliseconds")
        _require_date(own.received_ms, "received_ms")
        if at_ms > own.received_ms + MAX_AHEAD_MS:
            raise IngestError("invalid_field", "at_ms", "lies more than a day after received_ms", "Mend the time")
        return Event(
            own.id or f"line-{number}",
            own.workspace or self._source.workspace,
            own.source or self._source.id,
            profile,
            own.name,
            at_ms,
            own.received_ms,
            keys,
            Utm(utm.source, utm.medium, utm.campaign, utm.term, utm.content) if utm else None,
            own.value,
            own.currency,
            own.properties,
            own.traits,
            Provenance(*msgspec.structs.astuple(own.provenance)) if own.provenance else None,
        )


def _require_date(at_ms: int, field: str) -> None:
    """Raise IngestError for what is no time in ms but, say, in microseconds, before it sets the engine's clock."""
    if at_ms >= DATES_END_MS:
        raise IngestError("invalid_field", field, "lies after the year 9999", "Give Unix milliseconds")
