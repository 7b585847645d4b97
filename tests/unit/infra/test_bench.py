"""The measuring instruments: they count delays from when a request was due, and mails from when they were complete."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib
import pytest

from infra.bench import engine, idle, latency
from infra.bench.latency import Traffic, describe, measure_latency, quantiles
from infra.bench.load import OpenLoop, Sent, post
from infra.bench.platform import Platform, PlatformError
from infra.bench.smtp_sink import SmtpSink

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Shop:
    """Answers requests once `gate` is set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gone = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n{}")
            await self.gate.wait()
            writer.write(ANSWER)
        writer.close()
        await writer.wait_closed()
        self.gone.release()


@asynccontextmanager
async def shop(connections: int) -> AsyncIterator[tuple[Shop, OpenLoop]]:
    made = Shop()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with OpenLoop(port, connections) as load:
            yield made, load
        for _ in range(connections):
            await made.gone.acquire()


async def test_every_request_is_answered_and_timed():
    async with shop(4) as (server, load):
        server.gate.set()
        sent: list[Sent] = []
        await load.run(lambda _: post("/", b"{}"), 1_000, lambda n: n == 20, sent)
        await load.settled(60)
    assert [r.is_accepted for r in sent] == [True] * 20
    assert all(r.due <= r.sent <= r.answered for r in sent if r.sent and r.answered)


async def test_a_stalled_server_does_not_slow_the_schedule_down_but_shows_in_the_delays():
    async with shop(1) as (server, load):
        sent: list[Sent] = []
        await load.run(lambda _: post("/", b"{}"), 1_000, lambda n: n == 50, sent)
        server.gate.set()
        await load.settled(60)
    assert sent[-1].due - sent[0].due == pytest.approx(0.049)
    assert sent[0].answered - sent[0].due >= 0.049


async def test_what_is_never_answered_is_not_taken_for_accepted():
    async with shop(1) as (server, load):
        sent: list[Sent] = []
        await load.run(lambda _: post("/", b"{}"), 1_000, lambda n: n == 1, sent)
        await load.settled(0.01)
        assert (sent[0].answered, sent[0].is_accepted) == (None, False)
        server.gate.set()
        await load.settled(60)


async def test_the_sink_notes_each_mail_when_it_is_complete():
    async with SmtpSink() as sink:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.port, start_tls=False)
        async with client:
            for number in range(2):
                await client.sendmail(
                    "shop@shop.io", ["ann@shop.io"], f"Subject: {number}\r\n\r\n.\r\ndot\r\n".encode()
                )
            await client.rset()
            await client.sendmail("shop@shop.io", ["bob@shop.io"], b"\r\n")
    assert {recipient: len(times) for recipient, times in sink.mails.items()} == {"ann@shop.io": 2, "bob@shop.io": 1}


async def test_the_sink_refuses_what_it_does_not_know():
    async with SmtpSink() as sink:
        reader, writer = await asyncio.open_connection("127.0.0.1", sink.port)
        await reader.readline()
        writer.write(b"VRFY ann\r\nQUIT\r\n")
        assert [await reader.readline(), await reader.readline()] == [b"502 not known here\r\n", b"221 bye\r\n"]
        writer.close()
        await writer.wait_closed()


def test_every_twentieth_request_leaves_a_cart_of_a_person_of_its_own():
    traffic = Traffic("wk", cart_events=100)
    carts = [n for n in range(200) if traffic.is_cart(n)]
    assert carts == [0, 20, 40, 60, 80]
    assert len({traffic.request(n).partition(b"\r\n\r\n")[2] for n in carts}) == 5


def test_quantiles_are_by_nearest_rank_in_milliseconds():
    assert quantiles([n / 1000 for n in range(1, 101)]) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert quantiles([]) == {}


async def test_a_platform_that_does_not_start_is_told_with_its_log(tmp_path):
    with pytest.raises(PlatformError, match="LOG__PARTITIONS"):
        async with Platform(tmp_path / "data", {"LOG__PARTITIONS": 0}):
            pass


@pytest.mark.slow
async def test_the_figures_of_a_short_run_are_complete(monkeypatch):
    monkeypatch.setattr(latency, "CART_SHARE", 0.1)
    figures = await measure_latency(100, 2, 0.5)
    assert figures["mails"] == {"expected": 20, "arrived": 20, "missing": 0, "repeated": 0}
    assert figures["events"]["accepted"] == figures["events"]["sent"] >= 200
    assert figures["mail_beyond_window_ms"]["p50"] > 0
    assert "20 of 20 arrived" in describe(figures)


@pytest.mark.slow
async def test_starts_and_rest_are_measured():
    figures = await idle.measure_idle(1, demo=False)
    assert min(figures["first_start"]["ready_s"], figures["second_start"]["ready_s"]) > 0
    assert idle.describe(figures).startswith("ready    in ")


def test_the_engine_is_measured_on_all_its_events():
    figures = engine.measure_engine(2_000, 100)
    assert (figures["events"], figures["profiles"]) == (2_000, 100)
    assert f"{figures['events_per_cpu_s']} events per CPU second" in engine.describe(figures)
