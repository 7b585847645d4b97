"""A mail server for measurements: takes every message at once and notes when it had all of it. Keeps no contents."""

import asyncio
from typing import Self

_END_OF_MAIL = b"\r\n.\r\n"
_MAX_PENDING_BYTES = 4 << 20
_GREETING = b"220 sink ready\r\n"
_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-8BITMIME\r\n250 SIZE 1048576\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"RSET": b"250 OK\r\n",
    b"NOOP": b"250 OK\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class SmtpSink:
    """`mails` holds, by recipient, the loop times at which a message to it was complete."""

    def __init__(self) -> None:
        self.mails: dict[str, list[float]] = {}
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[_Session] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self.mails, self._open), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for session in tuple(self._open):
                session.close()
            await self._server.wait_closed()


class _Session(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, mails: dict[str, list[float]], open_sessions: "set[_Session]") -> None:
        self._mails = mails
        self._open = open_sessions
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pending = b""
        self._in_mail = False
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)
        transport.write(_GREETING)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  the protocol's signature
        self._open.discard(self)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while self._take_mail() if self._in_mail else self._take_command():
            pass
        if len(self._pending) > _MAX_PENDING_BYTES and self._transport:
            self._transport.abort()

    def _take_mail(self) -> bool:
        # The line break that ended the DATA command counts, so that an empty message has an end too.
        mail, end, rest = self._pending.partition(_END_OF_MAIL)
        if not end:
            return False
        del mail
        now = self._loop.time()
        for recipient in self._recipients:
            self._mails.setdefault(recipient, []).append(now)
        self._recipients.clear()
        self._in_mail = False
        self._pending = rest
        self._answer(b"250 taken\r\n")
        return True

    def _take_command(self) -> bool:
        line, end, rest = self._pending.partition(b"\r\n")
        if not end:
            return False
        self._pending = rest
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._recipients.append(line.partition(b"<")[2].partition(b">")[0].decode(errors="replace"))
        elif verb == b"RSET":
            self._recipients.clear()
        elif verb == b"DATA":
            self._in_mail = True
            self._pending = b"\r\n" + rest
        self._answer(_ANSWERS.get(verb, b"502 not known here\r\n"))
        if verb == b"QUIT":
            self.close()
        return True

    def _answer(self, line: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(line)
