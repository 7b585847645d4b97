"""Windows of other kinds, their bounds, merges and changed rules; and which rules are refused."""

import msgspec
import pytest

from streams.model.errors import RuleError, RuleFailedError
from streams.model.rules.abandonment import EventMatch, WindowKind
from streams.model.rules.abandonment_defaults import default_abandonment, example_rules
from streams.model.rules.conditions import Condition
from streams.model.windows import WindowsState, window_key
from streams.operators import windows as windows_module
from streams.operators.windows import MAX_MARKS, MAX_WINDOWS, Abandonment
from streams.operators.windows_items import MAX_VIEWED
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

EXAMPLES = Abandonment(default_abandonment() + example_rules())


def kinds(state: WindowsState) -> list[str]:
    return [window.kind for window in state.windows.values()]


def test_a_checkout_without_items_carries_those_of_the_cart():
    state = after(added(), event("checkout_started", NOW_MS + 1), operator=EXAMPLES)
    checkout = state.windows[window_key("checkout_abandoned", "")]
    assert (checkout.items[0].product_id, checkout.value) == ("kettle", 40.0)


def test_a_checkout_without_items_is_worth_what_its_event_says():
    state = after(event("checkout_started", value=70.0), operator=EXAMPLES)
    assert fired(state, NOW_MS + HOUR_MS, EXAMPLES)[0]["value"] == 70.0


def test_a_browse_window_carries_the_last_products_looked_at_newest_last():
    looks = [event("product_viewed", NOW_MS + n, properties=kettle(product_id=f"p{n % 15}")) for n in range(16)]
    [data] = fired(after(*looks, operator=EXAMPLES), NOW_MS + 5 * HOUR_MS, EXAMPLES)
    assert [i["product_id"] for i in data["items"]] == [f"p{n}" for n in range(6, 15)] + ["p0"]
    assert len(data["items"]) == MAX_VIEWED


def test_a_purchase_cancels_browse_and_checkout_windows_too():
    looked = event("product_viewed", properties=kettle())
    state = after(added(), event("checkout_started", NOW_MS), looked, operator=EXAMPLES)
    assert (sorted(kinds(state)), after(bought(), operator=EXAMPLES, state=state).windows) == (
        ["browse", "cart", "checkout"], {},
    )  # fmt: skip


def test_a_form_tells_how_far_it_got_and_nothing_that_was_filled_in():
    begun = event("form_started", properties={"form_id": "demo", "email": "ada@example.com"})
    step = event("form_step_completed", properties={"form_id": "demo", "form_step": "company", "phone": "123"})
    [firing] = firings(after(begun, step, operator=EXAMPLES), NOW_MS + HOUR_MS, EXAMPLES)
    assert (firing.rule, firing.data["form_id"], firing.data["form_step"]) == ("form_abandoned", "demo", "company")
    assert b"ada" not in msgspec.msgpack.encode(firing.data)


def test_a_form_that_was_sent_is_not_abandoned_but_another_is():
    events = [event("form_started", properties={"form_id": name}) for name in ("demo", "news")]
    sent = event("form_submitted", NOW_MS + 1, properties={"form_id": "demo"})
    state = after(*events, sent, operator=EXAMPLES)
    assert [d["subject"] for d in fired(state, NOW_MS + HOUR_MS, EXAMPLES)] == ["news"]


def test_a_registration_reminds_twice_until_the_person_signs_up():
    state = after(event("registration_started"), operator=EXAMPLES)
    assert [d["step"] for d in fired(state, NOW_MS + 48 * HOUR_MS, EXAMPLES)] == [1, 2]
    assert after(event("signed_up"), operator=EXAMPLES, state=state).due_ms == 0


def test_what_has_fired_and_holds_nothing_is_gone():
    state, _ = EXAMPLES.on_timer(after(event("registration_started"), operator=EXAMPLES), NOW_MS + 48 * HOUR_MS)
    assert state.windows == {}


def test_an_event_that_concerns_no_rule_changes_nothing():
    state = after(added())
    assert after(event("page_viewed"), state=state) is state


def test_windows_are_bounded_and_those_touched_longest_ago_go_first():
    state = after(*(added(NOW_MS + n, cart_id=f"c{n}") for n in range(MAX_WINDOWS + 5)))
    assert [w.subject for w in state.windows.values()] == [f"c{n}" for n in range(5, MAX_WINDOWS + 5)]


def test_cancels_are_bounded():
    state = after(*(bought(NOW_MS + n, cart_id=f"c{n}") for n in range(MAX_MARKS + 5)))
    assert len(state.cancelled) == MAX_MARKS


# Merging and changed rules.


def test_a_cart_that_was_bought_meanwhile_does_not_come_back_by_a_merge():
    merged = CART.merged(after(bought(NOW_MS + 5)), CART.exported(after(added()), "anon:1"))
    assert (merged.windows, merged.due_ms) == ({}, 0)


def test_a_cart_begun_after_the_purchase_stays_in_a_merge():
    merged = CART.merged(after(bought(NOW_MS - 5)), CART.exported(after(added()), "anon:1"))
    assert merged.due_ms == NOW_MS + WINDOW_MS


def test_a_look_before_the_product_was_put_into_the_cart_is_no_visit_left():
    looked = event("product_viewed", NOW_MS - 1, received_ms=NOW_MS + 1, properties=kettle())
    assert kinds(after(added(), looked, operator=EXAMPLES)) == ["cart"]


def test_a_form_begun_before_it_was_sent_is_not_begun_anew_by_coming_later():
    begun = event("form_started", NOW_MS, received_ms=NOW_MS + 9, properties={"form_id": "demo"})
    sent = event("form_submitted", NOW_MS + 1, properties={"form_id": "demo"})
    assert after(sent, begun, operator=EXAMPLES).windows == {}


def test_a_product_that_comes_late_after_the_purchase_is_nowhere_whichever_id_it_comes_by():
    state, late_one = after(bought(NOW_MS)), event("product_added", NOW_MS - 60_000, received_ms=NOW_MS + 1)
    late_one = msgspec.structs.replace(late_one, properties=kettle())
    by_one_id, by_two = after(late_one, state=state), CART.merged(state, CART.exported(after(late_one), "anon:1"))
    assert (by_one_id.windows, by_two.windows) == ({}, {})


def test_two_carts_of_one_person_become_one_with_the_items_of_both():
    merged = CART.merged(after(added()), CART.exported(after(added(NOW_MS + 7, product_id="cup")), "anon:1"))
    cart = the_cart(merged)
    assert ([i.product_id for i in cart.items], cart.due_ms) == (["kettle", "cup"], NOW_MS + 7 + WINDOW_MS)


def test_a_cart_that_a_merge_left_empty_does_not_fire():
    viewed = event("cart_viewed", NOW_MS + 10)
    merged = CART.merged(after(added(), viewed), CART.exported(after(bought(NOW_MS + 5)), "anon:1"))
    assert (merged.due_ms > 0, fired(merged, NOW_MS + HOUR_MS)) == (True, [])


def test_what_was_united_stays_with_the_profile_that_took_it_up():
    state = after(added())
    assert CART.detached(state, "anon:1") == (state, WindowsState())


def test_rules_that_are_gone_take_their_windows_along():
    assert Abandonment(()).migrated(after(added())) == WindowsState()


def test_changed_steps_move_what_is_due():
    state = after(added())
    assert Abandonment(default_abandonment(2 * WINDOW_MS)).migrated(state).due_ms == NOW_MS + 2 * WINDOW_MS
    assert CART.migrated(state) is state


def test_a_window_whose_step_is_gone_is_closed():
    longer = Abandonment((rule(id="cart_abandoned", steps_ms=STEPS_MS),))
    state, _ = longer.on_timer(after(added(), operator=longer), NOW_MS + WINDOW_MS)
    assert CART.migrated(state).due_ms == 0


# Bad rules.


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "abandonment[0].id"),
        ({"kind": "trolley"}, "abandonment[0].kind"),
        ({"opens": ()}, "abandonment[0].opens"),
        ({"cancels": ()}, "abandonment[0].cancels"),
        ({"extends": (EventMatch(""),)}, "abandonment[0].extends[0].event"),
        ({"steps_ms": ()}, "abandonment[0].steps_ms"),
        ({"steps_ms": (99,)}, "abandonment[0].steps_ms[0]"),
        ({"steps_ms": (1_000, 1_000)}, "abandonment[0].steps_ms[1]"),
        ({"steps_ms": tuple(range(1_000, 12_000, 1_000))}, "abandonment[0].steps_ms"),
        ({"min_value": float("nan")}, "abandonment[0].min_value"),
        ({"min_value": -1.0}, "abandonment[0].min_value"),
        ({"subject": "s" * 200}, "abandonment[0].subject"),
        ({"opens": (EventMatch("a", (Condition("nowhere"),)),)}, "abandonment[0].opens[0].when[0].field"),
    ],
)
def test_a_bad_rule_is_refused_by_the_name_of_its_field(changes, field):
    with pytest.raises(RuleError) as caught:
        Abandonment((msgspec.structs.replace(rule(), **changes),))
    assert caught.value.field == field


def test_ids_are_unique_and_rules_bounded():
    with pytest.raises(RuleError) as twice:
        Abandonment((rule(), rule()))
    with pytest.raises(RuleError) as many:
        Abandonment(tuple(rule(id=f"r{n}") for n in range(101)))
    assert (twice.value.field, many.value.field) == ("abandonment[1].id", "abandonment")


def test_a_rule_that_fails_is_named(monkeypatch):
    def failing(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(windows_module, "ADVANCES", dict.fromkeys(WindowKind, failing))
    broken = Abandonment(default_abandonment())
    with pytest.raises(RuleFailedError) as caught:
        after(added(), operator=broken)
    assert (caught.value.rule, type(caught.value.__cause__)) == ("cart_abandoned", ZeroDivisionError)
