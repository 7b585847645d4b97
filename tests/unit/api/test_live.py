"""The live bus and its WebSocket: order, resuming, gaps, sign-in."""

import asyncio
from dataclasses import replace

import pytest

from api.live import MemoryLiveBus, TooManyWatchersError, Watcher
from api.settings import ApiSettings
from tests.unit.api.fakes_api import HOST, NOW, FakeClock, Installation, Socket

FIRST = NOW * 1000


def make_bus(ring: int = 5, queue: int = 5, max_watchers: int = 5) -> MemoryLiveBus:
    return MemoryLiveBus(FakeClock(), ring, queue, max_watchers)


def publish(bus: MemoryLiveBus, count: int) -> None:
    for number in range(count):
        bus.publish("default", "event", {"number": number})


async def take(watcher: Watcher, count: int) -> list[str]:
    return [await asyncio.wait_for(watcher.next(), 5) for _ in range(count)]


async def test_messages_are_numbered_without_holes_from_the_clock_on():
    bus = make_bus()
    with bus.watch("default") as watcher:
        publish(bus, 2)
        first, second = await take(watcher, 2)
    assert first == f'{{"seq":{FIRST + 1},"kind":"event","at_ms":{NOW},"data":{{"number":0}}}}'
    assert f'"seq":{FIRST + 2},' in second


async def test_workspaces_do_not_see_each_other():
    bus = make_bus()
    with bus.watch("default") as watcher:
        bus.publish("other", "event", {"number": 1})
        bus.publish("default", "event", {"number": 2})
        (only,) = await take(watcher, 1)
    assert '"number":2' in only


async def test_resuming_gives_exactly_what_was_missed():
    bus = make_bus()
    publish(bus, 4)
    with bus.watch("default", after=FIRST + 2) as watcher:
        missed = await take(watcher, 2)
    assert watcher.resumed
    assert [f'"number":{n}' in text for n, text in zip((2, 3), missed, strict=True)] == [True, True]


async def test_resuming_past_the_memory_tells_how_many_are_lost():
    bus = make_bus(ring=2)
    publish(bus, 5)
    with bus.watch("default", after=FIRST + 1) as watcher:
        gap, fourth, fifth = await take(watcher, 3)
    assert (watcher.resumed, '"kind":"gap"' in gap, '{"missed":2}' in gap) == (False, True, True)
    assert ('"number":3' in fourth, '"number":4' in fifth) == (True, True)


async def test_number_of_an_earlier_run_gets_all_that_is_in_memory():
    bus = make_bus()
    publish(bus, 2)
    with bus.watch("default", after=FIRST - 1_000_000) as watcher:
        assert len(await take(watcher, 2)) == 2
    assert not watcher.resumed


async def test_number_from_the_future_starts_at_the_present():
    bus = make_bus()
    publish(bus, 2)
    with bus.watch("default", after=FIRST + 99) as watcher:
        assert (watcher.resumed, watcher.started_at) == (False, FIRST + 2)


async def test_slow_reader_loses_the_oldest_and_is_told():
    bus = make_bus(queue=2)
    with bus.watch("default") as watcher:
        publish(bus, 5)
        gap, fourth, fifth = await take(watcher, 3)
    assert '{"missed":3}' in gap
    assert ('"number":3' in fourth, '"number":4' in fifth) == (True, True)


async def test_watchers_are_bounded():
    bus = make_bus(max_watchers=1)
    with bus.watch("default"), pytest.raises(TooManyWatchersError), bus.watch("default"):
        pass


async def test_workspace_counts_as_watched_for_a_minute_after_the_last_left():
    clock = FakeClock()
    bus = MemoryLiveBus(clock)
    with bus.watch("default"):
        pass
    assert bus.watched() == ["default"]
    clock.ms += 60_000
    assert bus.watched() == []


async def test_who_returns_after_nothing_was_published_is_not_told_that_nothing_is_missing():
    clock = FakeClock()
    bus = MemoryLiveBus(clock)
    with bus.watch("default"):
        publish(bus, 1)
    clock.ms += 60_000
    with bus.watch("default", after=FIRST + 1) as watcher:
        assert not watcher.resumed
        publish(bus, 1)
    with bus.watch("default", after=FIRST + 2) as watcher:
        assert watcher.resumed


def bearer(here: Installation) -> dict[str, str]:
    return {"authorization": f"Bearer {here.token}"}


async def test_hello_comes_first_with_what_the_page_needs(here: Installation):
    async with Socket(here.app, "/ws/live", **bearer(here)) as socket:
        hello = await socket.message()
    assert (hello["kind"], hello["seq"]) == ("hello", FIRST)
    assert set(hello["data"]) == {"resumed", "workspace", "server_ms", "version", "mail", "demo", "rates"}


async def test_socket_resumes_then_goes_on_live(here: Installation):
    publish(here.deps.bus, 2)
    async with Socket(here.app, f"/ws/live?after={FIRST + 1}", **bearer(here)) as socket:
        hello, missed = await socket.message(), await socket.message()
        here.deps.bus.publish("default", "stats", {})
        live = await socket.message()
    assert (hello["seq"], hello["data"]["resumed"]) == (FIRST + 1, True)
    assert (missed["seq"], live["seq"], live["kind"]) == (FIRST + 2, FIRST + 3, "stats")


async def test_leaving_frees_the_place(here: Installation):
    async with Socket(here.app, "/ws/live", **bearer(here)) as socket:
        await socket.message()
    here.clock.ms += 60_001
    assert here.deps.bus.watched() == []


async def test_stranger_is_refused_before_the_handshake(here: Installation):
    async with Socket(here.app, "/ws/live") as socket:
        assert (socket.answer["type"], socket.answer["code"]) == ("websocket.close", 4401)


@pytest.mark.parametrize("origin", ["https://evil.example", "", "http://127.0.0.1:9999"])
async def test_foreign_page_cannot_watch_with_the_cookie(here: Installation, origin: str):
    cookie = "; ".join(f"{k}={v}" for k, v in (await here.browser()).cookies.items())
    async with Socket(here.app, "/ws/live", cookie=cookie, origin=origin) as socket:
        assert socket.answer["type"] == "websocket.close"


async def test_our_page_watches_with_the_cookie(here: Installation):
    cookie = "; ".join(f"{k}={v}" for k, v in (await here.browser()).cookies.items())
    async with Socket(here.app, "/ws/live", cookie=cookie, origin=f"http://{HOST}") as socket:
        assert socket.answer["type"] == "websocket.accept"


async def test_signing_out_ends_the_connection(here: Installation):
    here.app.state.deps = replace(here.deps, settings=ApiSettings(live_auth_check_s=0.01))
    browser = await here.browser()
    cookie = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
    async with Socket(here.app, "/ws/live", cookie=cookie, origin=f"http://{HOST}") as socket:
        await socket.message()
        await browser.post("/api/sign-out", headers={"origin": f"http://{HOST}"})
        end = await socket.raw()
    assert (end["type"], end["code"]) == ("websocket.close", 4401)


@pytest.mark.parametrize("after", ["abc", "-1", "1.5", "%2B1", str(2**53), "9" * 400, "%D9%A3"])
async def test_unusable_after_is_refused_with_the_reason(here: Installation, after: str):
    async with Socket(here.app, f"/ws/live?after={after}", **bearer(here)) as socket:
        end = await socket.raw()
    assert (end["type"], end["code"]) == ("websocket.close", 4400)
    assert end["reason"].startswith("after: must be the seq of a message")
    assert len(end["reason"].encode()) <= 123, "what a close frame holds"


async def test_empty_after_is_none(here: Installation):
    async with Socket(here.app, "/ws/live?after=", **bearer(here)) as socket:
        assert (await socket.message())["kind"] == "hello"


async def test_stranger_with_unusable_after_is_refused_before_the_handshake(here: Installation):
    async with Socket(here.app, "/ws/live?after=x") as socket:
        assert (socket.answer["type"], socket.answer["code"]) == ("websocket.close", 4401)


async def test_unknown_host_cannot_watch(here: Installation):
    async with Socket(here.app, "/ws/live", **bearer(here) | {"host": "evil.example"}) as socket:
        assert socket.answer["type"] == "websocket.close"
