"""Unsubscribing: one click does it, looking does not, and nobody can make a link for somebody else."""

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from sinks.unsubscribe import Subscriber, UnsubscribeLinks, unsubscribe_routes
from tests.unit.sinks.fakes_sinks import FakeClock, FakeEmit, cart_delivery, renderer
from tests.unit.sinks.memory_ledger import MemoryLedger

LINKS = UnsubscribeLinks("secret", "https://ciq.io/")


class Rig:
    def __init__(self) -> None:
        self.ledger, self.emit = MemoryLedger(), FakeEmit()
        self.app = Starlette(routes=unsubscribe_routes(LINKS, self.ledger, renderer(), FakeClock(), self.emit))

    async def call(self, method: str, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://ciq.io") as client:
            return await client.request(
                method, path, content=b"List-Unsubscribe=One-Click" if method == "POST" else None
            )


async def test_looking_at_the_link_asks_and_does_nothing() -> None:
    rig = Rig()
    for method in ("GET", "HEAD"):
        answer = await rig.call(method, LINKS.url(cart_delivery()))
        assert answer.status_code == 200
    assert (await rig.ledger.suppressed("w", ["ann@shop.io"]), rig.emit.events) == ({}, [])


async def test_the_page_has_one_button_and_may_run_nothing() -> None:
    answer = await Rig().call("GET", LINKS.url(cart_delivery()))
    assert answer.text.count("<button") == 1
    assert "ann@shop.io" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_one_click_suppresses_the_address_and_tells_the_log() -> None:
    rig = Rig()
    answer = await rig.call("POST", LINKS.url(cart_delivery()))
    assert (answer.status_code, "You are unsubscribed" in answer.text) == (200, True)
    assert await rig.ledger.suppressed("w", ["ann@shop.io"]) == {"ann@shop.io": "unsubscribed"}
    [event] = rig.emit.events
    assert (event.name, event.profile, event.keys.canonical()) == ("unsubscribed", "user:1", "user:1")


async def test_clicking_twice_is_the_same_event() -> None:
    rig = Rig()
    for _ in range(2):
        await rig.call("POST", LINKS.url(cart_delivery()))
    assert len({event.id for event in rig.emit.events}) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_was_changed_does_nothing(method: str) -> None:
    rig = Rig()
    answer = await rig.call(method, LINKS.url(cart_delivery())[:-3] + "abc")
    assert answer.status_code == 404
    assert "does not work" in answer.text
    assert rig.emit.events == []


def test_a_link_of_another_installation_is_not_read() -> None:
    token = UnsubscribeLinks("other", "https://ciq.io").url(cart_delivery()).rpartition("/")[2]
    assert LINKS.read(token) is None


def test_a_link_names_whom_it_was_made_for() -> None:
    delivery = msgspec.structs.replace(cart_delivery(), profile="anon:7")
    assert LINKS.read(LINKS.url(delivery).rpartition("/")[2]) == Subscriber("w", "ann@shop.io", "anon:7")


async def test_an_address_is_shown_as_text() -> None:
    delivery = msgspec.structs.replace(cart_delivery(), recipient="<b>@x.io")
    assert "<b>@" not in (await Rig().call("GET", LINKS.url(delivery))).text
