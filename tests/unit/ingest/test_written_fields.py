"""A rejected product line names the field as its sender wrote it, so that a fix at that very path mends it."""

from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.fixes import fixed, fixed_raw
from ingest.normalise import events_of
from ingest.provenance import Arrival
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.registry import VENDORS
from streams.model.events import Event
from streams.model.letters import Fix

NOW_MS = 1_790_000_000_000
LINE = {"item_id": "m", "item_name": "Mug", "price": 12.5, "qty": 1}


def read(event: str, properties: dict[str, Any]) -> list[Event]:
    message = {"type": "track", "userId": "u", "event": event, "properties": properties}
    return events_of(message, Source("shop", "ws", "server"), Arrival(NOW_MS))


@pytest.mark.parametrize(
    ("event", "properties", "field", "right"),
    [
        ("Product Added", {"items": [LINE | {"price": "12,50"}]}, "properties.items.0.price", 12.5),
        ("Product Added", {"items": [LINE, LINE | {"qty": -1}]}, "properties.items.1.qty", 1),
        ("purchase", {"items": [LINE | {"price": None, "unit_price": "x"}]}, "properties.items.0.unit_price", 12.5),
        ("Order Completed", {"line_items": [LINE | {"item_id": []}]}, "properties.line_items.0.item_id", "m"),
        (
            "Order Completed",
            {"products": None, "contents": [{"id": "m", "title": {}}]},
            "properties.contents.0.title",
            "M",
        ),
        ("Order Completed", {"contents": [{"title": []}]}, "properties.contents.0.title", "M"),
        ("Order Completed", {"contents": [{"price": 1}]}, "properties.contents.0.product_id", "m"),
        ("Order Completed", {"products": [LINE | {"price": "x"}]}, "properties.products.0.price", 12.5),
        ("Order Completed", {"items": [5]}, "properties.items.0", LINE),
        ("Cart Updated", {"items": "x"}, "properties.items", [LINE]),
        ("Cart Updated", {"items": [LINE] * 251}, "properties.items", [LINE]),
        ("Product Added", {"sku": "m", "item_price": "x"}, "properties.item_price", 12.5),
        ("Product Added", {"sku": "m", "price": "", "item_quantity": 0.5}, "properties.item_quantity", 1),
        ("Product Updated", {"sku": "m", "new_price": "x"}, "properties.new_price", 12.5),
        ("Product Updated", {"sku": "m", "title": []}, "properties.title", "Mug"),
    ],
)
def test_a_line_is_refused_by_a_path_that_mends_it(event: str, properties: dict[str, Any], field: str, right: object):
    with pytest.raises(IngestError) as refused:
        read(event, properties)
    assert (refused.value.field, str(refused.value).startswith(f"{field}: ")) == (field, True)
    assert read(event, fixed({"properties": properties}, [Fix("set", field, right)])["properties"])


WRONG = {"product_id": 1, "name": "Mug", "title": "Mug", "quantity": 1, "price": "12,50"}
SHOPIFY = {"id": 1, "email": "ada@example.com", "line_items": [WRONG]}
WOO = {"id": 7, "status": "completed", "total": "25", "billing": {"email": "ada@example.com"}, "line_items": [WRONG]}
PLAIN = {"email": "ada@example.com", "items": [WRONG]}


SOLD = {"id": 7, "status": "refunded", "line_items": [], "billing": {"email": "ada@example.com"}}
GIVEN = {"id": 1, "created_at": "2026-09-21T13:33:20Z"}
BACK = {"kind": "refund", "amount": "5", "currency": "EUR"}
REFUNDS = {
    "shopify": {
        "id": 1,
        "email": "ada@example.com",
        "refunds": [{"id": 2, "created_at": "2020-01-01"}, GIVEN | {"transactions": [{"kind": "sale"}, BACK]}],
    },
    "woocommerce": SOLD | {"refunds": [{"id": 1, "total": "-5"}, {"id": 2, "total": "-5"}]},
}


@pytest.mark.parametrize(
    ("vendor", "topic", "field", "wrong", "right"),
    [
        ("shopify", "orders/updated", "refunds.1.transactions.1.amount", "5,00", "5"),
        ("shopify", "orders/updated", "refunds.1.transactions.1.currency", "euro", "EUR"),
        ("shopify", "orders/updated", "refunds.1.id", None, 1),
        ("shopify", "orders/updated", "refunds.0.created_at", "then", "2020-01-01"),
        ("woocommerce", "order.updated", "refunds.1.total", "5,00", "-5"),
        ("woocommerce", "order.updated", "refunds.1.id", None, 2),
    ],
)
def test_a_refund_is_refused_by_a_path_that_mends_it(vendor: str, topic: str, field: str, wrong: object, right: object):
    def parsed(raw: bytes) -> list[Event]:
        headers = {"x-shopify-topic": topic, "x-wc-webhook-topic": topic}
        return VENDORS[vendor].parse(
            WebhookRequest("https://e.example", headers, raw), Source("src", "ws", vendor), NOW_MS
        )

    raw = fixed_raw(orjson.dumps(REFUNDS[vendor]), [Fix("set", field, wrong)])
    with pytest.raises(IngestError) as refused:
        parsed(raw)
    assert refused.value.field == field
    *_, event = parsed(fixed_raw(raw, [Fix("set", field, right)]))
    assert (event.name, event.value) == ("order_refunded", 5.0)


def test_a_refund_by_itself_is_refused_by_a_path_that_mends_it():
    raw = orjson.dumps(GIVEN | {"order_id": [], "transactions": [BACK, BACK | {"amount": "much"}]})
    for field in ("order_id", "transactions.1.amount"):
        request = WebhookRequest("https://e.example", {"x-shopify-topic": "refunds/create"}, raw)
        with pytest.raises(IngestError) as refused:
            VENDORS["shopify"].parse(request, Source("src", "ws", "shopify"), NOW_MS)
        assert refused.value.field == field
        raw = fixed_raw(raw, [Fix("set", field, 7)])


@pytest.mark.parametrize(
    ("vendor", "topic", "payload", "field"),
    [
        ("shopify", "orders/create", SHOPIFY, "line_items.0.price"),
        ("shopify", "orders/create", SHOPIFY | {"total_price": "12.50"}, "line_items.0.price"),
        ("shopify", "carts/update", SHOPIFY | {"token": "t"}, "line_items.0.price"),
        ("woocommerce", "order.created", WOO, "line_items.0.price"),
        ("standard_webhooks", "", {"type": "order.paid", "data": PLAIN}, "data.items.0.price"),
        ("github", "", {"event": "order.paid", "properties": PLAIN}, "properties.items.0.price"),
        ("github", "", {"event": "order.paid", **PLAIN}, "items.0.price"),
    ],
)
def test_a_line_of_a_webhook_is_refused_by_a_path_that_mends_it(
    vendor: str, topic: str, payload: dict[str, Any], field: str
):
    def parsed(raw: bytes) -> list[Event]:
        headers = {"x-shopify-topic": topic, "x-wc-webhook-topic": topic, "webhook-id": "m1"}
        request = WebhookRequest("https://e.example", headers, raw)
        return VENDORS[vendor].parse(request, Source("src", "ws", vendor), NOW_MS)

    raw = orjson.dumps(payload)
    with pytest.raises(IngestError) as refused:
        parsed(raw)
    assert refused.value.field == field
    (event,) = parsed(fixed_raw(raw, [Fix("set", field, 12.5)]))
    assert event.properties["products"][0]["price"] == 12.5
