"""The least that a server can do: answers every request with five bytes. What the front door is measured against."""

import asyncio
import socket
import sys

import uvloop
from starlette.types import Receive, Scope, Send

from infra.server import create_server

_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"5")]


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer one request, whatever it asks."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"hello"})


async def _serve() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = create_server(hello)
    serving = asyncio.create_task(server.serve([listener]))
    sys.stdout.write(f"ready http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await serving


if __name__ == "__main__":
    uvloop.run(_serve())
