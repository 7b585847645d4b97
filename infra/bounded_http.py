"""Bounds for the heads of requests, which uvicorn leaves to others: their size, and how long one may be on its way."""

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
HEAD_TIMEOUT_S = 15.0
SWEEP_S = 3.0
CROWDED = 800
"""With so many connections those go first that have not said a word for `HURRY_S`."""
HURRY_S = 1.0
_REASON = b"The head of the request has more than 64 KiB"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_REASON), _REASON)
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds for the heads of requests: their size, and the time until they are there."""

    is_swept: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._chunk_bytes = 0
        self._head_bytes = 0
        """So many at most has the head that is being read."""
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
        self._chunk_bytes = len(data)
        self._head_bytes += self._chunk_bytes
        super().data_received(data)
        if not self._is_in_head:
            self.waits_since_s = 0.0
            return
        self.waits_since_s = self.waits_since_s or self.loop.time()
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._is_head_too_large():
            self._refuse_head()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            super().on_message_complete()

    def _begin_head(self) -> None:
        self._is_in_head = True
        self._head_bytes = self._chunk_bytes

    def _is_head_too_large(self) -> bool:
        if self._head_bytes <= MAX_HEAD_BYTES:
            return False
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD_BYTES

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
