"""Cart abandonment: the window, what cancels it, what re-arms it, what the cart holds."""

import pytest

from streams.model.profiles import CartState
from streams.operators.abandonment import MAX_ITEMS, AbandonmentRules, CartAbandonment
from tests.unit.streams.builders import NOW_MS, event, kettle

WINDOW_MS = 60_000
CART = CartAbandonment(AbandonmentRules(WINDOW_MS))


def after(*events) -> CartState:
    state = CartState()
    for one in events:
        state, _ = CART.on_event(state, one, one.received_ms)
    return state


def added(at_ms: int = NOW_MS, **more):
    return event("product_added", at_ms, properties=kettle(**more), currency="USD")


def fired(state: CartState, now_ms: int) -> list[dict]:
    return [firing.data for firing in CART.on_timer(state, now_ms).firings]


def test_a_cart_opens_a_window():
    assert CART.next_timer(after(added())) == NOW_MS + WINDOW_MS


def test_nothing_fires_before_the_window_closes():
    assert fired(after(added()), NOW_MS + WINDOW_MS - 1) == []


def test_the_trigger_carries_the_cart():
    [data] = fired(after(added(quantity=2)), NOW_MS + WINDOW_MS)
    assert (data["value"], data["currency"], data["items"][0]["name"]) == (80.0, "USD", "Kettle")


def test_a_cart_is_abandoned_once_per_window():
    state = CART.on_timer(after(added()), NOW_MS + WINDOW_MS).state
    assert (CART.next_timer(state), fired(state, NOW_MS + 10 * WINDOW_MS)) == (0, [])


def test_a_further_change_restarts_the_window_of_the_same_occurrence():
    state = after(added(), added(NOW_MS + 30_000))
    assert (state.due_ms, state.opened_ms) == (NOW_MS + 30_000 + WINDOW_MS, NOW_MS)


def test_a_purchase_cancels_the_window_and_empties_the_cart():
    state = after(added(), event("order_completed", NOW_MS + 1))
    assert (state.due_ms, state.items) == (0, ())


def test_an_abandoned_cart_is_re_armed_by_the_next_change_as_a_new_occurrence():
    closed = CART.on_timer(after(added()), NOW_MS + WINDOW_MS).state
    again = added(NOW_MS + 2 * WINDOW_MS)
    state, _ = CART.on_event(closed, again, again.received_ms)
    assert (state.opened_ms, state.items[0].quantity) == (again.received_ms, 2)


def test_looking_at_an_abandoned_cart_does_not_re_arm_it():
    closed = CART.on_timer(after(added()), NOW_MS + WINDOW_MS).state
    state, _ = CART.on_event(closed, event("cart_viewed"), NOW_MS + 2 * WINDOW_MS)
    assert state.due_ms == 0


def test_looking_at_an_open_cart_extends_its_window():
    state = after(added(), event("cart_viewed", NOW_MS + 5_000))
    assert state.due_ms == NOW_MS + 5_000 + WINDOW_MS


def test_removing_the_last_item_closes_the_window():
    state = after(added(), event("product_removed", properties={"product_id": "kettle"}))
    assert (state.items, state.due_ms) == ((), 0)


def test_removing_one_of_several_keeps_the_rest():
    removed = event("product_removed", properties={"product_id": "kettle", "quantity": 1})
    assert after(added(quantity=3), removed).items[0].quantity == 2


def test_a_snapshot_replaces_the_items():
    snapshot = event("cart_updated", properties={"products": [{"product_id": "cup", "price": 9.0, "quantity": 2}]})
    assert [(i.product_id, i.quantity) for i in after(added(), snapshot).items] == [("cup", 2)]


def test_a_checkout_without_items_keeps_the_cart_and_extends_it():
    state = after(added(), event("checkout_started", NOW_MS + 9_000))
    assert (state.items[0].product_id, state.due_ms) == ("kettle", NOW_MS + 9_000 + WINDOW_MS)


def test_an_event_older_than_the_window_opens_none():
    old = event("product_added", NOW_MS - WINDOW_MS - 1, received_ms=NOW_MS, properties=kettle())
    assert after(old).due_ms == 0


@pytest.mark.parametrize(
    "properties",
    [{}, {"products": "no list"}, {"product_id": None}, {"product_id": "x", "price": "dear", "quantity": -3}],
)
def test_what_makes_no_sense_breaks_nothing(properties):
    state = after(event("product_added", properties=properties), event("cart_updated", properties=properties))
    assert state.value >= 0


def test_the_cart_is_bounded():
    many = [event("product_added", properties=kettle(product_id=f"p{n}")) for n in range(MAX_ITEMS + 20)]
    assert len(after(*many).items) == MAX_ITEMS


HOUR_MS = 3_600_000
LATE_MS = WINDOW_MS + 1_000


def late(name: str, **properties):
    """An event that happened before the window and arrives while that of `added()` is open."""
    return event(name, NOW_MS + 10 - LATE_MS, received_ms=NOW_MS + 10, properties=properties)


@pytest.mark.parametrize(
    "one",
    [
        late("product_added", product_id="cup"),
        late("product_removed", product_id="cup"),
        late("cart_updated", products=[]),
        late("checkout_started", products=[{"product_id": "cup"}]),
        late("cart_viewed"),
    ],
    ids=lambda one: one.name,
)
def test_a_late_event_leaves_the_running_window_as_it_is(one):
    state = after(added(), one)
    assert (state.opened_ms, state.due_ms) == (NOW_MS, NOW_MS + WINDOW_MS)
    assert [data["items"][0]["product_id"] for data in fired(state, state.due_ms)] == ["kettle"]


def test_a_late_product_is_in_the_cart_all_the_same():
    assert [i.product_id for i in after(added(), late("product_added", product_id="cup")).items] == ["kettle", "cup"]


def test_an_order_from_before_the_cart_was_begun_leaves_it_alone():
    old = event("order_completed", NOW_MS - 300 * 24 * HOUR_MS, received_ms=NOW_MS + 1)
    assert after(added(), old) == after(added())


def test_an_order_by_a_clock_that_is_minutes_behind_is_the_carts_purchase():
    assert after(added(), event("order_completed", NOW_MS - 240_000, received_ms=NOW_MS + 1)).items == ()


def test_a_cart_begun_by_a_clock_that_is_ahead_is_emptied_by_its_purchase():
    ahead = event("product_added", NOW_MS + 290_000, received_ms=NOW_MS, properties=kettle())
    assert after(ahead, event("order_completed", NOW_MS - 290_000, received_ms=NOW_MS + 1)).items == ()


def test_an_order_stamped_with_a_bare_date_is_the_carts_purchase():
    assert after(added(), event("order_completed", NOW_MS - 20 * HOUR_MS, received_ms=NOW_MS + 1)).items == ()


def test_an_imported_cart_is_emptied_by_its_imported_order():
    imported = event("product_added", NOW_MS - 9 * HOUR_MS, received_ms=NOW_MS, properties=kettle())
    assert after(imported, event("order_completed", NOW_MS - 8 * HOUR_MS, received_ms=NOW_MS)).items == ()


def test_an_abandoned_cart_is_emptied_by_an_order_that_came_after_it_was_begun():
    closed = CART.on_timer(after(added()), NOW_MS + WINDOW_MS).state
    bought = event("order_completed", NOW_MS + HOUR_MS)
    assert CART.on_event(closed, bought, bought.received_ms).state.items == ()


def test_a_cart_without_a_known_beginning_is_emptied_by_any_order():
    older = CartState(after(added()).items, due_ms=NOW_MS + WINDOW_MS)
    assert CART.on_event(older, event("order_completed", 1), NOW_MS).state.items == ()


def test_a_line_without_a_price_is_worth_its_events_value():
    told = event("product_added", properties={"product_id": "cup", "quantity": 2}, value=9.0)
    assert after(told).value == 9.0
