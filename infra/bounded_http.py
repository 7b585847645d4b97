"""Bounds that uvicorn leaves to others: how large the head of a request may be, how long it may be on its way, and how
many requests may wait behind another on one connection. And it passes over offers of protocols that nobody here speaks.
"""

import asyncio
import sys
from typing import Any, ClassVar, cast

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 65_536
HEAD_TIMEOUT_S = 15.0
SWEEP_S = 3.0
CROWDED = 800
"""With so many connections those go first that have not said a word for `HURRY_S`."""
HURRY_S = 1.0
MAX_WAITING = 128
"""So many requests may wait behind one that is being answered; then no more are read, and the connection ends once they
are answered.
"""
_LINE_BYTES = len("GET  HTTP/1.1\r\n")
_HEADER_BYTES = len(": \r\n")
_UPGRADE = b"upgrade"
_REASON = b"The head of the request has more than 64 KiB"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_REASON), _REASON)
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds. What it refuses is told after the answers to all that came before."""

    is_swept: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._chunk_bytes = 0
        self._begun = 0
        """So many requests have begun in the chunk that is being read."""
        self._head_bytes = 0
        """So many bytes of the head have come in earlier chunks."""
        self._is_in_head = True
        self._is_in_body = False
        self._is_refused = False
        self.waits_since_s = 0.0
        """Since when the rest of a head is waited for; 0 when none is."""
        self._set_aside = b""
        """The head of a request with an offer that is passed over, without the offer, to be read again."""
        self._rest_at = 0
        """Where in the chunk it ended."""
        self._answered: RequestResponseCycle | None = None
        """The request that is being answered, or was last."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not type(self).is_swept:
            type(self).is_swept = True
            self.loop.call_later(SWEEP_S, self._sweep)
        if len(self.connections) >= CROWDED:
            _close_waiting(self.connections, self.loop.time() - HURRY_S)
        super().connection_made(cast("asyncio.Transport", transport))
        self.waits_since_s = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn tells the request that came last, while another before it may be the one that is being answered.
        cycle = self._answered
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._chunk_bytes = len(data)
        self._begun = int(self._is_in_body)
        self._read(data)
        if not self._is_in_head or self._is_refused:
            self.waits_since_s = 0.0
            return
        self.waits_since_s = self.waits_since_s or self.loop.time()
        if self._begun <= 1:  # so all of the chunk is of this head
            self._head_bytes += self._chunk_bytes
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        if self._begin_head():
            super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._end_head()
        if self._is_head_too_large():
            self._refuse(_TOO_LARGE)
        if self._is_refused:
            return
        if self._has_offer_to_pass_over():
            self._set_aside = self._head_without_offer()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        if not self._is_refused and not self._set_aside:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._is_in_body or not self._has_unanswered():
            super().send_400_response(msg)
        else:
            self._refuse(b"")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """Note where the head ended: uvicorn calls this while it handles what the parser has raised."""
        upgrade = sys.exception()
        assert isinstance(upgrade, HttpParserUpgrade)
        self._rest_at = upgrade.args[0]
        if not self._set_aside:
            super()._unsupported_upgrade_warning()

    def _read(self, data: bytes) -> None:
        """Let the parser read all of it. After an offer it takes no body, as if the protocol had been switched; so a
        request whose offer is passed over (RFC 9110, 7.8) is read again without it.
        """
        super().data_received(data)
        while self._set_aside:
            head, self._set_aside = self._set_aside, b""
            data = data[self._rest_at :]
            # The old one reads no more when that request was to be the last on the connection.
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            super().data_received(head)
            if data and not self._is_refused and not self.transport.is_closing():
                super().data_received(data)

    def _has_offer_to_pass_over(self) -> bool:
        return (
            self.parser.should_upgrade()
            and not self._should_upgrade()
            and any(name == _UPGRADE for name, _ in self.headers)
        )

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != _UPGRADE]
        return b"\r\n".join((*lines, b"", b""))

    def _begin_head(self) -> bool:
        """Note that a request begins; return whether it is to be read."""
        self._begun += 1
        self._head_bytes = 0
        self._is_in_head = True
        if len(self.pipeline) >= MAX_WAITING:
            self._refuse(b"")
        if self._is_refused:
            # Uvicorn goes on to put these into what it has last.
            self.url, self.headers = b"", []
        return not self._is_refused

    def _end_head(self) -> None:
        self._is_in_head = False
        self._is_in_body = True

    def _is_head_too_large(self) -> bool:
        if self._head_bytes + self._chunk_bytes <= MAX_HEAD_BYTES:
            return False
        size = sum(len(name) + len(value) + _HEADER_BYTES for name, value in self.headers)
        return _LINE_BYTES + len(self.url) + size > MAX_HEAD_BYTES

    def _has_unanswered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, answer: bytes) -> None:
        """Read no more, and close: with this answer, or after those that are still to come."""
        self._is_refused = True
        if self._has_unanswered():
            self.cycle.keep_alive = False
            return
        self.transport.write(answer)
        self.transport.close()

    def _sweep(self) -> None:
        """Close who has let a head wait, as long as anybody is there."""
        _close_waiting(self.connections, self.loop.time() - HEAD_TIMEOUT_S)
        type(self).is_swept = bool(self.connections)
        if self.connections:
            self.loop.call_later(SWEEP_S, self._sweep)


def _close_waiting(connections: "set[Any]", since_s: float) -> None:
    for one in tuple(connections):
        if isinstance(one, BoundedProtocol) and 0 < one.waits_since_s < since_s:
            one.transport.close()
