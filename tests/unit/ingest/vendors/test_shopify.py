"""Shopify's topics: the body says what it is, and its topic is believed only as far as that."""

from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.shopify import Shopify
from streams.model.events import Event, ProfileKeys

SOURCE = Source("src_shop", "ws", "shopify")
NOW_MS = 1_800_000_000_000
# After the sample payloads of shopify.dev/docs/api/webhooks
ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
    "cancelled_at": None,
    "created_at": "2021-12-31T19:00:00-05:00",
    "updated_at": "2021-12-31T19:00:00-05:00",
    "currency": "USD",
    "customer": {"id": 115310627314723954, "email": "john@example.com", "first_name": "John"},
    "discount_codes": [{"code": "WINTER"}],
    "financial_status": "paid",
    "line_items": [{"id": 1, "product_id": 788032119674292922, "title": "T-Shirt", "price": "19.99", "quantity": 1}],
    "order_number": 1234,
    "total_price": "388.00",
}
CANCELLED = ORDER | {"cancelled_at": "2022-01-02T19:00:00-05:00", "cancel_reason": "customer"}
REFUND = {
    "id": 890088186047892319,
    "order_id": 820982911946154508,
    "created_at": "2022-01-02T19:00:00-05:00",
    "admin_graphql_api_id": "gid://shopify/Refund/890088186047892319",
    "refund_line_items": [],
    "transactions": [
        {"kind": "refund", "status": "success", "amount": "60.00", "currency": "USD"},
        {"kind": "refund", "status": "failure", "amount": "9.00", "currency": "USD"},
    ],
}
CART = {
    "id": "exampleCartId",
    "token": "exampleCartId",
    "line_items": [{"id": 70, "product_id": 788, "title": "T-Shirt", "price": "19.99", "quantity": 3}],
    "note": None,
    "updated_at": "2022-01-01T00:00:00.000Z",
}
CUSTOMER = {
    "id": 706405506930370084,
    "created_at": "2021-12-31T19:00:00-05:00",
    "updated_at": "2021-12-31T19:00:00-05:00",
    "first_name": "Bob",
    "last_name": "Biller",
    "note": "This customer loves ice cream",
    "verified_email": True,
    "email": "bob@biller.com",
    "phone": None,
    "tax_exemptions": [],
    "admin_graphql_api_id": "gid://shopify/Customer/706405506930370084",
    "default_address": {"address1": "151 O'Connor Street", "country_code": "CA"},
    "email_marketing_consent": {"state": "subscribed"},
}
DELETED = {"id": 706405506930370084, "tax_exemptions": [], "admin_graphql_api_id": CUSTOMER["admin_graphql_api_id"]}
REDACTED = {"shop_id": 954889, "customer": {"id": 191167, "email": "john@example.com"}, "orders_to_redact": [299938]}
CONSENT = {"customer_id": 706405506930370084, "email_address": "bob@biller.com", "email_marketing_consent": {}}
PRODUCT: dict[str, Any] = {
    "id": 788032119674292922,
    "title": "Example T-Shirt",
    "handle": "example-t-shirt",
    "admin_graphql_api_id": "gid://shopify/Product/788032119674292922",
    "updated_at": "2022-01-01T00:00:00Z",
    "variants": [
        {"price": "24.99", "inventory_quantity": 0, "inventory_policy": "deny"},
        {"price": "19.99", "inventory_quantity": 75, "inventory_policy": "deny"},
    ],
    "image": {"src": "https://cdn.example/shirt.png"},
}


def parsed(topic: str, payload: object) -> list[Event]:
    headers = {"x-shopify-topic": topic}
    return Shopify().parse(WebhookRequest("https://e.example", headers, orjson.dumps(payload)), SOURCE, NOW_MS)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_an_order_is_told_with_its_coupon_and_worth():
    event = the(parsed("orders/create", ORDER))
    assert (event.name, event.value, event.properties["coupon"]) == ("order_completed", 388.0, "WINTER")


def test_a_cancelled_order_is_told_once_with_the_reason():
    event = the(parsed("orders/cancelled", CANCELLED))
    assert (event.name, event.keys.email, event.properties["reason"]) == (
        "order_cancelled",
        "john@example.com",
        "customer",
    )
    assert event.id == the(parsed("orders/cancelled", CANCELLED | {"updated_at": "2023-01-01T00:00:00Z"})).id


def test_a_refund_is_worth_what_was_paid_back():
    event = the(parsed("refunds/create", REFUND))
    assert (event.name, event.value, event.currency) == ("order_refunded", 60.0, "USD")
    assert event.profile == "anon:shopify:order:820982911946154508"


def test_an_updated_order_tells_of_the_refund_just_made_and_whose_it_is():
    updated = ORDER | {"refunds": [REFUND], "updated_at": "2022-01-02T19:00:04-05:00"}
    event = the(parsed("orders/updated", updated))
    assert (event.id, event.keys.email) == (the(parsed("refunds/create", REFUND)).id, "john@example.com")
    assert parsed("orders/updated", updated | {"updated_at": "2022-02-02T19:00:04-05:00"}) == []


def test_a_cart_is_known_by_its_token():
    event = the(parsed("carts/update", CART))
    assert (event.name, event.profile, event.value) == ("cart_updated", "anon:shopify:cart:exampleCartId", 59.97)
    assert event.properties["cart_id"] == "exampleCartId"


@pytest.mark.parametrize("lines", [251, 400, 900])
@pytest.mark.parametrize(("topic", "payload"), [("orders/create", ORDER), ("carts/update", CART)])
def test_of_more_lines_than_an_event_can_carry_the_first_are_kept_and_all_are_counted(
    topic: str, payload: dict[str, Any], lines: int
):
    line = {"variant_id": 1, "sku": "s", "title": "Mug", "price": "2.50", "quantity": 2}
    event = the(parsed(topic, payload | {"line_items": [{"product_id": n + 1} | line for n in range(lines)]}))
    products = event.properties["products"]
    assert (len(products), products[-1]["product_id"], event.properties["products_count"]) == (250, "250", lines)
    assert event.value == (388.0 if payload is ORDER else lines * 5.0)


def test_a_customer_is_identified_without_addresses_and_notes():
    event = the(parsed("customers/update", CUSTOMER))
    assert (event.name, event.keys) == (
        "identified",
        ProfileKeys(email="bob@biller.com", custom=(("shopify", "706405506930370084"),)),
    )
    assert event.traits == {
        "first_name": "Bob", "last_name": "Biller", "email": "bob@biller.com", "country": "CA",
        "email_consent": "subscribed",
    }  # fmt: skip


@pytest.mark.parametrize(("topic", "payload"), [("customers/delete", DELETED), ("customers/redact", REDACTED)])
def test_who_is_deleted_is_told(topic: str, payload: object):
    assert the(parsed(topic, payload)).name == "contact_deleted"


@pytest.mark.parametrize(("state", "name"), [("subscribed", "email_subscribed"), ("UNSUBSCRIBED", "unsubscribed")])
def test_consent_given_and_taken_back_is_told(state: str, name: str):
    told = CONSENT | {"email_marketing_consent": {"state": state, "consent_updated_at": "2022-01-01T00:00:00Z"}}
    event = the(parsed("customers_email_marketing_consent/update", told))
    assert (event.name, event.keys.email) == (name, "bob@biller.com")


def test_consent_that_is_pending_is_none():
    told = CONSENT | {"email_marketing_consent": {"state": "pending"}}
    assert parsed("customers_email_marketing_consent/update", told) == []


def test_a_product_costs_what_its_cheapest_variant_costs():
    event = the(parsed("products/update", PRODUCT))
    assert (event.name, event.profile) == ("product_updated", "product:788032119674292922")
    assert (event.properties["price"], event.properties["in_stock"]) == (19.99, True)


def test_a_product_is_sold_out_with_its_last_variant():
    variants = [PRODUCT["variants"][0]]
    assert the(parsed("products/update", PRODUCT | {"variants": variants})).properties["in_stock"] is False


BODIES = {
    "orders/create": ORDER,
    "orders/cancelled": CANCELLED,
    "refunds/create": REFUND,
    "carts/update": CART,
    "checkouts/update": CART | {"abandoned_checkout_url": "https://shop.example/r/1", "cart_token": "c"},
    "customers/update": CUSTOMER,
    "customers/delete": DELETED,
    "customers/redact": REDACTED,
    "products/update": PRODUCT,
}
MAY_PASS = {
    ("orders/create", "orders/cancelled"),  # no sale then
    ("customers/update", "customers/delete"),  # names the customer, and says nothing of it
    ("checkouts/update", "carts/update"),  # a cart either way
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("topic", BODIES)
def test_a_genuine_body_under_another_topic_is_refused(topic: str, body: str):
    if topic == body:
        assert parsed(topic, BODIES[body])
    elif (topic, body) in MAY_PASS:
        assert {event.name for event in parsed(topic, BODIES[body])} <= {"identified", "cart_updated"}
    else:
        with pytest.raises(IngestError) as raised:
            parsed(topic, BODIES[body])
        assert raised.value.code == "topic_mismatch"


def test_a_draft_is_no_order():
    draft = {"id": 5, "admin_graphql_api_id": "gid://shopify/DraftOrder/5", "line_items": [], "email": "a@b.example"}
    with pytest.raises(IngestError, match="not what Shopify sends as orders/create"):
        parsed("orders/create", draft)


def test_ids_do_not_come_from_unsigned_headers():
    request = WebhookRequest("https://e.example", {"x-shopify-topic": "carts/update"}, orjson.dumps(CART))
    again = request._replace(headers=dict(request.headers) | {"x-shopify-webhook-id": "another"})
    assert Shopify().parse(request, SOURCE, NOW_MS)[0].id == Shopify().parse(again, SOURCE, NOW_MS)[0].id
