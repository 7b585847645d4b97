"""A connection that ends while one of its requests is being answered."""

import asyncio
import logging

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from infra.bounded_http import BoundedProtocol
from tests.serving import connected

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("requests", [1, 3])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_answer_to_nobody_is_no_fault(requests: int, loop: str, caplog: pytest.LogCaptureFixture) -> None:
    with asyncio.Runner(loop_factory=uvicorn.Config("", loop=loop).get_loop_factory()) as runner:
        told = runner.run(_answer_after_the_end(requests))
    assert told == ["http.request", "http.disconnect"]
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []


async def _answer_after_the_end(requests: int) -> list[str]:
    """Send so many requests in one go and end the connection; return what the application was told."""
    told: list[str] = []
    done = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        told.extend([(await receive())["type"], (await receive())["type"]])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        done.set()

    begun = asyncio.Event()
    protocol = type("Bounded", (BoundedProtocol,), {})  # of its own: who sweeps in this loop sweeps in no other
    async with connected(app, http=protocol, timeout_graceful_shutdown=1) as (_, writer):
        writer.write(GET * requests)
        await begun.wait()
        writer.transport.abort()
        await asyncio.wait_for(done.wait(), 30)
    return told
