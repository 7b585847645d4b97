"""The traffic generator as an HTTP client: whom it speaks to, how much, and what it does when it isn't heard."""

import asyncio
import base64
import json
from collections import Counter
from contextlib import asynccontextmanager
from random import Random

import httpx
import pytest

from infra.demo import traffic as module
from infra.demo.traffic import TrafficGenerator
from streams.model.errors import ConfigurationError
from tests.virtual_time import run_in_virtual_time

KEYS = {"web": "wk_web", "mobile-app": "wk_app"}


class FixedClock:
    def now_ms(self):
        return 1_700_000_000_123


class Platform(httpx.AsyncBaseTransport):
    """Takes batches; answers with `answers` first, then 200."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.arrived = asyncio.Condition()

    async def handle_async_request(self, request):
        self.requests.append((request, json.loads(request.content)["batch"]))
        async with self.arrived:
            self.arrived.notify_all()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, request=request, text="told why")

    async def has(self, condition):
        async with asyncio.timeout(60), self.arrived:
            await self.arrived.wait_for(condition)

    async def has_requests(self, count):
        await self.has(lambda: len(self.requests) >= count)

    def events(self, source=None):
        return [event for request, batch in self.requests for event in batch if source in (None, source_of(request))]


def source_of(request):
    key = base64.b64decode(request.headers["authorization"].partition(" ")[2]).decode().rstrip(":")
    return next(source for source, known in KEYS.items() if known == key)


def generator(platform, rate_per_s=3000.0, keys=KEYS):
    return TrafficGenerator(
        "http://127.0.0.1:8000", keys, FixedClock(), Random(1), rate_per_s=rate_per_s, transport=platform
    )


@asynccontextmanager
async def running(traffic):
    task = asyncio.create_task(traffic.run())
    try:
        yield traffic
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "SEED_GAP_S", 0.0)
    monkeypatch.setattr(module, "RETRY_FIRST_S", 0.001)


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.1:8000", "https://127.0.0.1", "127.0.0.1:8000", "http://[::2]/", ""]
)
async def test_no_other_host_is_ever_spoken_to(url):
    with pytest.raises(ConfigurationError, match="not this machine"):
        TrafficGenerator(url, KEYS, FixedClock(), Random(1))


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.1:1", "http://127.8.8.8:1", "http://[::1]:1"])
async def test_loopback_addresses_are_fine(url):
    assert TrafficGenerator(url, KEYS, FixedClock(), Random(1)).status().paused == {}


async def test_events_go_to_the_public_endpoint_under_each_sources_key():
    platform = Platform()
    async with running(generator(platform)):
        await platform.has_requests(200)
    assert {request.url.path for request, _ in platform.requests} == {"/v1/batch"}
    assert {source_of(request) for request, _ in platform.requests} == set(KEYS)


async def test_visitors_come_with_their_browser_in_head_and_message():
    platform = Platform()
    async with running(generator(platform)):
        await platform.has_requests(50)
    assert all(
        request.headers["user-agent"] == event["context"]["userAgent"] != ""
        for request, batch in platform.requests
        for event in batch
    )


async def test_event_ids_are_unique_and_times_come_from_the_clock():
    platform = Platform()
    async with running(generator(platform)):
        await platform.has_requests(300)
    ids = Counter(event["messageId"] for event in platform.events())
    assert max(ids.values()) == 1
    assert {event["timestamp"] for event in platform.events()} == {"2023-11-14T22:13:20.123+00:00"}


def test_a_minute_of_the_story_is_told_at_once_at_the_start():
    async def sent_within_seconds():
        platform = Platform()
        async with running(generator(platform, rate_per_s=2.5)):
            await asyncio.sleep(2.0)
        return len(platform.events())

    assert 150 <= run_in_virtual_time(sent_within_seconds()) < 165


async def test_the_sources_share_the_rate_three_to_two():
    traffic = generator(Platform(), rate_per_s=2.5)
    assert traffic._rates == {"web": 1.5, "mobile-app": 1.0}


async def test_a_rate_of_zero_sends_nothing_and_goes_on():
    platform = Platform()
    task = asyncio.create_task(generator(platform, rate_per_s=0.0).run())
    done, _ = await asyncio.wait([task], timeout=0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (platform.requests, done) == ([], set())


async def test_a_paused_source_sends_nothing_while_the_other_goes_on():
    platform = Platform()
    async with running(generator(platform)) as traffic:
        await platform.has(lambda: platform.events("mobile-app"))
        traffic.pause("mobile-app", 60.0)
        await platform.has_requests(len(platform.requests) + 20)
        before = len(platform.events("mobile-app"))
        await platform.has_requests(len(platform.requests) + 100)
    assert len(platform.events("mobile-app")) == before


async def test_a_pause_ends_by_itself():
    platform = Platform()
    traffic = generator(platform)
    traffic.pause("mobile-app", 0.2)
    async with running(traffic):
        await platform.has(lambda: platform.events("mobile-app"))
    assert traffic.status().paused == {}


async def test_back_to_normal_ends_pause_and_burst():
    traffic = generator(Platform())
    traffic.pause("mobile-app", 60.0)
    traffic.burst(8.0, 30.0)
    assert (traffic.status().paused.keys(), traffic.status().factor) == ({"mobile-app"}, 8.0)
    traffic.normal()
    assert traffic.status() == ({}, 1.0, 0.0)


async def test_a_source_that_does_not_exist_cannot_be_paused():
    with pytest.raises(KeyError):
        generator(Platform()).pause("fax", 1.0)


def test_a_burst_sends_several_times_as_much(monkeypatch):
    monkeypatch.setattr(module, "SEED_S", 0.0)

    async def sent(factor):
        platform = Platform()
        traffic = generator(platform, rate_per_s=20.0)
        traffic.burst(factor, 60.0)
        async with running(traffic):
            await asyncio.sleep(30.0)
        return len(platform.events())

    usual, burst = run_in_virtual_time(sent(1.0)), run_in_virtual_time(sent(8.0))
    assert 7 * usual < burst < 9 * usual


@pytest.mark.parametrize("trouble", [503, 500, 429, httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_a_batch_that_was_not_taken_is_sent_again_with_the_same_ids(trouble):
    platform = Platform(trouble, trouble, trouble)
    async with running(generator(platform, keys={"web": "wk_web"})):
        await platform.has_requests(5)
    batches = [batch for _, batch in platform.requests]
    assert batches[0] == batches[1] == batches[2] == batches[3] != batches[4]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_refusal_for_good_is_told_once_and_visitors_come_back_later(status, caplog, monkeypatch):
    monkeypatch.setattr(module, "REFUSED_S", 0.0)
    platform = Platform(*[status] * 3)
    async with running(generator(platform, keys={"web": "wk_web"})):
        await platform.has_requests(5)
    assert [record.message for record in caplog.records if record.name.startswith("infra")] == [
        f"the demo's visitors of web are not let in: {status} told why"
    ]
    assert platform.requests[0][1] != platform.requests[1][1]


async def test_nothing_is_said_when_the_server_has_gone(caplog):
    platform = Platform(*[httpx.ConnectError("gone")] * 6)
    with caplog.at_level("INFO", logger="infra"):
        async with running(generator(platform)):
            await platform.has_requests(6)
    assert [record for record in caplog.records if record.name.startswith("infra")] == []
