"""WooCommerce: the ping is answered, secrets are decoded, and a body says itself what it is."""

import hmac
from base64 import b64encode
from typing import Any

import orjson
import pytest

from ingest.sources import Source
from ingest.vendors.base import OK, WebhookRequest
from ingest.vendors.woocommerce import WooCommerce
from streams.model.events import Event, ProfileKeys, Utm

SOURCE = Source("src_woo", "ws", "woocommerce")
NOW_MS = 1_790_000_000_000
# After https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties
ORDER: dict[str, Any] = {
    "id": 727,
    "parent_id": 0,
    "order_key": "wc_order_58d2d042d1d",
    "status": "processing",
    "currency": "USD",
    "date_created": "2017-03-22T16:28:02",
    "date_created_gmt": "2017-03-22T19:28:02",
    "date_modified_gmt": "2017-03-22T19:28:08",
    "date_paid_gmt": "2017-03-22T19:28:08",
    "total": "29.35",
    "customer_id": 0,
    "customer_ip_address": "203.0.113.7",
    "payment_method": "bacs",
    "billing": {
        "first_name": "John",
        "last_name": "Doe",
        "address_1": "969 Market",
        "country": "US",
        "email": "john.doe@example.com",
        "phone": "(555) 555-5555",
    },
    "meta_data": [{"id": 1, "key": "_wc_order_attribution_utm_source", "value": "news"}],
    "line_items": [
        {
            "id": 315,
            "name": "Woo Single #1",
            "product_id": 93,
            "variation_id": 0,
            "quantity": 2,
            "total": "6.00",
            "sku": "",
            "price": 3,
            "image": {"id": "1", "src": "https://shop.example/woo.png"},
        }
    ],
    "coupon_lines": [{"code": "WINTER"}],
    "refunds": [],
}
CUSTOMER = {
    "id": 25,
    "date_modified_gmt": "2017-03-21T19:09:30",
    "email": "john.doe@example.com",
    "first_name": "John",
    "last_name": "Doe",
    "username": "john.doe",
    "billing": {"phone": "(555) 555-5555", "country": "US"},
    "is_paying_customer": False,
}
PRODUCT = {
    "id": 794,
    "name": "Premium Quality",
    "permalink": "https://shop.example/product/premium-quality/",
    "date_modified_gmt": "2017-03-23T20:01:14",
    "status": "publish",
    "price": "21.99",
    "stock_status": "outofstock",
    "parent_id": 0,
    "images": [{"src": "https://shop.example/p.png"}],
}


def request_of(payload: object, secret: str = "s3cret", **headers: str) -> WebhookRequest:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    signature = b64encode(hmac.digest(secret.encode(), raw, "sha256")).decode()
    return WebhookRequest("https://e.example", {"x-wc-webhook-signature": signature} | headers, raw)


def parsed(payload: object) -> list[Event]:
    return WooCommerce().parse(request_of(payload), SOURCE, NOW_MS)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_the_unsigned_ping_is_answered():
    form = {"content-type": "application/x-www-form-urlencoded"}
    ping = WebhookRequest("https://e.example", form, b"webhook_id=3")
    assert WooCommerce().handshake(ping, []) == OK


@pytest.mark.parametrize(
    "request_", [request_of(b"webhook_id=3"), WebhookRequest("https://e.example", {}, b"webhook_id=3&order=5")]
)
def test_nothing_else_is_taken_for_a_ping(request_: WebhookRequest):
    assert WooCommerce().handshake(request_, ["s3cret"]) is None


@pytest.mark.parametrize(
    ("stored", "key"),
    [
        ("a&amp;b", "a&b"), ("a&amp;lt;b", "a&lt;b"), ("&#39;&#039;&#x27;", "'''"), ("&quot;&#34;", '""'),
        ("a&copy;b", "a&copy;b"), ("a&b", "a&b"),
    ],
)  # fmt: skip
def test_a_secret_is_decoded_as_wordpress_does(stored: str, key: str):
    assert WooCommerce().verify(request_of(ORDER, key), [stored], 0.0).is_genuine


def test_an_order_is_told_with_lines_worth_and_campaign():
    event = the(parsed(ORDER))
    assert (event.name, event.value, event.currency, event.utm) == ("order_completed", 29.35, "USD", Utm("news"))
    assert event.keys == ProfileKeys(email="john.doe@example.com")
    assert event.properties == {
        "order_id": "727", "coupon": "WINTER", "payment_method": "bacs",
        "products": [{
            "product_id": "93", "name": "Woo Single #1", "price": 3.0, "quantity": 2,
            "image_url": "https://shop.example/woo.png",
        }],
    }  # fmt: skip


def test_a_phone_number_is_a_key_with_its_country_s_code_only():
    billing = ORDER["billing"] | {"phone": "+1 (555) 555-5555"}
    assert the(parsed(ORDER | {"billing": billing})).keys.phone == "+15555555555"
    assert the(parsed(ORDER)).traits["phone"] == "(555) 555-5555"


def test_neither_addresses_nor_ip_addresses_are_kept():
    told = orjson.dumps([the(parsed(ORDER)).properties, the(parsed(ORDER)).traits]).decode()
    assert "Market" not in told
    assert "203.0.113.7" not in told


def test_an_order_counts_once_whatever_state_it_goes_through():
    completed = ORDER | {"status": "completed", "date_modified_gmt": "2017-03-24T10:00:00"}
    assert the(parsed(ORDER)).id == the(parsed(completed)).id


def test_an_order_touched_long_after_it_was_paid_is_not_told_again():
    assert parsed(ORDER | {"status": "completed", "date_modified_gmt": "2017-04-22T10:00:00"}) == []


@pytest.mark.parametrize("status", ["pending", "checkout-draft", "trash"])
def test_an_order_that_is_none_yet_is_not_used(status: str):
    assert parsed(ORDER | {"status": status}) == []


@pytest.mark.parametrize(("status", "name"), [("cancelled", "order_cancelled"), ("failed", "payment_failed")])
def test_an_order_that_came_to_nothing_is_told(status: str, name: str):
    assert the(parsed(ORDER | {"status": status})).name == name


def test_each_refund_is_told_with_its_worth():
    refunds = [{"id": 728, "reason": "", "total": "-10.00"}, {"id": 729, "reason": "late", "total": "-5.00"}]
    events = parsed(ORDER | {"status": "refunded", "refunds": refunds})
    assert [(event.name, event.value, event.properties.get("reason")) for event in events] == [
        ("order_refunded", 10.0, None),
        ("order_refunded", 5.0, "late"),
    ]


def test_a_guest_without_address_is_known_by_the_order():
    assert the(parsed(ORDER | {"billing": {}})).profile == "anon:woocommerce:order:727"


def test_a_customer_is_identified():
    event = the(parsed(CUSTOMER))
    assert (event.name, event.keys.custom, event.traits["country"]) == ("identified", (("woocommerce", "25"),), "US")


def test_a_product_tells_price_and_stock():
    event = the(parsed(PRODUCT))
    assert (event.profile, event.properties["price"], event.properties["in_stock"]) == ("product:794", 21.99, False)


def test_a_variation_is_not_its_product():
    assert parsed(PRODUCT | {"parent_id": 12}) == []


def test_a_subscription_of_the_plugin_is_no_order():
    subscription = ORDER | {"status": "active", "billing_period": "month"}
    assert the(parsed(subscription)).name == "subscription_started"


@pytest.mark.parametrize("topic", ["order.deleted", "customer.deleted", "coupon.created"])
def test_the_unsigned_topic_decides_nothing(topic: str):
    headers = {"x-wc-webhook-topic": topic}
    assert WooCommerce().parse(request_of({"id": 25}, **headers), SOURCE, NOW_MS) == []
    assert the(WooCommerce().parse(request_of(ORDER, **headers), SOURCE, NOW_MS)).name == "order_completed"


def test_a_body_that_comes_again_has_the_same_id_under_another_delivery():
    events = [
        the(WooCommerce().parse(request_of(CUSTOMER, **{"x-wc-webhook-delivery-id": one}), SOURCE, NOW_MS))
        for one in ("a", "b")
    ]
    assert events[0].id == events[1].id


def test_of_more_lines_than_an_event_can_carry_the_first_are_kept_and_all_are_counted():
    event = the(parsed(ORDER | {"line_items": ORDER["line_items"][:1] * 400}))
    assert 200 < len(event.properties["products"]) <= 250
    assert (event.properties["products_count"], event.value) == (400, float(ORDER["total"]))
