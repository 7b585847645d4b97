"""Stripe: requests signed by its own library, amounts in the smallest unit, an order once however it is told."""

from typing import Any

import orjson
import pytest
import stripe

from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.stripe import Stripe
from streams.model.events import Event, ProfileKeys, Utm

SOURCE = Source("src_stripe", "ws", "stripe")
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000
SECRET = "whsec_wRNftLajMZNeslQOP6vEPm4iVx5NlZ6z"
# After docs.stripe.com/api: the checkout session, invoice, payment intent, charge, customer and subscription objects
SESSION: dict[str, Any] = {
    "id": "cs_live_a1",
    "object": "checkout.session",
    "amount_total": 2198,
    "client_reference_id": "cart-7",
    "currency": "usd",
    "customer": "cus_Q1",
    "customer_details": {
        "email": "Jenny@example.com",
        "name": "Jenny Rosen",
        "phone": "+1 555 010 0199",
        "address": {"line1": "1 Main Street"},
    },
    "metadata": {"delivery_id": "d1", "utm_source": "news", "card": "4242"},
    "mode": "payment",
    "payment_intent": "pi_1",
    "payment_status": "paid",
}
PAYMENT = {"id": "pi_1", "object": "payment_intent", "amount": 2198, "amount_received": 2198, "currency": "usd"}
INVOICE: dict[str, Any] = {
    "id": "in_1",
    "object": "invoice",
    "amount_paid": 1000,
    "amount_due": 1000,
    "billing_reason": "subscription_cycle",
    "currency": "eur",
    "customer": "cus_Q1",
    "customer_email": "jenny@example.com",
    "lines": {"data": [{"description": "1 x Gold"}]},
    "parent": {"subscription_details": {"subscription": "sub_1"}},
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 2198,
    "amount_refunded": 500,
    "currency": "usd",
    "customer": "cus_Q1",
    "payment_intent": "pi_1",
    "refunded": False,
    "billing_details": {"email": "jenny@example.com"},
    "payment_method_details": {"card": {"last4": "4242"}},
}
SUBSCRIPTION = {
    "id": "sub_1",
    "object": "subscription",
    "customer": "cus_Q1",
    "status": "active",
    "cancel_at_period_end": False,
    "items": {"data": [{"price": {"id": "price_1", "product": "prod_1", "nickname": "Gold"}}]},
}


def raw_of(kind: str, about: object, **more: Any) -> bytes:
    payload = {"id": "evt_1", "object": "event", "type": kind, "created": NOW_S - 60, "livemode": True}
    return orjson.dumps(payload | {"data": {"object": about, **more.pop("data", {})}} | more)


def parsed(kind: str, about: object, **more: Any) -> list[Event]:
    return Stripe().parse(WebhookRequest("https://e.example", {}, raw_of(kind, about, **more)), SOURCE, NOW_MS)


def the(events: list[Event]) -> Event:
    (event,) = events
    return event


def signed(raw: bytes, at_s: int = NOW_S, secret: str = SECRET) -> WebhookRequest:
    header = stripe.WebhookSignature.generate_signature_header(raw.decode(), secret, timestamp=at_s)
    return WebhookRequest("https://e.example", {"stripe-signature": header}, raw)


def holds(request: WebhookRequest, *secrets: str, now_s: float = NOW_S) -> bool:
    return Stripe().verify(request, secrets or (SECRET,), now_s).is_genuine


def test_what_its_library_signs_holds():
    assert holds(signed(raw_of("checkout.session.completed", SESSION)))


def test_a_time_to_come_is_refused_that_its_library_takes():
    request = signed(raw_of("x", {}), at_s=4_000_000_000)
    stripe.WebhookSignature.verify_header(request.raw, request.headers["stripe-signature"], SECRET, 300)
    assert "in the future" in Stripe().verify(request, [SECRET], NOW_S).reason


def test_an_old_time_is_refused():
    assert not holds(signed(raw_of("x", {}), at_s=NOW_S - 301))


def test_a_secret_that_is_rolled_signs_beside_the_new_one():
    request = signed(raw_of("x", {}))
    other = signed(request.raw, secret="whsec_new").headers["stripe-signature"].partition(",")[2]
    both = request._replace(headers={"stripe-signature": f"{request.headers['stripe-signature']},{other}"})
    assert holds(both)
    assert holds(both, "whsec_new")


def test_a_signature_of_another_scheme_counts_for_nothing():
    request = signed(raw_of("x", {}))
    as_v0 = request.headers["stripe-signature"].replace("v1=", "v0=")
    assert not holds(request._replace(headers={"stripe-signature": as_v0}))


def test_the_secret_is_the_key_as_it_is_shown():
    assert not holds(signed(raw_of("x", {})), SECRET.removeprefix("whsec_"))


def test_a_checkout_is_an_order_of_who_paid():
    event = the(parsed("checkout.session.completed", SESSION))
    assert (event.name, event.value, event.currency, event.utm) == ("order_completed", 21.98, "USD", Utm("news"))
    assert event.keys == ProfileKeys(email="jenny@example.com", phone="+15550100199", custom=(("stripe", "cus_Q1"),))
    assert event.properties == {
        "order_id": "pi_1", "checkout_id": "cs_live_a1", "client_reference_id": "cart-7", "delivery_id": "d1",
    }  # fmt: skip


def test_a_checkout_and_its_payment_are_one_order():
    assert the(parsed("checkout.session.completed", SESSION)).id == the(parsed("payment_intent.succeeded", PAYMENT)).id


def test_a_checkout_and_the_first_invoice_of_its_subscription_are_one_order():
    session = SESSION | {"mode": "subscription", "payment_intent": None, "invoice": "in_1", "subscription": "sub_1"}
    assert the(parsed("checkout.session.completed", session)).id == the(parsed("invoice.paid", INVOICE)).id


def test_a_checkout_whose_money_is_under_way_is_an_order_when_it_arrives():
    assert parsed("checkout.session.completed", SESSION | {"payment_status": "unpaid"}) == []
    assert the(parsed("checkout.session.async_payment_succeeded", SESSION)).name == "order_completed"


def test_a_payment_that_names_nobody_is_known_by_its_order():
    assert the(parsed("payment_intent.succeeded", PAYMENT)).profile == "anon:stripe:order:pi_1"


@pytest.mark.parametrize(
    ("currency", "amount", "value"),
    [("jpy", 500, 500.0), ("kwd", 12345, 12.345), ("isk", 50000, 500.0), ("eur", 1, 0.01)],
)
def test_amounts_are_in_the_smallest_unit_of_their_currency(currency: str, amount: int, value: float):
    told = SESSION | {"currency": currency, "amount_total": amount}
    assert the(parsed("checkout.session.completed", told)).value == value


def test_a_refund_is_worth_what_it_gave_back_not_the_sum_of_all():
    before = {"previous_attributes": {"amount_refunded": 200}}
    event = the(parsed("charge.refunded", CHARGE, data=before))
    assert (event.name, event.value, event.properties["order_id"]) == ("order_refunded", 3.0, "pi_1")
    assert "4242" not in orjson.dumps(event.properties).decode()


@pytest.mark.parametrize("kind", ["invoice.payment_failed", "payment_intent.payment_failed"])
def test_a_failed_payment_is_told(kind: str):
    about = INVOICE if kind.startswith("invoice") else PAYMENT | {"customer": "cus_Q1"}
    assert the(parsed(kind, about)).name == "payment_failed"


def test_an_expired_checkout_tells_where_to_go_on():
    recovery = {"after_expiration": {"recovery": {"url": "https://buy.stripe.com/r/1"}}}
    event = the(parsed("checkout.session.expired", SESSION | recovery))
    assert (event.name, event.properties["cart_url"]) == ("checkout_expired", "https://buy.stripe.com/r/1")


def test_a_customer_is_identified_and_deleted():
    customer = {"id": "cus_Q1", "object": "customer", "email": "jenny@example.com", "name": "Jenny", "address": {}}
    event = the(parsed("customer.updated", customer))
    assert (event.name, event.traits) == ("identified", {"name": "Jenny", "email": "jenny@example.com"})
    assert the(parsed("customer.deleted", customer)).name == "contact_deleted"


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        ("customer.subscription.created", "active", "subscription_started"),
        ("customer.subscription.created", "trialing", "trial_started"),
        ("customer.subscription.deleted", "canceled", "subscription_cancelled"),
        ("customer.subscription.trial_will_end", "trialing", "trial_ending"),
    ],
)
def test_subscriptions_are_told(kind: str, status: str, name: str):
    event = the(parsed(kind, SUBSCRIPTION | {"status": status}))
    assert (event.name, event.profile, event.properties["plan"]) == (name, "custom:stripe:cus_Q1", "Gold")


def test_an_update_of_a_subscription_counts_when_its_state_changed():
    kind = "customer.subscription.updated"
    assert parsed(kind, SUBSCRIPTION, data={"previous_attributes": {"latest_invoice": "in_0"}}) == []
    changed = {"previous_attributes": {"status": "past_due"}}
    assert the(parsed(kind, SUBSCRIPTION, data=changed)).name == "subscription_updated"


def test_a_trial_s_invoice_of_nothing_is_no_order():
    assert parsed("invoice.paid", INVOICE | {"amount_paid": 0}) == []


def test_events_of_the_test_mode_say_so():
    event = the(parsed("checkout.session.completed", SESSION, livemode=False))
    assert event.properties["test_mode"] is True


def test_thin_events_and_other_kinds_are_not_used():
    thin = orjson.dumps({"id": "evt_2", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"})
    assert Stripe().parse(WebhookRequest("https://e.example", {}, thin), SOURCE, NOW_MS) == []
    assert parsed("payout.paid", {"id": "po_1"}) == []
