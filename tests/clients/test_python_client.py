"""The official Segment client for Python, unmodified: every call, packed and plain, and what it does when refused."""

import asyncio
from collections.abc import Callable

import pytest
from segment.analytics.client import Client

from tests.clients.calls import PERSON, assert_all_arrived
from tests.clients.conftest import KEY, OpenDoor


def make_all_calls(client: Client) -> None:
    client.identify(PERSON, {"email": "ada@example.com"})
    client.track(PERSON, "Email Opened")
    client.page(PERSON, "Docs", "Pricing", {"url": "https://shop.example/pricing"})
    client.screen(PERSON, "App", "Home")
    client.group(PERSON, "g1", {"plan": "pro"})
    client.alias("old-7", PERSON)
    order = {"order_id": "1001", "revenue": 49.9, "currency": "EUR"}
    client.track(PERSON, "Order Completed", order, integrations={"All": True, "Mixpanel": False})


async def send(door: OpenDoor, make_calls: Callable[[Client], None], **options: object) -> list[tuple]:
    """Send with a client of its own; return what it says has failed."""
    failures: list[tuple] = []

    def work() -> None:
        client = Client(KEY, host=door.url, on_error=lambda *failure: failures.append(failure), **options)
        make_calls(client)
        if client.consumers:  # a client that sends at once has none
            client.shutdown()

    await asyncio.to_thread(work)
    return failures


@pytest.mark.parametrize("gzip", [False, True])
async def test_every_call_arrives(door: OpenDoor, gzip: bool):
    assert await send(door, make_all_calls, gzip=gzip) == []
    assert_all_arrived(door.log.events())


async def test_every_call_arrives_without_batching(door: OpenDoor):
    assert await send(door, make_all_calls, sync_mode=True) == []
    assert_all_arrived(door.log.events())


async def test_what_the_log_has_no_room_for_is_sent_again_and_arrives_once(door: OpenDoor):
    door.trouble.full = 2
    assert await send(door, make_all_calls) == []
    assert door.trouble.refused == 2
    assert_all_arrived(door.log.events())


async def test_what_comes_too_fast_is_sent_again_after_the_wait_that_it_is_told(door: OpenDoor):
    door.trouble.rate_limited = 1

    def calls_then_patience(client: Client) -> None:
        make_all_calls(client)
        client.flush()

    assert await send(door, calls_then_patience) == []
    assert door.trouble.refused == 1
    assert_all_arrived(door.log.events())


async def test_an_unknown_key_is_told_to_the_clients_owner(door: OpenDoor):
    failures: list[tuple] = []

    def work() -> None:
        client = Client("wrong", host=door.url, on_error=lambda *failure: failures.append(failure))
        client.track("u", "x")
        client.shutdown()

    await asyncio.to_thread(work)
    assert (failures[0][0].status, "unknown_key" in failures[0][0].message) == (401, True)
