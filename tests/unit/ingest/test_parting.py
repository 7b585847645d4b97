"""A body that its head declares to be too large is refused before it comes, and the connection closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from ingest import parting
from ingest.turnstile import Turnstile
from tests.serving import connected
from tests.unit.ingest.fake_log import FakeLog

HEAD = b"POST /v1/%b?k=wk_web HTTP/1.1\r\nHost: door\r\nContent-Length: %b\r\n%b\r\n"


@pytest.mark.parametrize(
    ("kind", "size", "more"),
    [
        (b"track", b"4097", b""),
        (b"batch", b"65537", b""),
        (b"track", b"9" * 18, b""),
        (b"track", b"5000", b"Expect: 100-continue\r\n"),
    ],
)
async def test_it_is_answered_before_its_body_comes_and_hung_up(app, monkeypatch, kind, size, more):
    monkeypatch.setattr(parting, "LINGER_S", 0.05)
    async with asyncio.timeout(60), connected(app, http="httptools") as (reader, writer):
        writer.write(HEAD % (kind, size, more))
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (b"connection: close" in answer, b"too_large" in answer, b"100 Continue" in answer) == (True, True, False)


async def test_whoever_sends_it_all_the_same_gets_the_answer(app):
    async with asyncio.timeout(60), connected(app, http="httptools") as (reader, writer):
        writer.write(HEAD % (b"batch", b"3000000", b"") + b"x" * 3_000_000)
        await writer.drain()
        assert (await reader.read()).startswith(b"HTTP/1.1 413 ")


async def test_where_there_is_no_room_for_the_rest_it_hangs_up_at_once(app, caplog):
    async with asyncio.timeout(60), connected(Turnstile(app, 200_000, 60, 2), http="httptools") as (reader, writer):
        writer.write(HEAD % (b"batch", b"3000000", b"") + b"x" * 150_000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        with suppress(ConnectionResetError):  # the rest was never read
            await reader.read()
    assert caplog.records == []


async def test_the_reason_is_kept(client: httpx.AsyncClient, log: FakeLog):
    answer = await client.post("/v1/track", auth=("wk_web", ""), content=b"x" * 5_000)
    assert (answer.status_code, answer.json()["error"]["field"]) == (413, "body")
    assert [(letter.code, letter.raw) for letter in log.dead_letters()] == [("too_large", b"")]


async def test_what_does_not_say_its_size_is_kept_as_far_as_it_was_read(client: httpx.AsyncClient, log: FakeLog):
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1_000

    assert (await client.post("/v1/track", auth=("wk_web", ""), content=pieces())).status_code == 413
    assert [letter.raw for letter in log.dead_letters()] == [b"x" * 4_097]
