"""Stripe: payments, refunds, customers and subscriptions.

Signature (docs.stripe.com/webhooks#verify-manually): `Stripe-Signature: t=…,v1=…[,v1=…]`, each v1 the hexadecimal
HMAC-SHA256 of `t.body` with the endpoint's secret as it is shown (`whsec_…`, not decoded); several while a secret is
rolled. Other schemes (v0) count for nothing. The time is signed and is taken 5 minutes either way; Stripe's own library
takes any in the future. The body is signed whole, so the event's id (`evt_…`) is.

checkout.session.completed, .async_payment_succeeded, invoice.paid, payment_intent.succeeded -> order_completed (once an
invoice, else a payment, else a session); checkout.session.expired -> checkout_expired; *.payment_failed ->
payment_failed; charge.refunded -> order_refunded (what this refund gave back); customer.* -> identified,
contact_deleted; customer.subscription.* -> subscription_*, trial_*. Amounts come in the smallest unit of the currency.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import SEPARATOR, currency_or_none, optional_id, optional_object
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest, blanking
from ingest.vendors.mapped import event, keys_for, payload_of, when_ms, worth_of
from ingest.vendors.signing import NO_SECRET, hmac_hex, hmac_verdict, live, pairs_of, time_verdict
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys

_Payload = dict[str, Any]

_SIGNATURE = "stripe-signature"
_MAX_SIGNATURES = 20
# With it a payment can be completed; Stripe wants it kept nowhere.
_without_secrets = blanking("client_secret")
_CUSTOMER_ID = "stripe"
_MARKS = ("campaign", "delivery_id", "message_id")
"""Of an object's metadata: what joins it with our own sends."""
# docs.stripe.com/currencies: amounts without decimals, and with three; all others have two, also ISK and UGX.
_WITHOUT_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_PAID_EVENTS = frozenset({"order_completed", "order_refunded"})


class _Told(NamedTuple):
    """What an object of Stripe's says; `amount` where it stands and what it is in the smallest unit, `order` what an
    order is known by.
    """

    name: str
    properties: _Payload
    amount: tuple[str, object] = ("", None)
    order: str = ""
    traits: _Payload | None = None


class Stripe(PlainVendor):
    """The vendor "stripe"."""

    id = "stripe"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        if not live(secrets):
            return NO_SECRET
        pairs = pairs_of(request.headers.get(_SIGNATURE, ""))
        stated = next((value for name, value in pairs if name == "t"), "")
        given = [value for name, value in pairs if name == "v1"][:_MAX_SIGNATURES]
        if given:
            in_time = time_verdict(stated, now_s, f"t in {_SIGNATURE}")
            if not in_time.is_genuine:
                return in_time
        signed = stated.encode(errors="surrogatepass") + b"." + request.raw
        return hmac_verdict(given, secrets, lambda key: hmac_hex(key, signed), f"{_SIGNATURE} (v1)")

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        read = _READERS.get(str(payload.get("type")))
        if read is None:
            return []
        data = optional_object(payload, "data")
        about, before = optional_object(data, "object", "data."), optional_object(data, "previous_attributes", "data.")
        told = read(about, before)
        if told is None:
            return []
        keys = _keys(about)
        if keys.canonical() is None:
            if not told.order:
                return []
            keys = ProfileKeys(anonymous_id=f"stripe:order:{told.order}")
        metadata = optional_object(about, "metadata")
        marks = {key: metadata[key] for key in _MARKS if isinstance(metadata.get(key), str)}
        properties = told.properties | marks | ({"test_mode": True} if payload.get("livemode") is False else {})
        return [
            event(
                source, told.name, ("order", told.order) if told.order else ("event", _event_id(payload)), keys,
                when_ms(payload.get("created"), "created", now_ms), now_ms, properties,
                value=_major(told, about.get("currency")), currency=about.get("currency"),
                currency_at="data.object.currency", traits=told.traits, utm=utm_from(metadata, "utm_"),
            )
        ]  # fmt: skip

    def kept(self, raw: bytes) -> bytes:
        return _without_secrets(raw)


def _session(session: _Payload, _before: _Payload) -> _Told | None:
    if session.get("payment_status") not in ("paid", "no_payment_required") or session.get("mode") == "setup":
        return None  # the money is under way: async_payment_succeeded tells when it is there
    order = _reference(session, "invoice") or _reference(session, "payment_intent") or _reference(session, "id")
    properties = {
        "order_id": order,
        "checkout_id": session.get("id"),
        "client_reference_id": session.get("client_reference_id"),
        "subscription_id": _reference(session, "subscription") or None,
    }
    details = optional_object(session, "customer_details")
    return _Told("order_completed", properties, ("amount_total", session.get("amount_total")), order, _named(details))


def _expired_session(session: _Payload, _before: _Payload) -> _Told:
    recovery = optional_object(optional_object(session, "after_expiration"), "recovery")
    properties = {"checkout_id": session.get("id"), "cart_url": recovery.get("url")}
    return _Told("checkout_expired", properties, ("amount_total", session.get("amount_total")))


def _failed_session(session: _Payload, _before: _Payload) -> _Told:
    return _Told("payment_failed", {"checkout_id": session.get("id")}, ("amount_total", session.get("amount_total")))


def _invoice(invoice: _Payload, _before: _Payload) -> _Told | None:
    paid = invoice.get("amount_paid")
    if type(paid) is int and not paid:
        return None  # a trial begins with an invoice of nothing
    lines = optional_object(invoice, "lines").get("data")
    names = [one.get("description") for one in lines if isinstance(one, dict)] if isinstance(lines, list) else []
    properties = {
        "order_id": invoice.get("id"),
        "description": next((name for name in names if isinstance(name, str)), None),
        "billing_reason": invoice.get("billing_reason"),
        "subscription_id": _subscription_of(invoice),
    }
    return _Told("order_completed", properties, ("amount_paid", invoice.get("amount_paid")), _reference(invoice, "id"))


def _failed_invoice(invoice: _Payload, _before: _Payload) -> _Told:
    properties = {
        "order_id": invoice.get("id"),
        "subscription_id": _subscription_of(invoice),
        "attempt": invoice.get("attempt_count"),
        "invoice_url": invoice.get("hosted_invoice_url"),
    }
    return _Told("payment_failed", properties, ("amount_due", invoice.get("amount_due")))


def _payment(payment: _Payload, _before: _Payload) -> _Told:
    order = _reference(payment, "invoice") or _reference(payment, "id")
    key = "amount_received" if payment.get("amount_received") else "amount"
    amount = (key, payment.get(key))
    return _Told("order_completed", {"order_id": order, "description": payment.get("description")}, amount, order)


def _failed_payment(payment: _Payload, _before: _Payload) -> _Told:
    error = optional_object(payment, "last_payment_error")
    properties = {"order_id": payment.get("id"), "reason": error.get("decline_code") or error.get("code")}
    return _Told("payment_failed", properties, ("amount", payment.get("amount")))


def _refund(charge: _Payload, before: _Payload) -> _Told:
    refunded, earlier = charge.get("amount_refunded"), before.get("amount_refunded")
    # The charge tells the sum of all its refunds.
    if earlier is not None and type(earlier) is not int:
        field = "data.previous_attributes.amount_refunded"
        raise IngestError("invalid_field", field, "not a whole number", "It is in the currency's smallest unit")
    now = refunded - earlier if type(refunded) is int and earlier is not None else refunded
    order = _reference(charge, "invoice") or _reference(charge, "payment_intent") or _reference(charge, "id")
    return _Told("order_refunded", {"order_id": order, "is_full": charge.get("refunded")}, ("amount_refunded", now))


def _customer(customer: _Payload, _before: _Payload) -> _Told:
    return _Told("identified", {}, traits=_named(customer))


def _deleted_customer(_customer: _Payload, _before: _Payload) -> _Told:
    return _Told("contact_deleted", {})


def _subscription(name: str) -> Callable[[_Payload, _Payload], _Told]:
    def read(subscription: _Payload, _before: _Payload) -> _Told:
        is_trial = name == "subscription_started" and subscription.get("status") == "trialing"
        return _Told("trial_started" if is_trial else name, _subscribed(subscription))

    return read


def _changed_subscription(subscription: _Payload, before: _Payload) -> _Told | None:
    changed = before.keys() & {"status", "items", "plan", "cancel_at_period_end", "quantity", "pause_collection"}
    return _Told("subscription_updated", _subscribed(subscription)) if changed else None


def _subscribed(subscription: _Payload) -> _Payload:
    items = optional_object(subscription, "items").get("data")
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    price = optional_object(first, "price")
    return {
        "subscription_id": subscription.get("id"),
        "status": subscription.get("status"),
        "cancel_at_period_end": subscription.get("cancel_at_period_end"),
        "trial_end": subscription.get("trial_end"),
        "price_id": price.get("id"),
        "product_id": _reference(price, "product") or None,
        "plan": price.get("nickname"),
    }


_READERS: dict[str, Callable[[_Payload, _Payload], _Told | None]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _failed_session,
    "checkout.session.expired": _expired_session,
    "invoice.paid": _invoice,
    "invoice.payment_failed": _failed_invoice,
    "payment_intent.succeeded": _payment,
    "payment_intent.payment_failed": _failed_payment,
    "charge.refunded": _refund,
    "customer.created": _customer,
    "customer.updated": _customer,
    "customer.deleted": _deleted_customer,
    "customer.subscription.created": _subscription("subscription_started"),
    "customer.subscription.updated": _changed_subscription,
    "customer.subscription.paused": _subscription("subscription_paused"),
    "customer.subscription.resumed": _subscription("subscription_updated"),
    "customer.subscription.deleted": _subscription("subscription_cancelled"),
    "customer.subscription.trial_will_end": _subscription("trial_ending"),
}


def _keys(about: _Payload) -> ProfileKeys:
    details = optional_object(about, "customer_details")
    billing = optional_object(about, "billing_details")
    emails = (details.get("email"), about.get("customer_email"), about.get("receipt_email"), about.get("email"))
    phones = (details.get("phone"), about.get("customer_phone"), about.get("phone"), billing.get("phone"))
    customer_id = _reference(about, "id" if about.get("object") == "customer" else "customer")
    return keys_for(
        email=next(filter(None, (*emails, billing.get("email"))), None),
        phone=next(filter(None, phones), None),
        custom=(_CUSTOMER_ID, customer_id),
    )


def _named(person: _Payload) -> _Payload:
    return {key: person[key] for key in ("name", "email", "phone") if isinstance(person.get(key), str)}


def _subscription_of(invoice: _Payload) -> str | None:
    """Return the subscription's id; API versions from 2025-03-31 on say it under `parent`."""
    details = optional_object(optional_object(invoice, "parent"), "subscription_details")
    return _reference(invoice, "subscription") or _reference(details, "subscription") or None


def _reference(holder: _Payload, key: str) -> str:
    """Return the id of another object, which may be written out in its place."""
    found = holder.get(key)
    found = found.get("id") if isinstance(found, dict) else found
    return found if isinstance(found, str) and SEPARATOR not in found else ""


def _major(told: _Told, currency: object) -> float | IngestError | None:
    """Return the amount as money is written; how many decimals it has its currency tells."""
    key, amount = told.amount
    field, is_paid = f"data.object.{key}", told.name in _PAID_EVENTS
    if amount is None:
        return IngestError("missing_field", field, "is missing", "Say how much was paid") if is_paid else None
    code = currency_or_none(currency)
    if code is None:
        if currency not in (None, ""):
            return None  # what is wrong with it is told as it is of all currencies
        return IngestError("missing_field", "data.object.currency", "is missing", "Without it the amount says nothing")
    if type(amount) is not int:
        return IngestError("invalid_field", field, "not a whole number", "It is in the currency's smallest unit")
    decimals = 0 if code in _WITHOUT_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    worth = worth_of(amount / 10**decimals, field)
    return round(worth, decimals) if isinstance(worth, float) else worth


def _event_id(payload: _Payload) -> str:
    found = optional_id(payload, "id")
    if found is None:
        raise IngestError("missing_field", "id", "is missing", "Send the vendor's own payload")
    return found
