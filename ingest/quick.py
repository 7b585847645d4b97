"""The short cut of the busiest calls: single messages, small batches and pictures with nothing to complain about.

What is not in order, unusual or yet to be decided is left to the ordinary way, which says what is wrong and keeps it.
Both judge and take by the same Door, so neither knows anything that the other does not.
"""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from ingest.bodies import BatchBody
from ingest.call import Call
from ingest.caller import Caller, caller_of
from ingest.door import Door
from ingest.errors import IngestError, error_response
from ingest.gif import GIF, GIF_HEADERS
from ingest.pixel.routes import GIF_PATH, MAX_QUERY_BYTES, message_of, page_of
from ingest.segment import BATCHES, KINDS, PREFIX, TAKEN, events_in, is_little_for_all, verdict, with_defaults
from streams.model.errors import LogClosedError, LogFullError
from streams.model.events import Event

if TYPE_CHECKING:
    from ingest.sources import Source

PATHS = (PREFIX, GIF_PATH)
_BATCH = "batch"

Answer = Callable[[bytes, bytes], None]
"""Sends (status line and headers, body)."""


class QuickCalls:
    """`refusal` says why nothing can be taken now, if so."""

    def __init__(self, door: Door, refusal: Callable[[], LogFullError | None]) -> None:
        self._door = door
        self._refusal = refusal
        self._taken = _on_the_wire(TAKEN)
        self._picture = _on_the_wire(Response(GIF, 200, GIF_HEADERS, "image/gif"))

    def __call__(self, call: Call, body: bytes, answer: Answer) -> bool:
        """Take the request, and `answer` it once it is durable; or return False, having done nothing."""
        path = call.path
        is_post = call.method == "POST" and path.startswith(PREFIX)
        if not (is_post or (call.method == "GET" and path == GIF_PATH)) or self._refusal() is not None:
            return False
        try:
            if not is_post:
                return self._take_picture(call, answer)
            kind = path[len(PREFIX) :]
            if "content-encoding" in call.headers:
                return False
            if kind in KINDS:
                return self._take_one(call, KINDS[kind], body, answer)
            return BATCHES.get(kind) == _BATCH and self._take_batch(call, body, answer)
        except (IngestError, ValueError):
            return False

    def _take_one(self, call: Call, kind: str, body: bytes, answer: Answer) -> bool:
        door = self._door
        message = orjson.loads(body)
        if type(message) is not dict or len(body) > door.settings.max_event_bytes:
            return False
        caller = self._caller(call, message.get("writeKey"), kind)
        message["type"] = kind
        events = events_in(message, caller, door)
        return self._take(call, caller, events, 1, self._taken, answer)

    def _take_batch(self, call: Call, body: bytes, answer: Answer) -> bool:
        door, settings = self._door, self._door.settings
        told = orjson.loads(body)
        messages = told.get("batch") if type(told) is dict else None
        if type(messages) is not list or not 0 < len(messages) <= settings.max_batch_events:
            return False
        # No message is larger than its batch.
        if len(body) > min(settings.max_event_bytes, settings.max_batch_bytes):
            return False
        shared = BatchBody([], told.get("context"), told.get("sentAt"))
        if shared.context is not None and type(shared.context) is not dict:
            return False
        if not is_little_for_all(shared, len(messages), len(body)):
            return False
        caller = self._caller(call, told.get("writeKey"), _BATCH)
        events: list[Event] = []
        for message in messages:
            events += events_in(with_defaults(message, shared), caller, door)
        taken = _on_the_wire(verdict(len(messages), [], caller))
        return self._take(call, caller, events, len(messages), taken, answer)

    def _take_picture(self, call: Call, answer: Answer) -> bool:
        if len(call.query_string) > MAX_QUERY_BYTES:
            return False
        query = call.query_params
        source = self._door.source_of(call)
        if source is None:
            return False
        caller = caller_of(call, source, "gif")
        events = self._door.judge(message_of(query, page_of(call)), caller)
        return self._take(call, caller, events, 1, self._picture, answer)

    def _caller(self, call: Call, key: object, via: str) -> Caller:
        source: Source = self._door.source_of(call) or self._door.source_with(key)
        return caller_of(call, source, via)

    def _take(
        self, call: Call, caller: Caller, events: list[Event], messages: int, taken: tuple[bytes, bytes], answer: Answer
    ) -> bool:
        try:
            return self._door.take_soon(call, caller, events, messages, partial(_finish, answer, taken))
        except (LogFullError, LogClosedError) as error:
            answer(*_on_the_wire(error_response(error)))
            return True


def _finish(answer: Answer, taken: tuple[bytes, bytes], error: Exception | None) -> None:
    answer(*(taken if error is None else _on_the_wire(error_response(error))))


def _on_the_wire(response: Response) -> tuple[bytes, bytes]:
    """Return status line with headers, and body, of a response."""
    status = response.status_code
    lines: list[Any] = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode())]
    lines += [b"%b: %b" % header for header in response.raw_headers]
    return b"\r\n".join(lines) + b"\r\n", bytes(response.body)
