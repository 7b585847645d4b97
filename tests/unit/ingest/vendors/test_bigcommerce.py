"""BigCommerce: signed as Standard Webhooks by the client secret itself; what a thin payload can tell."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.bigcommerce import BigCommerce
from streams.model.events import Event

SOURCE = Source("src_bc", "ws", "bigcommerce")
NOW_S = 1_790_000_000
SECRET = "9b1c4ad6f0f7e2b8c35d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f80912345"
CART_ID = "09346904-4175-44fd-be53-f7e598531b6c"


def hook(scope: str, data: dict[str, Any], **more: Any) -> bytes:
    """Return a body after developer.bigcommerce.com/docs/integrations/webhooks/events."""
    told = {"scope": scope, "store_id": "1025646", "data": data, "hash": "dd70c0976e06", "created_at": 1561479335}
    return orjson.dumps(told | {"producer": "stores/abc"} | more)


def parsed(scope: str, data: dict[str, Any], **more: Any) -> list[Event]:
    return BigCommerce().parse(WebhookRequest("https://e.example", {}, hook(scope, data, **more)), SOURCE, NOW_S * 1000)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_the_client_secret_is_the_key_as_bigcommerce_s_sample_has_it():
    raw = hook("store/order/created", {"type": "order", "id": 250})
    library = Webhook(b64encode(SECRET.encode()).decode())
    signature = library.sign("m1", datetime.fromtimestamp(NOW_S, UTC), raw.decode())
    headers = {"webhook-id": "m1", "webhook-timestamp": str(NOW_S), "webhook-signature": signature}
    request = WebhookRequest("https://e.example", headers, raw)
    assert BigCommerce().verify(request, [SECRET], NOW_S).is_genuine
    assert not BigCommerce().verify(request, [SECRET], NOW_S + 301).is_genuine


@pytest.mark.parametrize(
    ("scope", "name"), [("store/customer/updated", "identified"), ("store/customer/deleted", "contact_deleted")]
)
def test_a_customer_is_known_by_its_id(scope: str, name: str):
    event = the(parsed(scope, {"type": "customer", "id": 32}))
    assert (event.name, event.profile, event.at_ms) == (name, "custom:bigcommerce:32", 1_561_479_335_000)


def test_an_order_and_the_cart_that_became_it_count_once():
    created = the(parsed("store/order/created", {"type": "order", "id": 252}))
    converted = the(parsed("store/cart/converted", {"type": "cart", "id": CART_ID, "orderId": 252}))
    assert (created.id, created.name, created.profile) == (
        converted.id, "order_completed", "anon:bigcommerce:order:252",
    )  # fmt: skip


@pytest.mark.parametrize(("status", "name"), [(5, "order_cancelled"), (4, "order_refunded"), (6, "payment_failed")])
def test_the_states_that_matter_are_told(status: int, name: str):
    data = {"type": "order", "id": 250, "status": {"previous_status_id": 0, "new_status_id": status}}
    assert the(parsed("store/order/statusUpdated", data)).name == name


def test_a_refund_is_told():
    event = the(parsed("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 3}}))
    assert (event.name, event.properties) == ("order_refunded", {"refund_id": 3, "order_id": "250"})


def test_a_cart_is_told_by_its_id():
    event = the(parsed("store/cart/updated", {"type": "cart", "id": CART_ID}))
    assert (event.name, event.properties) == ("cart_updated", {"cart_id": CART_ID})


def test_stock_is_told_where_it_is_a_number_and_no_difference():
    data = {"type": "product", "id": 167, "inventory": {"product_id": 167, "method": "absolute", "value": 0}}
    assert the(parsed("store/product/inventory/updated", data)).properties["inventory_quantity"] == 0
    data["inventory"] = {"product_id": 167, "method": "relative", "value": -1}
    assert parsed("store/product/inventory/updated", data) == []


def test_a_repeat_has_the_same_hash_and_the_same_id():
    ids = [the(parsed("store/customer/created", {"id": 32}, hash=one)).id for one in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("scope", "data"),
    [
        ("store/order/updated", {"id": 1}),
        ("store/shipment/created", {"id": 1, "orderId": 2}),
        ("store/subscriber/created", {"id": 5}),
        ("store/order/statusUpdated", {"id": 1, "status": {"new_status_id": 11}}),
    ],
)
def test_what_tells_nothing_of_use_is_not_used(scope: str, data: dict[str, Any]):
    assert parsed(scope, data) == []


def test_a_body_without_scope_is_refused():
    with pytest.raises(IngestError, match="scope"):
        BigCommerce().parse(WebhookRequest("https://e.example", {}, b"{}"), SOURCE, 0)
