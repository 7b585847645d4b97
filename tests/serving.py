"""An ASGI application behind a real server, in the loop of the test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def served(app: ASGIApp, **settings: Any) -> AsyncIterator[str]:
    """Serve the application at the address that is given, on uvicorn with `settings`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, **settings))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def connected(app: ASGIApp, **settings: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve the application to one who speaks bytes."""
    async with served(app, **settings) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", url.rsplit(":", 1)[1])
        try:
            yield reader, writer
        finally:
            writer.close()
