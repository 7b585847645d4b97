"""The first thing a request meets: refuses what there is no room for before it is read, and ends what comes too slowly.

Bytes of bodies count from their arrival until the request is answered. A body that comes in pieces also counts for who
sends it, and none may have more than half of the room.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.errors import CORS, JSON, error_body, error_response
from streams.model.errors import LogFullError

SWEEP_S = 1.0
_NOBODY = ("", 0)
_STATIC = ("/pixel.js", "/stub.js")
"""What begins so is handed out whatever the state of the log."""


class _Body:
    """What has come of a request's body, and since when it comes."""

    __slots__ = ("held_bytes", "is_late", "is_reading", "sender", "since_s", "task")

    def __init__(self, since_s: float, task: "asyncio.Task[object] | None") -> None:
        self.held_bytes = 0
        self.sender: str | None = None
        self.since_s = since_s
        self.task = task
        self.is_reading = self.is_late = False


class Turnstile:
    """An ASGI application around the door's. `refusal` says why nothing can be taken, if so; `source_of` which source a
    head belongs to, if any: all others are told apart by their address, which nobody can choose. Spawn `run`.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit_bytes: int,
        timeout_s: float,
        retry_after_s: float,
        refusal: Callable[[], LogFullError | None] = lambda: None,
        source_of: Callable[[Scope], str] = lambda _: "",
    ) -> None:
        self.held_bytes = 0
        self.refused = 0
        """Requests that met no room, since start."""
        self.late = 0
        """Requests whose body took too long, since start."""
        self._app = app
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._retry_after_s = retry_after_s
        self._refusal = refusal
        self._source_of = source_of
        self._by_sender: Counter[str] = Counter()
        self._bodies: set[_Body] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(_STATIC):
            await self._app(scope, receive, send)
            return
        if (refusal := self._refusal()) is not None:
            self.refused += 1
            await error_response(refusal)(scope, receive, send)
            return
        body = _Body(asyncio.get_running_loop().time(), asyncio.current_task())
        self._bodies.add(body)

        async def counted() -> Message:
            body.is_reading = True
            message = await receive()
            body.is_reading = False
            size = len(message.get("body", b""))
            if size:
                self._hold(body, size, scope, comes_in_pieces=message.get("more_body", False))
            return message

        try:
            await self._app(scope, counted, send)
        except asyncio.CancelledError:
            if not body.is_late or body.task is None:
                raise
            body.task.uncancel()
            await _too_slow(self._timeout_s)(scope, receive, send)
        finally:
            self._bodies.discard(body)
            self._release(body)

    async def run(self) -> None:
        """End requests whose body takes too long, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            oldest_s = asyncio.get_running_loop().time() - self._timeout_s
            for body in tuple(self._bodies):
                if body.is_reading and not body.is_late and body.since_s < oldest_s and body.task is not None:
                    body.is_late = True
                    self.late += 1
                    body.task.cancel()

    def _hold(self, body: _Body, size: int, scope: Scope, *, comes_in_pieces: bool) -> None:
        """Count bytes that have come. Raises LogFullError when they are too many."""
        if comes_in_pieces and body.sender is None:
            body.sender = self._source_of(scope) or f"from {(scope['client'] or _NOBODY)[0]}"
            self._by_sender[body.sender] += body.held_bytes
        is_too_much = self.held_bytes + size > self._limit_bytes
        if body.sender is not None and self._by_sender[body.sender] + size > self._limit_bytes // 2:
            is_too_much = True
        if is_too_much:
            self.refused += 1
            raise LogFullError(f"{self.held_bytes} bytes of bodies are being read", self._retry_after_s)
        body.held_bytes += size
        self.held_bytes += size
        if body.sender is not None:
            self._by_sender[body.sender] += size

    def _release(self, body: _Body) -> None:
        self.held_bytes -= body.held_bytes
        if body.sender is not None:
            self._by_sender[body.sender] -= body.held_bytes
            if not self._by_sender[body.sender]:
                del self._by_sender[body.sender]


def _too_slow(timeout_s: float) -> Response:
    problem = f"the body did not arrive within {timeout_s:g} s. Send it again, in smaller parts if the line is slow"
    return Response(error_body("too_slow", problem), 408, {**CORS, "Connection": "close"}, JSON)
