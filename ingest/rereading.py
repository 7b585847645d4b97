"""A dead letter's bytes become events again, by the very code that reads requests. It takes none and keeps no state.

What stands in a letter's head, by its way in: `user_agent`; of a message of a batch `context` and `sentAt`, as the
batch said for all; of a webhook `query` and `headers`, and in `taken` the ids of those of its events that were usable;
`lost` names what was too large to be kept.
"""

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from msgspec.structs import replace
from starlette.datastructures import QueryParams

from ingest.bodies import GZIP, BatchBody, gunzip, parse_batch, parse_json
from ingest.caller import Caller
from ingest.door import STAGE as INGEST
from ingest.door import Door
from ingest.errors import IngestError, TooLargeError
from ingest.fixes import fixed, fixed_raw
from ingest.pixel.routes import message_of
from ingest.provenance import as_history_when_old, with_flag
from ingest.segment import KINDS, require_little_for_all, with_defaults
from ingest.sources import Source
from ingest.values import says_no_id, wrong_type
from ingest.vendors.registry import VENDORS
from ingest.webhooks import request_of
from streams.frames import Frame, FrameKind, decode
from streams.model.errors import FrameError
from streams.model.events import CLAMPED, Event
from streams.model.ids import stable_id
from streams.model.letters import Fix, LetterNote, StoredLetter

ENGINE = "engine"
_BATCHES = ("batch", "import")
_NOTHING_LEFT = IngestError("nothing_left", "", "no event comes out of it", "Drop it")

_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_frame = msgspec.msgpack.Decoder(Frame).decode
_log = logging.getLogger(__name__)


class Reread(NamedTuple):
    """What a letter gives now, and in whose name."""

    caller: Caller
    events: Sequence[Event]


class _Letter(NamedTuple):
    """A letter at work: its bytes still as they came, its head read."""

    note: LetterNote
    raw: bytes
    head: dict[str, Any]
    fixes: Sequence[Fix]
    caller: Caller

    def id_of(self, *parts: str) -> str:
        """Return a message id that depends on the letter alone; not on its place only, which a new log gives again."""
        return stable_id("letter", self.note.id, str(self.note.at_ms), *parts)


def reread(door: Door, letter: StoredLetter, fixes: Sequence[Fix]) -> Reread:
    """Return the events that come out of a letter, received now. Raises IngestError for what still holds against it.

    The same letter with the same fixes gives events of the same ids.
    """
    note, head = letter.note, _head_of(letter)
    source = _source_of(door, note)
    opened = _Letter(note, letter.raw, head, fixes, Caller(source, note.via, "", str(head.get("user_agent", ""))))
    _require_all(opened)
    try:
        events = _reader_of(note)(door, opened)
    except IngestError:
        raise
    except Exception as error:
        _log.exception("dead letter %s can't be read", note.id)
        raise IngestError("unusable", "", "the message could not be understood", "Simplify it") from error
    if not events:
        raise _NOTHING_LEFT
    now_ms = door.clock.now_ms()
    fresh = [replace(event, received_ms=now_ms) for event in events]
    return Reread(opened.caller, as_history_when_old(fresh, door.settings.late_after_ms))


def _head_of(letter: StoredLetter) -> dict[str, Any]:
    try:
        head = orjson.loads(letter.head) if letter.head else {}
    except orjson.JSONDecodeError:
        head = {}
    return head if isinstance(head, dict) else {}


def _source_of(door: Door, note: LetterNote) -> Source:
    source = door.sources.by_id(note.source)
    if source is not None and source.workspace == note.workspace:
        return source
    if note.stage == ENGINE:  # events of the platform itself and of removed sources have come this far before
        return Source(note.source, note.workspace, "")
    raise IngestError("unknown_source", "", f"its source {note.source[:100]!r} is gone", "Drop it")


def _require_all(letter: _Letter) -> None:
    """Raise IngestError when part of the letter was not kept and no fix puts something in its place."""
    replaced = {fix.path.strip("/").partition(".")[0] for fix in letter.fixes if fix.op == "set"}
    if "" in replaced:
        return
    if not letter.raw:
        problem = "no bytes of it were kept: there were none, or their sender does not want to be recorded"
        raise IngestError("not_kept", "", problem, "Drop it")
    missing = [name for name in letter.head.get("lost", ()) if name not in replaced]
    if missing:
        problem = f"what it said as {', '.join(map(str, missing))} was too large to be kept"
        raise IngestError("not_kept", "", problem, "Set that by a fix, or drop the letter")


def _reader_of(note: LetterNote) -> Callable[[Door, _Letter], list[Event]]:
    if note.stage == ENGINE:
        return _from_engine
    reader = _READERS.get(note.via) if note.stage == INGEST else None
    if reader is None:
        problem = f"what {note.stage or 'nobody'} could not use{f' of a {note.via}' if note.via else ''} is no message"
        raise IngestError("not_replayable", "", problem, "Look at it, then drop it")
    return reader


def _from_message(door: Door, letter: _Letter) -> list[Event]:
    raw = _body(letter, door.settings.max_event_bytes)
    message = parse_json(raw)
    if not isinstance(message, dict):
        raise wrong_type("message", message, "an object")
    message["type"] = letter.note.via
    return _judged(door, letter, message)


def _from_batch(door: Door, letter: _Letter) -> list[Event]:
    """Read one message of a batch, or a batch that could not be read at all: then all of it or nothing."""
    raw = _body(letter, door.settings.max_batch_bytes)
    message = parse_json(raw)
    if isinstance(message, dict) and isinstance(message.get("batch"), list):
        body = parse_batch(raw)
        if len(body.batch) > door.settings.max_batch_events:
            problem = f"has {len(body.batch)} messages"
            raise TooLargeError("batch", problem, f"Keep {door.settings.max_batch_events} of them")
        require_little_for_all(body, len(body.batch), len(raw))
        return [
            event
            for number, item in enumerate(body.batch)
            for event in _of_batch(door, letter, bytes(item), body, number)
        ]
    return _of_batch(door, letter, raw, BatchBody([], letter.head.get("context"), letter.head.get("sentAt")))


def _of_batch(door: Door, letter: _Letter, raw: bytes, body: BatchBody, number: int | None = None) -> list[Event]:
    try:
        if len(raw) > door.settings.max_event_bytes:
            raise TooLargeError("message", f"has {len(raw)} bytes", f"Send at most {door.settings.max_event_bytes}")
        if body.context is not None and not isinstance(body.context, dict):
            raise wrong_type("context", body.context, "an object")
        message = with_defaults(parse_json(raw, "message"), body)
        return _judged(door, letter, message, "" if number is None else str(number))
    except IngestError as error:
        if number is not None:
            error.field = f"batch.{number}.{error.field}".rstrip(".")
            error.args = (f"batch.{number}: {error}",)
        raise


def _from_gif(door: Door, letter: _Letter) -> list[Event]:
    query: dict[str, Any] = dict(QueryParams(letter.raw.decode("latin-1")))
    query = fixed(query, letter.fixes)
    if not isinstance(query, dict):
        raise wrong_type("query", query, "an object")
    told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
    message = message_of(told)
    if not told.get("m"):
        message["messageId"] = letter.id_of()
    return door.judge(message, letter.caller, letter.note.at_ms)


def _from_webhook(door: Door, letter: _Letter) -> list[Event]:
    """Read a webhook without asking for its signature, which held when it came."""
    source = letter.caller.source
    vendor = VENDORS.get(source.kind)
    if vendor is None:
        raise IngestError("unknown_source", "", f"{source.id} takes webhooks no longer", "Drop it")
    request = request_of(letter.head, fixed_raw(letter.raw, letter.fixes))
    taken = frozenset(letter.head.get("taken", ()))
    events = vendor.parse(request, source, letter.note.at_ms)
    return door.treat([event for event in events if event.id not in taken], letter.caller)


def _from_engine(door: Door, letter: _Letter) -> list[Event]:
    """Read events that came in before: their source's policy has been applied to them."""
    if letter.fixes:
        raise IngestError("fix_does_not_apply", "", "events of the engine are kept as they are", "Give no fix")
    events = _events_in(letter.raw)
    # A frame of several workspaces is the platform's own letter, and that names no source.
    if letter.note.source and any(event.workspace != letter.note.workspace for event in events):
        raise IngestError("not_replayable", "", "it is of another workspace", "Drop it")
    # The engine may remember their ids although it did nothing else with them.
    return [_in_time(replace(event, id=letter.id_of(event.id)), door, letter.note.at_ms) for event in events]


def _in_time(event: Event, door: Door, at_ms: int) -> Event:
    if event.at_ms <= at_ms + door.settings.future_clamp_ms:
        return event
    return with_flag(replace(event, at_ms=at_ms), CLAMPED)


def _events_in(raw: bytes) -> list[Event]:
    """Return the event or the events of the frame in what the engine has kept. Raises IngestError."""
    try:
        return [_decode_event(raw)]
    except msgspec.MsgspecError:
        pass
    try:
        frame = decode(raw)
    except FrameError:
        try:
            frame = _decode_frame(raw)
        except (msgspec.MsgspecError, RecursionError):
            problem = "it holds no whole event and no whole frame of events"
            raise IngestError("not_replayable", "", problem, "Look at it, then drop it") from None
    if frame.kind is not FrameKind.EVENTS:
        raise IngestError("not_replayable", "", "it is no frame of events", "Look at it, then drop it")
    return frame.events


def _body(letter: _Letter, limit_bytes: int) -> bytes:
    raw = letter.raw
    if raw.startswith(GZIP) and not any(fix.op == "set" and not fix.path for fix in letter.fixes):
        raw = gunzip(raw, limit_bytes)
    raw = fixed_raw(raw, letter.fixes)
    if len(raw) > limit_bytes:
        raise TooLargeError("body", f"has more than {limit_bytes} bytes", "Make it smaller")
    return raw


def _judged(door: Door, letter: _Letter, message: dict[str, Any], part: str = "") -> list[Event]:
    """Judge a message as one that came when the letter did.

    Its id is its own; else where it has a time, and nobody has changed it, its content's, as a retry by its sender has
    it; else the letter's.
    """
    has_time = message.get("timestamp") is not None and not letter.fixes
    if not has_time and says_no_id(message.get("messageId")):
        message["messageId"] = letter.id_of(part) if part else letter.id_of()
    return door.judge(message, letter.caller, letter.note.at_ms)


_READERS: dict[str, Callable[[Door, _Letter], list[Event]]] = {
    **dict.fromkeys(KINDS.values(), _from_message),
    **dict.fromkeys(_BATCHES, _from_batch),
    "gif": _from_gif,
    "webhook": _from_webhook,
}
