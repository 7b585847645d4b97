"""Open-loop HTTP load: each request has its time, whatever became of earlier ones, and delays count from that time.

Waiting for an answer before sending the next request would hide the very delays that are measured (coordinated
omission). So requests that find no free connection queue here, and the clock of their latency is already running.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self, cast

from msgspec import Struct

_HEAD_END = b"\r\n\r\n"
_MAX_ANSWER_BYTES = 65_536


class Sent(Struct, gc=False):
    """One request. Times are the loop's: due, on the wire, answered (None: not yet); `status` 0 is none."""

    due: float
    sent: float | None = None
    answered: float | None = None
    status: int = 0

    @property
    def is_accepted(self) -> bool:
        """Whether the answer was 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004  the class of a status code


class OpenLoop:
    """`connections` kept-alive connections to 127.0.0.1:`port`."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._wanted = connections
        self._open: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._queued: deque[tuple[Sent, bytes]] = deque()
        self._unanswered = 0
        self._all_answered = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(self._wanted):
            _, connection = await loop.create_connection(lambda: _Connection(self._on_answer), "127.0.0.1", self._port)
            self._open.append(connection)
        self._free.extend(self._open)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()

    async def run(
        self, requests: Callable[[int], bytes], rate: int, stop: Callable[[int], bool], into: list[Sent]
    ) -> None:
        """Send request 0, 1, 2… at `rate` a second until `stop(number)`, noting each in `into`."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        number = 0
        while not stop(number):
            due = start + number / rate
            wait_s = due - loop.time()
            # Also without a need to wait, so that answers are read while sending is late.
            await asyncio.sleep(max(0.0, wait_s))
            sent = Sent(due)
            into.append(sent)
            self._unanswered += 1
            self._queued.append((sent, requests(number)))
            self._send_queued()
            number += 1

    async def settled(self, timeout_s: float) -> None:
        """Wait until every request is answered, or the time is over."""
        while self._unanswered:
            self._all_answered.clear()
            try:
                await asyncio.wait_for(self._all_answered.wait(), timeout_s)
            except TimeoutError:
                return

    def _send_queued(self) -> None:
        while self._queued and self._free:
            sent, request = self._queued.popleft()
            self._free.popleft().send(sent, request)

    def _on_answer(self, connection: "_Connection") -> None:
        self._unanswered -= 1
        if not self._unanswered:
            self._all_answered.set()
        if connection.is_usable:
            self._free.append(connection)
            self._send_queued()


class _Connection(asyncio.Protocol):
    """One request at a time over one connection; broken ones are not replaced, their request stays unanswered."""

    def __init__(self, on_answer: Callable[["_Connection"], None]) -> None:
        self._on_answer = on_answer
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._sent: Sent | None = None
        self._pending = b""
        self.is_usable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_usable = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        self.is_usable = False

    def send(self, sent: Sent, request: bytes) -> None:
        assert self._transport is not None
        sent.sent = self._loop.time()
        self._sent = sent
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, end, body = self._pending.partition(_HEAD_END)
        if len(self._pending) > _MAX_ANSWER_BYTES:
            self.close()
        if not end or len(body) < _length_of(head):
            return
        self._pending = b""
        sent, self._sent = self._sent, None
        if sent is None:
            return
        sent.answered = self._loop.time()
        sent.status = int(head[9:12])
        self._on_answer(self)

    def close(self) -> None:
        self.is_usable = False
        if self._transport is not None:
            self._transport.close()


def _length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def post(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    """Return the bytes of a POST of JSON."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + _HEAD_END + body
