"""An answer to a request whose body nobody wants: it goes out at once, then the connection closes."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streams.model.errors import LogFullError

LINGER_S = 2.0
_LINGER_BYTES = 4 << 20


class Parting(Response):
    """Whoever is sending the body gets a moment to see the answer: closed with bytes unread, TCP would drop it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "nothing else has a body"
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        try:
            async with asyncio.timeout(LINGER_S):
                await _pass_over(receive)
        except (TimeoutError, LogFullError):
            pass  # no time, or no room, for more of what nobody wants
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _pass_over(receive: Receive) -> None:
    passed_bytes, is_coming = 0, True
    while is_coming and passed_bytes < _LINGER_BYTES:
        message = await receive()
        passed_bytes += len(message.get("body", b""))
        is_coming = message.get("more_body", False)
