"""Abandonment windows: the cart as it always was, and what other kinds, subjects and steps add."""

import pytest

from streams.model.rules.abandonment import EventMatch
from streams.model.rules.conditions import Condition, Op
from streams.model.windows import CartItem, Window, WindowsState, window_key
from streams.operators.windows import Abandonment
from streams.operators.windows_items import MAX_ITEMS
from tests.unit.streams.builders import NOW_MS, event, kettle
from tests.unit.streams.windows_kit import (
    CART,
    HOUR_MS,
    STEPS_MS,
    WINDOW_MS,
    added,
    after,
    bought,
    fired,
    firings,
    rule,
    the_cart,
)


def test_a_cart_opens_a_window():
    assert after(added()).due_ms == NOW_MS + WINDOW_MS


def test_nothing_fires_before_the_window_closes():
    assert fired(after(added()), NOW_MS + WINDOW_MS - 1) == []


def test_the_trigger_carries_the_cart():
    [data] = fired(after(added(quantity=2)), NOW_MS + WINDOW_MS)
    assert (data["value"], data["currency"], data["items"][0]["name"]) == (80.0, "USD", "Kettle")


def test_the_trigger_of_the_default_rule_keeps_its_name_and_occurrence():
    [firing] = firings(after(added()), NOW_MS + HOUR_MS)
    assert (firing.rule, firing.occurrence, firing.due_ms) == ("cart_abandoned", str(NOW_MS), NOW_MS + WINDOW_MS)


def test_a_cart_is_abandoned_once_per_window():
    state, _ = CART.on_timer(after(added()), NOW_MS + WINDOW_MS)
    assert (state.due_ms, fired(state, NOW_MS + 10 * WINDOW_MS)) == (0, [])


def test_a_further_change_restarts_the_window_of_the_same_occurrence():
    cart = the_cart(after(added(), added(NOW_MS + 30_000)))
    assert (cart.due_ms, cart.opened_ms) == (NOW_MS + 30_000 + WINDOW_MS, NOW_MS)


def test_a_purchase_cancels_the_window_and_empties_the_cart():
    state = after(added(), bought())
    assert (state.due_ms, state.windows) == (0, {})


def test_an_abandoned_cart_is_re_armed_by_the_next_change_as_a_new_occurrence():
    closed, _ = CART.on_timer(after(added()), NOW_MS + WINDOW_MS)
    again = added(NOW_MS + 2 * WINDOW_MS)
    cart = the_cart(after(again, state=closed))
    assert (cart.opened_ms, cart.items[0].quantity) == (again.received_ms, 2)


def test_looking_at_an_abandoned_cart_does_not_re_arm_it():
    closed, _ = CART.on_timer(after(added()), NOW_MS + WINDOW_MS)
    assert after(event("cart_viewed", NOW_MS + 2 * WINDOW_MS), state=closed) is closed


def test_looking_at_an_open_cart_extends_its_window():
    assert after(added(), event("cart_viewed", NOW_MS + 5_000)).due_ms == NOW_MS + 5_000 + WINDOW_MS


def test_removing_the_last_item_closes_the_window():
    state = after(added(), event("product_removed", properties={"product_id": "kettle"}))
    assert (state.windows, state.due_ms) == ({}, 0)


def test_removing_one_of_several_keeps_the_rest():
    removed = event("product_removed", properties={"product_id": "kettle", "quantity": 1})
    assert the_cart(after(added(quantity=3), removed)).items[0].quantity == 2


def test_a_snapshot_replaces_the_items():
    snapshot = event("cart_updated", properties={"products": [{"product_id": "cup", "price": 9.0, "quantity": 2}]})
    assert [(i.product_id, i.quantity) for i in the_cart(after(added(), snapshot)).items] == [("cup", 2)]


def test_a_checkout_without_items_keeps_the_cart_and_extends_it():
    state = after(added(), event("checkout_started", NOW_MS + 9_000))
    assert (the_cart(state).items[0].product_id, state.due_ms) == ("kettle", NOW_MS + 9_000 + WINDOW_MS)


def test_an_event_older_than_the_window_opens_none():
    old = event("product_added", NOW_MS - WINDOW_MS - 1, received_ms=NOW_MS, properties=kettle())
    assert after(old).due_ms == 0


@pytest.mark.parametrize(
    "properties",
    [
        {}, {"products": "no list"}, {"products": [7, None]}, {"product_id": None}, {"cart_id": {"a": 1}},
        {"product_id": "x", "price": "dear", "quantity": -3},
        {"product_id": "x", "price": float("nan"), "quantity": float("inf")},
    ],
)  # fmt: skip
def test_what_makes_no_sense_breaks_nothing(properties):
    state = after(event("product_added", properties=properties), event("cart_updated", properties=properties))
    assert 0 <= the_cart(state).value < 1


def test_the_cart_is_bounded():
    many = [event("product_added", properties=kettle(product_id=f"p{n}")) for n in range(MAX_ITEMS + 20)]
    assert len(the_cart(after(*many)).items) == MAX_ITEMS


def late(name: str, **properties):
    """An event that happened before the window and arrives while that of `added()` is open."""
    return event(name, NOW_MS - WINDOW_MS - 990, received_ms=NOW_MS + 10, properties=properties)


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
    assert (the_cart(state).opened_ms, state.due_ms) == (NOW_MS, NOW_MS + WINDOW_MS)
    assert [data["items"][0]["product_id"] for data in fired(state, state.due_ms)] == ["kettle"]


def test_a_late_product_is_in_the_cart_all_the_same():
    cart = the_cart(after(added(), late("product_added", product_id="cup")))
    assert [i.product_id for i in cart.items] == ["kettle", "cup"]


def test_an_order_from_before_the_cart_was_begun_leaves_it_alone():
    old = bought(NOW_MS - 300 * 24 * HOUR_MS, NOW_MS + 1)
    assert after(added(), old) == after(added())


@pytest.mark.parametrize("age_ms", [240_000, 20 * HOUR_MS], ids=["clock behind", "bare date"])
def test_an_order_stamped_a_little_early_is_the_carts_purchase(age_ms):
    assert after(added(), bought(NOW_MS - age_ms, NOW_MS + 1)).windows == {}


def test_a_cart_begun_by_a_clock_that_is_ahead_is_emptied_by_its_purchase():
    ahead = event("product_added", NOW_MS + 290_000, received_ms=NOW_MS, properties=kettle())
    assert after(ahead, bought(NOW_MS - 290_000, NOW_MS + 1)).windows == {}


def test_an_imported_cart_is_emptied_by_its_imported_order():
    imported = event("product_added", NOW_MS - 9 * HOUR_MS, received_ms=NOW_MS, properties=kettle())
    assert after(imported, bought(NOW_MS - 8 * HOUR_MS, NOW_MS)).windows == {}


def test_an_abandoned_cart_is_emptied_by_an_order_that_came_after_it_was_begun():
    closed, _ = CART.on_timer(after(added()), NOW_MS + WINDOW_MS)
    assert after(bought(NOW_MS + HOUR_MS), state=closed).windows == {}


def test_a_cart_without_a_known_beginning_is_emptied_by_any_order():
    key = window_key("cart_abandoned", "")
    older = Window("cart_abandoned", "cart", "", (CartItem("cup", "Cup", 1, 4.0),), due_ms=NOW_MS + WINDOW_MS)
    assert after(bought(1, NOW_MS), state=WindowsState({key: older}, older.due_ms)).windows == {}


def test_a_line_without_a_price_is_worth_its_events_value():
    told = event("product_added", properties={"product_id": "cup", "quantity": 2}, value=9.0)
    assert the_cart(after(told)).value == 9.0


# What comes late, after the purchase of what it is about.


@pytest.mark.parametrize("name", ["product_added", "cart_updated", "checkout_started", "cart_viewed"])
@pytest.mark.parametrize("age_ms", [1, 60_000])
def test_what_is_older_than_the_purchase_and_comes_after_it_does_nothing(name, age_ms):
    late_one = event(name, NOW_MS - age_ms, received_ms=NOW_MS + 10, properties=kettle(products=[kettle()]))
    state = after(added(NOW_MS - 90_000), bought(NOW_MS))
    assert after(late_one, state=state) is state


@pytest.mark.parametrize("later_ms", [0, 1])
def test_a_cart_after_the_purchase_opens_though_it_be_in_the_same_moment(later_ms):
    again = added(NOW_MS + 1 + later_ms)
    state = after(added(), bought(NOW_MS + 1), again, again)
    assert (state.due_ms, the_cart(state).items[0].quantity) == (again.at_ms + WINDOW_MS, 2)
    assert CART.merged(state, WindowsState()) == state


def test_what_comes_late_after_the_purchase_is_not_in_the_next_cart_either():
    state = after(bought(NOW_MS + 1), added(NOW_MS + 9, product_id="cup"))
    late_one = event("product_added", NOW_MS, received_ms=NOW_MS + 10, properties=kettle())
    assert after(late_one, state=state) is state


def test_where_the_orders_clock_is_ahead_the_next_cart_begins_once_it_has_passed():
    state = after(bought(NOW_MS + 60_000, NOW_MS), added(NOW_MS + 30_000))
    assert (state.windows, after(added(NOW_MS + 60_000), state=state).due_ms) == ({}, NOW_MS + 60_000 + WINDOW_MS)


@pytest.mark.parametrize(
    ("order", "late_add", "opens"),
    [
        ({}, {"cart_id": "a"}, False),
        ({}, {}, False),
        ({"cart_id": "a"}, {"cart_id": "a"}, False),
        ({"cart_id": "a"}, {}, False),
        ({"cart_id": "a"}, {"cart_id": "b"}, True),
    ],
)
def test_a_purchase_is_of_the_cart_that_it_names_and_of_all_without_a_name(order, late_add, opens):
    late_one = event("product_added", NOW_MS, received_ms=NOW_MS + 10, properties=kettle(**late_add))
    assert bool(after(bought(NOW_MS + 5, **order), late_one).windows) == opens


def test_a_late_product_without_a_cart_id_does_not_go_into_the_cart_of_another_id():
    state = after(added(cart_id="b"), bought(NOW_MS + 5, cart_id="a"))
    late_one = event("product_added", NOW_MS + 4, received_ms=NOW_MS + 10, properties=kettle())
    assert after(late_one, state=state) is state


# What rules add: subjects, steps, minimum value, kinds.


def test_carts_of_different_ids_live_side_by_side():
    state = after(added(cart_id="a"), added(cart_id="b", product_id="cup", price=9.0))
    assert [(d["cart_id"], d["value"]) for d in fired(state, NOW_MS + WINDOW_MS)] == [("a", 40.0), ("b", 9.0)]


def test_carts_opened_in_the_same_millisecond_are_two_occurrences():
    state = after(added(cart_id="a"), added(cart_id="b"))
    assert len({firing.occurrence for firing in firings(state, NOW_MS + WINDOW_MS)}) == 2


def test_an_order_with_a_cart_id_cancels_that_cart_only():
    state = after(added(cart_id="a"), added(cart_id="b"), bought(cart_id="a"))
    assert [window.subject for window in state.windows.values()] == ["b"]


def test_an_order_without_a_cart_id_cancels_all_carts():
    assert after(added(cart_id="a"), added(cart_id="b"), added(), bought()).windows == {}


def test_an_event_without_a_cart_id_is_about_the_cart_touched_last():
    state = after(added(cart_id="a"), added(NOW_MS + 1, cart_id="b"), event("checkout_started", NOW_MS + 9_000))
    assert [(w.subject, w.updated_ms - NOW_MS) for w in state.windows.values()] == [("a", 0), ("b", 9_000)]


def test_a_cart_whose_id_is_told_late_is_the_one_that_had_none():
    state = after(added(), added(NOW_MS + 1, cart_id="a", product_id="cup"))
    [cart] = state.windows.values()
    assert (cart.subject, cart.opened_ms, len(cart.items)) == ("a", NOW_MS, 2)


def test_each_step_fires_so_long_after_the_last_touch():
    operator = Abandonment((rule(steps_ms=STEPS_MS),))
    state = after(added(), added(NOW_MS + 5), operator=operator)
    found = firings(state, NOW_MS + 100 * WINDOW_MS, operator)
    assert [(f.due_ms - NOW_MS - 5, f.data["step"], f.occurrence) for f in found] == [
        (STEPS_MS[0], 1, f"{NOW_MS}"), (STEPS_MS[1], 2, f"{NOW_MS}:2"), (STEPS_MS[2], 3, f"{NOW_MS}:3"),
    ]  # fmt: skip


def test_a_touch_after_the_first_step_starts_over_as_a_new_occurrence():
    operator = Abandonment((rule(steps_ms=STEPS_MS),))
    state, _ = operator.on_timer(after(added(), operator=operator), NOW_MS + WINDOW_MS)
    again = NOW_MS + 2 * WINDOW_MS
    state = after(added(again), operator=operator, state=state)
    assert [f.occurrence for f in firings(state, again + WINDOW_MS, operator)] == [str(again)]


def test_a_purchase_after_the_first_step_ends_the_others():
    operator = Abandonment((rule(steps_ms=STEPS_MS),))
    state, _ = operator.on_timer(after(added(), operator=operator), NOW_MS + WINDOW_MS)
    assert after(bought(NOW_MS + HOUR_MS), operator=operator, state=state).due_ms == 0


def test_a_step_below_the_minimum_value_is_passed_over_and_the_next_considered():
    operator = Abandonment((rule(steps_ms=STEPS_MS, min_value=50),))
    state, none = operator.on_timer(after(added(), operator=operator), NOW_MS + WINDOW_MS)
    dearer = event("product_added", NOW_MS, received_ms=NOW_MS + 2 * WINDOW_MS, properties=kettle(product_id="pot"))
    state = after(dearer, operator=operator, state=state)
    assert (none, [d["step"] for d in fired(state, NOW_MS + 30 * WINDOW_MS, operator)]) == ((), [2])


def test_a_window_that_does_not_re_arm_fires_again_only_after_a_cancel():
    operator = Abandonment((rule(rearm=False),))
    state, _ = operator.on_timer(after(added(), operator=operator), NOW_MS + WINDOW_MS)
    again = added(NOW_MS + 2 * WINDOW_MS)
    assert after(again, operator=operator, state=state).due_ms == 0
    assert after(bought(again.at_ms), again, operator=operator, state=state).due_ms == again.at_ms + WINDOW_MS


def test_a_rule_sees_only_events_that_meet_its_conditions():
    dear = EventMatch("product_added", (Condition("properties.price", Op.GTE, 50),))
    operator = Abandonment((rule(opens=(dear,)),))
    assert after(added(), operator=operator).due_ms == 0
    assert after(added(price=60.0), operator=operator).due_ms > 0
