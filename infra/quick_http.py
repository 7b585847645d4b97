"""A short cut through uvicorn for the busiest requests: no task, no ASGI messages, one write an answer.

What arrives in one turn of the loop is taken in one go, after all of it was read: by turns, the code of each would push
the other's out of the processor's caches, which costs a fifth. What the short cut does not take goes the ordinary way,
whole: it adds no behaviour. It knows uvicorn's protocol class from inside (0.54), which
tests/unit/infra/test_quick_http.py watches over.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.bounded_http import BoundedProtocol
from ingest.call import Call

MAX_URL_BYTES = 16_384
MAX_BODY_BYTES = 60_000
"""Beyond it uvicorn wants somebody to read while the body comes."""

Answer = Callable[[bytes, bytes], None]
"""Sends (status line and headers, each with its line end; body)."""

_log = logging.getLogger(__name__)


class Quick(Protocol):
    """What answers without ASGI."""

    def __call__(self, call: Call, body: bytes, answer: Answer) -> bool:
        """Take the request, and call `answer` once, now or later; or return False, having done nothing."""
        ...


class _Nobody:
    """Stands where uvicorn wakes the application that reads a body."""

    def set(self) -> None:
        pass


class _Plain:
    """A request without peculiarities: for uvicorn its cycle, and its parser when it has to be read again."""

    __slots__ = ("body", "disconnected", "headers", "is_whole", "keep_alive", "method", "response_complete", "url")
    message_event = _Nobody()

    def __init__(self, method: bytes, url: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = b""
        self.is_whole = False
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    def get_method(self) -> bytes:
        return self.method

    def get_http_version(self) -> str:
        return "1.1"

    def should_keep_alive(self) -> bool:
        return True

    def should_upgrade(self) -> bool:
        return False


class QuickProtocol(BoundedProtocol):
    """A request without peculiarities that comes in one piece, behind no other, is offered to `quick` first."""

    quick: ClassVar[Quick]
    sender_of: ClassVar["Senders"]
    paths: ClassVar[tuple[bytes, ...]]
    waiting: ClassVar[list["QuickProtocol"]]
    """Those whose requests are offered when all that has arrived was read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quiet_since_s = 0.0
        """Since when the next request is waited for after one of these; 0 while it comes, and after any other."""
        self._plain: _Plain | None = None
        """The request that is being read or waits to be offered."""
        self._defaults: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        plain = self._plain
        if plain is not None and not plain.is_whole:
            # The rest may come late or never, and in the ordinary way there is somebody to mind that.
            self._read_again(plain)

    def on_message_begin(self) -> None:
        if self._plain is not None:
            self.offer()  # before another comes behind it
        self.quiet_since_s = 0.0
        if not self._begin_head():
            return
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        if self._is_plain():
            self._end_head()
            plain = self._plain = _Plain(self.parser.get_method(), self.url, self.headers)
            self.cycle = plain  # type: ignore[assignment]  # has all that uvicorn asks of one that waits
        else:
            self._read_head(self.url, self.headers, expects_100_continue=self.expect_100_continue)

    def on_body(self, body: bytes) -> None:
        plain = self._plain
        if plain is None:
            super().on_body(body)
        elif plain.body or len(body) > MAX_BODY_BYTES:
            self._read_again(plain)
            super().on_body(body)
        else:
            plain.body = body

    def on_message_complete(self) -> None:
        plain = self._plain
        if plain is None:
            super().on_message_complete()
            return
        plain.is_whole = True
        self._is_in_body = False
        waiting = type(self).waiting
        waiting.append(self)
        if len(waiting) == 1:
            self.loop.call_soon(self._offer_all)

    @classmethod
    def _offer_all(cls) -> None:
        waiting, cls.waiting = cls.waiting, []
        for one in waiting:
            try:
                one.offer()
            except Exception:  # noqa: BLE001  the others have a right to be heard
                _log.exception("a request could not be read again; its connection is cut off")
                one.transport.abort()

    def _is_plain(self) -> bool:
        parser, cycle, url = self.parser, self.cycle, self.url
        if not url.startswith(self.paths) or (cycle is not None and not cycle.response_complete):
            return False
        if parser.get_http_version() != "1.1" or not parser.should_keep_alive() or parser.should_upgrade():
            return False
        if self.expect_100_continue or self.flow.write_paused or self._is_refused:
            return False
        if b"#" in url or not url.isascii() or len(url) > MAX_URL_BYTES:
            return False
        limit = self.limit_concurrency
        if limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit):
            return False
        return b"%" not in url.partition(b"?")[0] and not self._is_head_too_large()

    def offer(self) -> None:
        """Offer the request that waits for it, if it still does."""
        plain = self._plain
        if plain is None or not plain.is_whole:
            return
        self._plain = None
        try:
            path, _, query = plain.url.partition(b"?")
            sender = self.sender_of(self.client[0] if self.client else "", plain.headers)
            call = Call(plain.method.decode(), path.decode(), query, plain.headers, sender)
            is_taken = self.quick(call, plain.body, partial(self._answer, plain))
        except Exception:  # noqa: BLE001  the ordinary way gives the answer to every fault
            _log.exception("the short cut failed; the request goes the ordinary way")
            is_taken = False
        if not is_taken:
            self._read_again(plain)

    def _read_again(self, plain: _Plain) -> None:
        """Let uvicorn read what has come of the request as if it came now."""
        self._plain = None
        parser, self.parser, self.cycle = self.parser, plain, None  # type: ignore[assignment]  # answers alike
        try:
            self._read_head(plain.url, plain.headers)
            self.cycle.keep_alive = plain.keep_alive
            if plain.body:
                super().on_body(plain.body)
            if plain.is_whole:
                super().on_message_complete()
        finally:
            self.parser = parser

    def _read_head(self, url: bytes, headers: list[tuple[bytes, bytes]], *, expects_100_continue: bool = False) -> None:
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)  # the list is in the scope by now
        self.expect_100_continue = expects_100_continue
        super().on_headers_complete()

    def _answer(self, plain: _Plain, head: bytes, body: bytes) -> None:
        plain.response_complete = True
        if plain.disconnected or self.transport.is_closing():
            return
        headers = self.server_state.default_headers
        if headers is not self._defaults[0]:
            self._defaults = headers, b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n"
        self.transport.write(b"".join((head, self._defaults[1], body)))
        if not plain.keep_alive:
            self.transport.close()
        if self.pipeline or self.flow.read_paused or not plain.keep_alive:
            self.on_response_complete()
        else:
            # What uvicorn does, but for its timer: to make and to cancel one for each request costs more than a sweep.
            self.server_state.total_requests += 1
            self.quiet_since_s = self.loop.time()

    def _sweep(self) -> None:
        """Close also who has asked nothing for as long as uvicorn waits."""
        since_s = self.loop.time() - self.timeout_keep_alive
        for one in tuple(self.connections):
            if isinstance(one, QuickProtocol) and 0 < one.quiet_since_s < since_s:
                one.transport.close()
        super()._sweep()


class Senders:
    """From which address a request comes, as uvicorn's own middleware finds it for the ordinary way: what these proxies
    say of whom they speak for is believed, and nobody else's word.
    """

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._proxies = ProxyHeadersMiddleware(_unused, list(trusted_proxies)).trusted_hosts if trusted_proxies else ()

    def __call__(self, host: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """Return the address of who sent these headers over a connection from `host`."""
        if isinstance(self._proxies, tuple) or host not in self._proxies:
            return host
        told = [value for name, value in headers if name == b"x-forwarded-for"]
        if not told:
            return host
        return self._proxies.get_trusted_client_address(b", ".join(told).decode("latin-1"))[0] or host


async def _unused(*_: object) -> None:
    """Stands where the middleware wants an application."""


def protocol_with(quick: Quick, paths: Sequence[str], senders: Senders) -> type[QuickProtocol]:
    """Return the protocol class that offers requests to these paths to `quick`."""
    within = {
        "quick": staticmethod(quick),
        "paths": tuple(path.encode() for path in paths),
        "sender_of": staticmethod(senders),
        "waiting": [],
    }
    return type("QuickProtocol", (QuickProtocol,), within)
