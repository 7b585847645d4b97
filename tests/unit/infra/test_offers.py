"""Whoever offers another protocol is served in this one, as if nothing had been offered (RFC 9110, 7.8)."""

import asyncio

import pytest

from tests.unit.infra.test_quick_http import (
    OFFER,
    Recorder,
    answer_of,
    answers_until_end,
    at_once,
    never,
    post,
    serving,
)


@pytest.mark.parametrize("react", [never, at_once])
@pytest.mark.parametrize(
    "request_bytes",
    [
        post("/q", b"hello", OFFER),
        post("/q", b"hello", "Connection: close, Upgrade\r\nUpgrade: h2c\r\n"),
        post("/q", b"hello", "Upgrade: TLS/1.0\r\nConnection: keep-alive\r\nConnection: upgrade\r\n"),
        post("/q", b"hello", OFFER).replace(b"HTTP/1.1", b"HTTP/1.0"),
        f"POST /q HTTP/1.1\r\n{OFFER}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".encode(),
    ],
    ids=["HTTP 2", "the last one", "TLS", "HTTP 1.0", "chunks"],
)
async def test_an_offer_of_another_protocol_is_passed_over(request_bytes: bytes, react):
    async with serving(Recorder(react)) as (reader, writer):
        writer.write(request_bytes)
        assert await answer_of(reader) in {b"slow:/q:hello", b"quick"}


async def test_a_request_with_an_offer_takes_the_short_cut_like_any_other():
    quick = Recorder(at_once)
    async with serving(quick) as (reader, writer):
        writer.write(post("/q", b"hello", OFFER))
        assert await answer_of(reader) == b"quick"
    assert quick.bodies == [b"hello"]


async def test_who_offers_another_protocol_and_expects_to_be_told_to_go_on_is_told():
    async with serving(Recorder(at_once)) as (reader, writer):
        head, body = post("/q", b"hello", f"{OFFER}Expect: 100-continue\r\n").split(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).startswith(b"HTTP/1.1 100")
        writer.write(body)
        assert await answer_of(reader) == b"slow:/q:hello"


async def test_what_is_wrong_behind_an_offer_is_refused():
    async with serving(Recorder(at_once)) as (reader, writer):
        writer.write(f"POST /q HTTP/1.1\r\n{OFFER}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode() + post("/q", b"x"))
        assert await answers_until_end(reader) == [b"HTTP/1.1 400 Bad Request"]
