"""A short cut through uvicorn for the busiest requests: no task, no ASGI messages, one write an answer.

It costs half of the ordinary way. What the short cut does not take goes the ordinary way, whole: it adds no behaviour.
It knows uvicorn's protocol class from inside (0.54), which tests/unit/infra/test_quick_http.py watches over.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol, cast

from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 65_536
HEAD_TIMEOUT_S = 15.0
SWEEP_S = 3.0
CROWDED = 800
"""With so many connections those go first that have not said a word for `HURRY_S`."""
HURRY_S = 1.0
MAX_BODY_BYTES = 60_000
"""Beyond it uvicorn wants somebody to read while the body comes."""
_NOBODY = ("", 0)
_REASON = b"The head of the request has more than 64 KiB"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_REASON), _REASON)
)

Answer = Callable[[bytes, bytes], None]
"""Sends (status line and headers, each with its line end; body)."""

_log = logging.getLogger(__name__)


class Quick(Protocol):
    """What answers without ASGI."""

    def __call__(self, scope: Scope, body: bytes, answer: Answer) -> bool:
        """Take the request, and call `answer` once, now or later; or return False, having done nothing."""
        ...


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds for the heads of requests: their size, and the time until they are there."""

    is_swept: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._is_in_head = True
        self._is_refused = False
        self.waits_since_s = 0.0
        """Since when the rest of a head is waited for; 0 when none is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not type(self).is_swept:
            type(self).is_swept = True
            self.loop.call_later(SWEEP_S, self._sweep)
        if len(self.connections) >= CROWDED:
            _close_waiting(self.connections, self.loop.time() - HURRY_S)
        super().connection_made(cast("asyncio.Transport", transport))
        self.waits_since_s = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        super().data_received(data)
        if not self._is_in_head:
            self.waits_since_s = 0.0
            return
        self._head_bytes += len(data)
        self.waits_since_s = self.waits_since_s or self.loop.time()
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            self._refuse_head()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            super().on_message_complete()

    def _sweep(self) -> None:
        """Close who has let a head wait, as long as anybody is there."""
        _close_waiting(self.connections, self.loop.time() - HEAD_TIMEOUT_S)
        type(self).is_swept = bool(self.connections)
        if self.connections:
            self.loop.call_later(SWEEP_S, self._sweep)

    def _refuse_head(self) -> None:
        self._is_refused = True
        self.transport.write(_TOO_LARGE)
        self.transport.close()


def _close_waiting(connections: "set[Any]", since_s: float) -> None:
    for one in tuple(connections):
        if isinstance(one, BoundedProtocol) and 0 < one.waits_since_s < since_s:
            one.transport.close()


class QuickProtocol(BoundedProtocol):
    """A request without peculiarities that comes in one piece, behind no other, is offered to `quick` first."""

    quick: ClassVar[Quick]
    paths: ClassVar[tuple[str, ...]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: RequestResponseCycle | None = None
        self._is_between = False
        self._defaults: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Another application than ours is uvicorn's answer to too many connections. What waited behind another request
        # would be answered inside that one's answer, and so on: whoever sends so can wait for a task.
        if app is not self.app or self._is_between or not self._is_plain(cycle):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._held = cycle
        else:
            self._offer(cycle)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        held, self._held = self._held, None
        if held is not None:
            # The rest may come late or never, and in the ordinary way there is somebody to mind that.
            super()._start_asgi_task(held, self.app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        held, self._held = self._held, None
        if held is not None:
            self._offer(held)

    def _is_plain(self, cycle: RequestResponseCycle) -> bool:
        if not cycle.scope["path"].startswith(self.paths) or not cycle.keep_alive or cycle.waiting_for_100_continue:
            return False
        if self.flow.write_paused:
            return False
        for name, value in cycle.scope["headers"]:
            if name == b"transfer-encoding" or (name == b"content-length" and int(value) > MAX_BODY_BYTES):
                return False
        return True

    def _offer(self, cycle: RequestResponseCycle) -> None:
        try:
            is_taken = type(self).quick(cast("Scope", cycle.scope), bytes(cycle.body), partial(self._answer, cycle))
        except Exception:  # noqa: BLE001  the ordinary way gives the answer to every fault
            _log.exception("the short cut failed; the request goes the ordinary way")
            is_taken = False
        if not is_taken:
            super()._start_asgi_task(cycle, self.app)

    def on_response_complete(self) -> None:
        self._is_between = True
        try:
            super().on_response_complete()
        finally:
            self._is_between = False

    def _answer(self, cycle: RequestResponseCycle, head: bytes, body: bytes) -> None:
        if cycle.disconnected or cycle.response_complete or self.transport.is_closing():
            return
        headers = self.server_state.default_headers
        if headers is not self._defaults[0]:
            self._defaults = headers, b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n"
        self.transport.write(b"".join((head, self._defaults[1], body)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


class Senders:
    """From which address a request comes, as uvicorn's own middleware finds it for the ordinary way: what these proxies
    say of whom they speak for is believed, and nobody else's word.
    """

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = ProxyHeadersMiddleware(_unused, list(trusted_proxies)).trusted_hosts if trusted_proxies else ()

    def __call__(self, scope: Scope) -> str:
        """Return the address; nothing where none is known."""
        host: str = (scope["client"] or _NOBODY)[0]
        if isinstance(self._proxies, tuple) or host not in self._proxies:
            return host
        told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if not told:
            return host
        return self._proxies.get_trusted_client_address(b", ".join(told).decode("latin-1"))[0] or host


async def _unused(*_: object) -> None:
    """Stands where the middleware wants an application."""


def protocol_with(quick: Quick, paths: tuple[str, ...]) -> type[QuickProtocol]:
    """Return the protocol class that offers requests to these paths to `quick`."""
    return type("QuickProtocol", (QuickProtocol,), {"quick": staticmethod(quick), "paths": paths})
