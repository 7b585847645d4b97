"""What product lines become, and that ingest and engine agree about carts."""

from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.normalise import events_of
from ingest.provenance import Arrival
from ingest.sources import Source
from streams.model.events import Event
from streams.model.facts import FactsState
from streams.model.rules.abandonment_defaults import default_abandonment
from streams.model.windows import CartItem, WindowsState, newest_cart
from streams.operators.windows import Abandonment

NOW = 1_800_000_000_000
WEB = Source("src_web", "ws", "web", write_key="wk")
LISTS = ("Purchase", "Cart Updated", "Checkout Started", "Order Refunded")


def sent(event: str, /, **properties: Any) -> list[Event]:
    message = {"type": "track", "event": event, "userId": "u1", "messageId": event, "properties": properties}
    return events_of(message, WEB, Arrival(NOW))


def windows_after(*events: Event) -> WindowsState:
    operator, state = Abandonment(default_abandonment()), WindowsState()
    for event in events:
        state, _ = operator.on_event(state, event, event.name, FactsState(), NOW)
    return state


def cart_after(*events: Event) -> tuple[CartItem, ...]:
    cart = newest_cart(windows_after(*events))
    return cart.items if cart else ()


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


@pytest.mark.parametrize("name", ["Add To Wishlist", "Notify Me", "Product Viewed", "Back In Stock Canceled"])
def test_interest_in_a_product_is_shaped_like_a_view(name: str):
    [event] = sent(name, currency="eur", items=[{"item_id": 7, "item_name": "Mug", "price": "4"}])
    assert event.properties == {"currency": "eur", "product_id": "7", "name": "Mug", "price": 4.0, "quantity": 1}
    assert event.currency == "EUR"


@pytest.mark.parametrize("spelling", ["cart_id", "cartId", "cart_token", "cartToken"])
@pytest.mark.parametrize("name", ["Checkout Started", "Payment Info Entered", "Product Added"])
def test_a_cart_has_one_id_on_any_event(name: str, spelling: str):
    [event] = sent(name, product_id="k", checkout_id="h", **{spelling: "c1"})
    assert (event.properties["cart_id"], event.properties["checkout_id"]) == ("c1", "h")
    assert spelling == "cart_id" or spelling not in event.properties


def test_the_cart_id_proper_counts_before_a_token():
    assert sent("Cart Viewed", cart_token="t", cart_id="c", cartId="")[0].properties["cart_id"] == "c"


def test_a_form_has_one_id_and_step():
    [event] = sent("Form Step Completed", formId="f", formStep=2)
    assert (event.properties["form_id"], event.properties["form_step"]) == ("f", 2)


def test_two_carts_of_a_person_are_two_windows():
    state = windows_after(*(e for c in "ab" for e in sent("Product Added", product_id="k", cartId=c)))
    assert {w.subject for w in state.windows.values()} == {"a", "b"}


def test_an_order_with_a_cart_id_closes_the_cart_that_had_none():
    assert cart_after(*sent("Product Added", product_id="k"), *sent("Purchase", cart_token="c")) == ()
