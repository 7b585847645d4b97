"""Shopify's webhooks: believed only when signed, an order counts once, a checkout is a cart."""

import hmac
from base64 import b64encode
from hashlib import sha256
from typing import Any

import httpx
import orjson
import pytest

from streams.model.events import ProfileKeys, Utm
from tests.unit.ingest.fake_log import FakeLog

ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "email": "Jon@Example.com",
    "created_at": "2026-12-31T19:00:00-05:00",
    "currency": "USD",
    "total_price": "403.00",
    "landing_site": "/?utm_source=news&utm_campaign=winter",
    "customer": {"id": 5, "first_name": "Jon", "last_name": "Snow"},
    "line_items": [{"product_id": 788032119674292922, "title": "Tee", "price": "199.00", "quantity": 2, "sku": "T1"}],
}
CHECKOUT: dict[str, Any] = {
    "token": "tok1",
    "cart_token": "cart1",
    "email": "jon@example.com",
    "currency": "EUR",
    "abandoned_checkout_url": "https://shop.example/recover/1",
    "updated_at": "2026-12-31T19:00:00Z",
    "total_price": "12.50",
    "line_items": [{"product_id": 1, "title": "Mug", "price": "12.50", "quantity": 1}],
}


def signed(raw: bytes, secret: str = "new-secret") -> str:
    return b64encode(hmac.digest(secret.encode(), raw, sha256)).decode()


async def deliver(client: httpx.AsyncClient, topic: str, payload: Any, source: str = "src_shop", **headers: str):
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    head = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-SHA256": signed(raw)} | headers
    return await client.post(f"/webhooks/{source}", content=raw, headers=head)


async def test_order_created_and_paid_count_once(client: httpx.AsyncClient, log: FakeLog):
    for topic in ("orders/create", "orders/paid"):
        assert (await deliver(client, topic, ORDER)).status_code == 200
    [first] = log.events()
    assert (first.name, first.profile, first.value, first.currency, first.utm) == (
        "order_completed",
        "email:jon@example.com",
        403.0,
        "USD",
        Utm("news", None, "winter"),
    )
    assert first.properties["products"][0] == {
        "product_id": "788032119674292922", "name": "Tee", "price": 199.0, "quantity": 2, "sku": "T1",
    }  # fmt: skip


async def test_checkout_is_a_cart_snapshot_with_its_recovery_address(client: httpx.AsyncClient, log: FakeLog):
    await deliver(client, "checkouts/update", CHECKOUT)
    event = log.events()[0]
    assert (event.name, event.value, event.currency) == ("cart_updated", 12.5, "EUR")
    assert event.properties == {
        "products": [{"product_id": "1", "name": "Mug", "price": 12.5, "quantity": 1}],
        "cart_url": "https://shop.example/recover/1",
        "cart_id": "cart1",
    }


async def test_checkout_that_became_an_order_opens_no_cart(client: httpx.AsyncClient, log: FakeLog):
    answer = await deliver(client, "checkouts/update", CHECKOUT | {"completed_at": "2026-12-31T20:00:00Z"})
    assert answer.json() == {"success": True, "ignored": True}
    assert log.events() == []


async def test_checkout_without_address_is_known_by_its_token(client: httpx.AsyncClient, log: FakeLog):
    await deliver(client, "checkouts/create", CHECKOUT | {"email": None})
    await deliver(client, "orders/create", ORDER | {"email": "", "customer": None, "checkout_token": "tok1"})
    assert {event.profile for event in log.events()} == {"anon:shopify:checkout:tok1"}


async def test_customer_is_known_by_every_key_in_the_payload(client: httpx.AsyncClient, log: FakeLog):
    customer = {"id": 5, "phone": "+1 555 010-0199"}
    await deliver(client, "orders/create", ORDER | {"customer": customer, "cart_token": "cart1"})
    event = log.events()[0]
    assert event.keys == ProfileKeys(email="jon@example.com", phone="+15550100199", custom=(("shopify", "5"),))
    assert event.properties["cart_id"] == "cart1"


async def test_customer_without_address_is_known_by_its_id(client: httpx.AsyncClient, log: FakeLog):
    await deliver(client, "orders/create", ORDER | {"email": None, "cart_token": None})
    event = log.events()[0]
    assert (event.profile, "cart_id" in event.properties) == ("custom:shopify:5", False)


async def test_old_secret_is_still_believed_during_a_rotation(client: httpx.AsyncClient, log: FakeLog):
    raw = orjson.dumps(ORDER)
    header = {"X-Shopify-Hmac-SHA256": signed(raw, "old-secret")}
    assert (await deliver(client, "orders/create", raw, **header)).status_code == 200


@pytest.mark.parametrize("source", ["src_shop", "src_bare"])
async def test_forged_webhook_leaves_nothing(client: httpx.AsyncClient, log: FakeLog, source: str):
    header = {"X-Shopify-Hmac-SHA256": signed(b"x", "")}
    answer = await deliver(client, "orders/create", ORDER, source, **header)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_signature")
    assert not log.records


async def test_source_without_secret_believes_nobody(client: httpx.AsyncClient):
    assert (await deliver(client, "orders/create", ORDER, "src_bare")).status_code == 401


@pytest.mark.parametrize("source", ["src_web", "nobody"])
async def test_only_sources_of_a_vendor_take_webhooks(client: httpx.AsyncClient, source: str):
    assert (await deliver(client, "orders/create", ORDER, source)).status_code == 404


async def test_other_topics_are_acknowledged(client: httpx.AsyncClient, log: FakeLog):
    assert (await deliver(client, "themes/publish", b"{}")).json()["ignored"]
    assert not log.records


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"{}", ORDER | {"line_items": {}}, ORDER | {"total_price": "?"}, ORDER | {"customer": 1}],
)
async def test_genuine_but_unusable_is_refused_and_kept(client: httpx.AsyncClient, log: FakeLog, payload: Any):
    assert (await deliver(client, "orders/create", payload)).status_code == 400
    assert len(log.dead_letters()) == 1
