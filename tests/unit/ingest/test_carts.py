"""What product lines become, and that ingest and engine agree about carts."""

from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.normalise import events_of
from ingest.sources import Source
from streams.model.events import Event
from streams.model.profiles import CartItem, CartState
from streams.operators.abandonment import AbandonmentRules, CartAbandonment

NOW = 1_800_000_000_000
WEB = Source("src_web", "ws", "web", write_key="wk")
LISTS = ("Purchase", "Cart Updated", "Checkout Started", "Order Refunded")


def sent(event: str, /, **properties: Any) -> list[Event]:
    message = {"type": "track", "event": event, "userId": "u1", "messageId": event, "properties": properties}
    return events_of(message, WEB, NOW)


def cart_after(*events: Event) -> tuple[CartItem, ...]:
    operator, state = CartAbandonment(AbandonmentRules()), CartState()
    for event in events:
        state = operator.on_event(state, event, NOW).state
    return state.items


@pytest.mark.parametrize("name", LISTS)
def test_a_single_line_without_a_list_is_read_as_a_line(name: str):
    [event] = sent(name, product_id="k", price="19.99", quantity="2")
    assert (event.properties["price"], event.properties["quantity"], event.value) == (19.99, 2, 39.98)


def test_a_quantity_of_null_is_one_piece():
    assert sent("Purchase", product_id="k", price=5, quantity=None)[0].value == 5.0


@pytest.mark.parametrize("price", [[5], {"amount": 5}, "dear"])
def test_a_price_that_is_none_is_refused_by_its_name(price: object):
    with pytest.raises(IngestError) as caught:
        sent("Purchase", product_id="k", price=price)
    assert (caught.value.code, caught.value.field) == ("invalid_field", "properties.price")


@pytest.mark.parametrize(
    "given", [{"id": 7, "name": "Order 7"}, {"product_id": None, "price": [1], "quantity": 1}, {"products": []}]
)
def test_an_order_without_a_product_has_no_line(given: dict[str, Any]):
    [event] = sent("Purchase", **given)
    assert (event.value, event.properties.get("product_id")) == (None, None)


@pytest.mark.parametrize("removed", [{"product_id": "k"}, {"items": [{"item_id": "k", "quantity": None}]}])
def test_a_removal_without_a_quantity_takes_the_whole_line(removed: dict[str, Any]):
    [event] = sent("Product Removed", **removed)
    assert "price" not in event.properties
    assert cart_after(*sent("Product Added", product_id="k", price=10, quantity=3), event) == ()


def test_a_removal_with_a_quantity_takes_so_many():
    events = sent("Product Added", product_id="k", quantity=3) + sent("Product Removed", product_id="k", quantity="1")
    assert cart_after(*events)[0].quantity == 2


def test_a_line_without_a_price_costs_what_the_event_is_worth():
    assert cart_after(*sent("add_to_cart", value=12.5, items=[{"item_id": "k"}]))[0].price == 12.5


def test_a_line_without_a_price_nor_value_is_in_the_cart():
    assert [(i.product_id, i.price) for i in cart_after(*sent("Product Added", product_id="k"))] == [("k", 0.0)]
