"""Segment's HTTP API: POST /v1/{track,identify,page,screen,group,alias,batch,import}. 2xx means durable.

Plain Starlette and no models: this is the hot path. The content type is not looked at, browsers send text/plain.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.bodies import BatchBody, parse_batch, parse_json, read_body
from ingest.caller import Caller, caller_of
from ingest.door import Door
from ingest.errors import CORS, JSON, IngestError, TooLargeError, answering, error_body
from ingest.values import optional_object, says_no_id, wrong_type
from streams.model.events import Event

PREFIX = "/v1/"
_PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    # The star is not for Authorization; the others stand here for browsers that do not know it.
    "Access-Control-Allow-Headers": "authorization, content-type, content-encoding, x-retry-count, *",
    "Access-Control-Max-Age": "86400",
}
BATCHES = {"batch": "batch", "b": "batch", "import": "import"}
# The short forms are those of Segment's browser client.
KINDS = {k: k for k in ("track", "identify", "page", "screen", "group", "alias")} | {
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
_METRICS = "m"
# One for all: it holds no state, and it is the answer to nearly every request.
TAKEN = Response(b'{"success":true}', 200, CORS, JSON)
DECLINED = Response(b'{"success":true,"declined":true}', 200, CORS, JSON)

_MAX_HEAD_BYTES = 16_384
_MAX_FOR_ALL_BYTES = 4 << 20
_MAX_TIME_CHARS = 100
_MAX_EVENTS_OF_LINES = 10_000
_TOO_MANY_LINES = f"its product lines become more than {_MAX_EVENTS_OF_LINES} events"

_Unusable = tuple[int, IngestError, bytes]
_log = logging.getLogger(__name__)


class SegmentRoutes:
    """The endpoints over one door."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._settings = door.settings

    def routes(self) -> list[Route]:
        return [Route(PREFIX + "{kind}", answering(self.collect), methods=["POST", "OPTIONS"])]

    async def collect(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        kind = request.path_params["kind"]
        if kind in BATCHES:
            return await self._collect_batch(request, BATCHES[kind])
        if kind in KINDS:
            return await self._collect_one(request, KINDS[kind])
        if kind == _METRICS:
            return TAKEN  # of the client itself, of which nobody here wants to know
        return Response(error_body("not_found", f"/v1/{kind[:40]} is not a kind of call"), 404, CORS, JSON)

    async def _collect_one(self, request: Request, kind: str) -> Response:
        return DECLINED if (await self.take_one(request, kind, self._event_body)).opts_out else TAKEN

    async def take_one(self, request: Request, kind: str, read: Callable[[Request], Awaitable[bytes]]) -> Caller:
        """Take the one message that `read` finds in the request, and return its caller. Raises IngestError."""
        door, raw = self._door, b""
        source = door.source_of(request)
        caller = door.caller(request, source, kind) if source else None
        try:
            raw = await read(request)
            message = parse_json(raw)
            if not isinstance(message, dict):
                raise wrong_type("message", message, "an object")
            if caller is None:
                caller = door.caller(request, door.source_with(message.get("writeKey")), kind)
            message["type"] = kind
            events = events_in(message, caller, door)
        except IngestError as error:
            if caller is not None:
                await door.bury(caller, [(error, raw or error.raw)])
            raise
        door.owe(caller, len(events), 1)
        await door.take(caller, events)
        return caller

    async def _event_body(self, request: Request) -> bytes:
        return await read_body(request, self._settings.max_event_bytes)

    async def _collect_batch(self, request: Request, kind: str) -> Response:
        door, raw = self._door, b""
        source = door.source_of(request)
        caller = None
        try:
            raw = await read_body(request, self._settings.max_batch_bytes)
            body = parse_batch(raw)
            source = source or door.source_with(body.write_key)
            self._check(body, len(raw))
            caller = door.caller(request, source, kind, len(body.batch))
        except IngestError as error:
            if source is not None and caller is None and not error.is_about_sender:
                await door.bury(caller_of(request, source, kind), [(error, raw or error.raw)])
            raise
        events, unusable = self._judge(body, caller)
        accepted = len(body.batch) - len(unusable)
        door.owe(caller, len(events), accepted)
        # Dead letters first: when they fail the sender tries again, and nothing of the batch has had effect.
        if unusable:
            await door.bury(caller, [(error, item) for _, error, item in unusable], _head_of(body))
        await door.take(caller, events, accepted)
        return verdict(accepted, unusable, caller)

    def _check(self, body: BatchBody, size_bytes: int) -> None:
        if len(body.batch) > self._settings.max_batch_events:
            raise TooLargeError(
                "batch", f"has {len(body.batch)} messages", f"Send at most {self._settings.max_batch_events} at once"
            )
        if body.context is not None and not isinstance(body.context, dict):
            raise wrong_type("context", body.context, "an object")
        require_little_for_all(body, len(body.batch), size_bytes)

    def _judge(self, body: BatchBody, caller: Caller) -> tuple[list[Event], list[_Unusable]]:
        events: list[Event] = []
        unusable: list[_Unusable] = []
        for index, item in enumerate(body.batch):
            raw = bytes(item)
            try:
                found = self._events_in(raw, body, caller)
                if len(found) > 1 and len(events) + len(found) > _MAX_EVENTS_OF_LINES:
                    raise TooLargeError("batch", _TOO_MANY_LINES, "Send this message in another batch")
                events += found
            except IngestError as error:
                unusable.append((index, error, raw))
        return events, unusable

    def _events_in(self, raw: bytes, body: BatchBody, caller: Caller) -> list[Event]:
        limit_bytes = self._settings.max_event_bytes
        if len(raw) > limit_bytes:
            raise TooLargeError("message", f"has {len(raw)} bytes", f"Send at most {limit_bytes}")
        return events_in(with_defaults(parse_json(raw, "message"), body), caller, self._door)


def events_in(message: dict[str, Any], caller: Caller, door: Door) -> list[Event]:
    """Return the events of one message. Raises IngestError."""
    if message.get("timestamp") is None and says_no_id(message.get("messageId")):
        # Nothing tells a repeat of this message from a second occurrence, so each arrival is one.
        message["messageId"] = uuid4().hex
    try:
        return door.judge(message, caller)
    except IngestError:
        raise
    except Exception as error:
        # A fault here about one message: it would fail again, and is no reason to refuse the others of its batch.
        _log.exception("a message of source %s is kept as dead letter", caller.source.id)
        raise _unusable() from error


def _head_of(body: BatchBody) -> dict[str, Any]:
    """Return what a batch says for all its messages, as each of its dead letters keeps it."""
    head = {name: value for name, value in (("context", body.context), ("sentAt", body.sent_at)) if value}
    try:
        is_kept = len(orjson.dumps(head)) <= _MAX_HEAD_BYTES
    except TypeError:  # nested too deep, or no number that JSON has
        is_kept = False
    return head if is_kept else {"lost": sorted(head)}


def is_little_for_all(body: BatchBody, messages: int, size_bytes: int) -> bool:
    """Say whether what a body of so many bytes says for all its messages stays small when it goes with each."""
    sent = body.sent_at
    is_time = sent is None or type(sent) in (int, float) or (type(sent) is str and len(sent) <= _MAX_TIME_CHARS)
    is_small = is_time and not body.context
    return is_small or size_bytes * messages <= _MAX_FOR_ALL_BYTES


def require_little_for_all(body: BatchBody, messages: int, size_bytes: int) -> None:
    """Raise TooLargeError unless it does, by its own size."""
    if is_little_for_all(body, messages, size_bytes):
        return
    with suppress(TypeError):  # what can't be measured counts as all of the body
        size_bytes = len(orjson.dumps((body.context, body.sent_at)))
    if size_bytes * messages > _MAX_FOR_ALL_BYTES:
        problem = f"it and sentAt have {size_bytes} bytes, which go with each of the {messages} messages"
        remedy = f"Send fewer messages at once or less for all: {_MAX_FOR_ALL_BYTES} bytes together"
        raise TooLargeError("context", problem, remedy)


def _unusable() -> IngestError:
    return IngestError("unusable", "", "the message could not be understood", "It is kept; simplify it")


def with_defaults(message: object, body: BatchBody) -> dict[str, Any]:
    """Return a message of a batch with what the batch says for all its messages. Raises IngestError."""
    if not isinstance(message, dict):
        raise wrong_type("message", message, "an object")
    if body.context:
        message["context"] = body.context | optional_object(message, "context")
    if message.get("sentAt") is None:
        message["sentAt"] = body.sent_at
    return message


def verdict(accepted: int, unusable: list[_Unusable], caller: Caller) -> Response:
    rejected = [
        {"index": index, "code": error.code, "field": error.field, "message": str(error)}
        for index, error, _ in unusable
    ]
    if rejected and not accepted:
        message = f"batch: none of the {len(rejected)} messages can be used. See rejected for each"
        body = error_body("all_rejected", message, "batch", rejected=rejected)
        return Response(body, 400, CORS, JSON)
    told: dict[str, object] = {"success": True, "accepted": accepted, "rejected": rejected}
    if caller.opts_out:
        told |= {"accepted": 0, "declined": accepted}
    body = orjson.dumps(told)
    return Response(body, 200, CORS, JSON)
