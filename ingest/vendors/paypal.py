"""PayPal: payments, refunds, invoices and subscriptions. Its signature binds the body by a checksum only.

Signature (developer.paypal.com/api/rest/webhooks/rest, "Self verification method"): RSA PKCS#1 v1.5 with SHA-256 over
`transmission id|transmission time|webhook id|CRC-32 of the body, in decimal`, by the certificate at PAYPAL-CERT-URL.
The source's secret is the webhook's id, which keeps other merchants' webhooks out; it is no key.

CRC-32 is no hash: whoever holds one genuine request can write another body of the same sum, and it verifies, as long
as its time does. So the time must be near (3 days back, as long as PayPal tries again; 5 minutes ahead), the
certificate PayPal's own (chains.py), and every event says `verified_by: "crc32"`, so that rules can leave its money
out. Only to ask PayPal about the object would tell more.

CHECKOUT.ORDER.COMPLETED, PAYMENT.CAPTURE|SALE.COMPLETED, INVOICING.INVOICE.PAID -> order_completed (once a payment);
CHECKOUT.ORDER.APPROVED -> checkout_started; .DENIED, .DECLINED, PAYMENT.FAILED -> payment_failed; .REFUNDED, .REVERSED
-> order_refunded; BILLING.SUBSCRIPTION.* -> subscription_started, _updated, _paused, _cancelled. A payment may name
nobody; it then stands under an anonymous id of its order. Ids come from the payment or PayPal's id of the event.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import SEPARATOR, optional_id, optional_object
from ingest.vendors.base import GENUINE, PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, keys_for, payload_of, when_ms, worth_of
from ingest.vendors.signing import NO_SECRET, TOLERANCE_S, iso_time_verdict, live
from streams.model.events import Event, ProfileKeys

_Payload = dict[str, Any]

TRIED_AGAIN_S = 73 * 3_600.0
"""PayPal sends an event up to 25 times over 3 days; nothing says that each time has a time of its own."""

_ID = "paypal-transmission-id"
_TIME = "paypal-transmission-time"
_SIGNATURE = "paypal-transmission-sig"
_CERTIFICATE_URL = "paypal-cert-url"
_ALGORITHM = "paypal-auth-algo"
_HEADERS = (_ID, _TIME, _SIGNATURE, _CERTIFICATE_URL, _ALGORITHM)
_RSA_SHA256 = "sha256withrsa"
_CERTIFICATE_ADDRESS = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,3}paypal\.com/v1/notifications/certs/[A-Za-z0-9._-]{1,200}"
)
_PAYPALS_NAME = re.compile(r"(?:[a-z0-9-]+\.)+paypal\.com")
_CUSTOMER_ID = "paypal"


class PayPal(PlainVendor):
    """The vendor "paypal"."""

    id = "paypal"

    def certificate_url(self, request: WebhookRequest) -> str:
        stated = request.headers.get(_CERTIFICATE_URL, "")
        return stated if _CERTIFICATE_ADDRESS.fullmatch(stated) else ""

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        webhook_ids = [secret.strip() for secret in live(secrets)]
        if not webhook_ids:
            return NO_SECRET
        if problem := _problem_of_headers(request, now_s):
            return Verdict(False, problem)
        from ingest.vendors.chains import has_signed, rsa_key_of  # noqa: PLC0415  it says why

        key = rsa_key_of(certificate, now_s, _PAYPALS_NAME.fullmatch)
        if isinstance(key, str):
            return Verdict(False, key)
        signature = request.headers[_SIGNATURE]
        if any(has_signed(key, signature, _signed(request, webhook_id)) for webhook_id in webhook_ids):
            return GENUINE
        return Verdict(False, f"{_SIGNATURE} is not what PayPal gives this body for any webhook id of the source")

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        kind = str(payload.get("event_type"))
        resource = optional_object(payload, "resource")
        told = _told(kind, resource)
        if told is None:
            return []
        name, amount, amount_at, order, properties = told
        payer = _payer(resource)
        keys = keys_for(email=payer.email, custom=(_CUSTOMER_ID, payer.id))
        if keys.canonical() is None:
            if not order:
                return []
            keys = ProfileKeys(anonymous_id=f"paypal:order:{order}")
        currency_key = "currency_code" if amount.get("currency_code") else "currency"
        return [
            event(
                source,
                name,
                _about(name, kind, payload, resource),
                keys,
                when_ms(payload.get("create_time"), "create_time", now_ms),
                now_ms,
                {**properties, "order_id": order or None, "verified_by": "crc32"},
                value=_value(name, amount, amount_at),
                currency=amount.get(currency_key),
                currency_at=f"{amount_at}.{currency_key}",
                traits={"first_name": payer.first_name, "last_name": payer.last_name, "email": keys.email},
            )
        ]


# -- the signature


def _problem_of_headers(request: WebhookRequest, now_s: float) -> str:
    for name in _HEADERS:
        if not request.headers.get(name):
            return f"the header {name} is missing or empty"
    if request.headers[_ALGORITHM].lower() != _RSA_SHA256:
        return f"{_ALGORITHM} is not SHA256withRSA"
    if not _CERTIFICATE_ADDRESS.fullmatch(request.headers[_CERTIFICATE_URL]):
        return f"{_CERTIFICATE_URL} is no address of PayPal's certificates"
    return iso_time_verdict(request.headers[_TIME], now_s, _TIME, TRIED_AGAIN_S, TOLERANCE_S).reason


def _signed(request: WebhookRequest, webhook_id: str) -> bytes:
    said = (request.headers[_ID], request.headers[_TIME], webhook_id, str(crc32(request.raw)))
    return "|".join(said).encode(errors="surrogatepass")


# -- the events

_ORDER_EVENTS = {"CHECKOUT.ORDER.APPROVED": "checkout_started", "CHECKOUT.ORDER.COMPLETED": "order_completed"}
_PAYMENT_EVENTS = {
    "PAYMENT.CAPTURE.COMPLETED": "order_completed",
    "PAYMENT.SALE.COMPLETED": "order_completed",
    "PAYMENT.CAPTURE.DENIED": "payment_failed",
    "PAYMENT.CAPTURE.DECLINED": "payment_failed",
    "PAYMENT.SALE.DENIED": "payment_failed",
    "PAYMENT.CAPTURE.REFUNDED": "order_refunded",
    "PAYMENT.CAPTURE.REVERSED": "order_refunded",
    "PAYMENT.SALE.REFUNDED": "order_refunded",
    "PAYMENT.SALE.REVERSED": "order_refunded",
}
_SUBSCRIPTION_EVENTS = {
    "BILLING.SUBSCRIPTION.ACTIVATED": "subscription_started",
    "BILLING.SUBSCRIPTION.RE-ACTIVATED": "subscription_started",
    "BILLING.SUBSCRIPTION.UPDATED": "subscription_updated",
    "BILLING.SUBSCRIPTION.SUSPENDED": "subscription_paused",
    "BILLING.SUBSCRIPTION.CANCELLED": "subscription_cancelled",
    "BILLING.SUBSCRIPTION.EXPIRED": "subscription_cancelled",
    "BILLING.SUBSCRIPTION.PAYMENT.FAILED": "payment_failed",
}
_Told = tuple[str, _Payload, str, str, _Payload]
"""Name, amount and where it stands, id of the order, properties."""
_PAID_EVENTS = frozenset({"order_completed", "order_refunded"})


class _Payer(NamedTuple):
    email: object
    id: object
    first_name: object
    last_name: object


def _told(kind: str, resource: _Payload) -> _Told | None:
    if name := _ORDER_EVENTS.get(kind):
        unit = _first(resource.get("purchase_units"))
        at = "resource.purchase_units.0.amount"
        return name, optional_object(unit, "amount"), at, _text(resource.get("id")), _marks(unit)
    if name := _PAYMENT_EVENTS.get(kind):
        properties = _marks(resource) | {"payment_id": resource.get("id")}
        return name, optional_object(resource, "amount"), "resource.amount", _order_of(resource), properties
    if name := _SUBSCRIPTION_EVENTS.get(kind):
        failed = optional_object(optional_object(resource, "billing_info"), "last_failed_payment")
        properties = {"subscription_id": resource.get("id"), "plan_id": resource.get("plan_id")} | _marks(resource)
        at = "resource.billing_info.last_failed_payment.amount"
        return name, optional_object(failed, "amount"), at, "", properties
    if kind == "INVOICING.INVOICE.PAID":
        invoice = optional_object(resource, "invoice") or resource
        at = "resource.amount" if invoice is resource else "resource.invoice.amount"
        return "order_completed", optional_object(invoice, "amount"), at, _text(invoice.get("id")), {}
    return None


def _about(name: str, kind: str, payload: _Payload, resource: _Payload) -> tuple[str, str]:
    """Return what names the event: an order that is complete and the capture of its money are one."""
    if name == "order_completed":
        unit = _first(resource.get("purchase_units"))
        capture = _first(optional_object(unit, "payments").get("captures"))
        payment = _text(capture.get("id") if kind in _ORDER_EVENTS else resource.get("id"))
        if payment:
            return "payment", payment
    found = optional_id(payload, "id")
    if found is None:
        raise IngestError("missing_field", "id", "is missing", "Send the vendor's own payload")
    return "event", found


def _payer(resource: _Payload) -> _Payer:
    """Return who paid, as orders, subscriptions, invoices and payments of the first version name them."""
    first_version = optional_object(optional_object(resource, "payer"), "payer_info")
    recipients = optional_object(resource, "invoice").get("primary_recipients")
    billed = optional_object(_first(recipients), "billing_info")
    holders = (optional_object(resource, "payer"), optional_object(resource, "subscriber"), first_version, billed)
    named = next((one for one in holders if one.get("email_address") or one.get("email") or one.get("payer_id")), {})
    name = optional_object(named, "name")
    return _Payer(
        named.get("email_address") or named.get("email"),
        named.get("payer_id"),
        name.get("given_name") or named.get("first_name"),
        name.get("surname") or named.get("last_name"),
    )


def _order_of(resource: _Payload) -> str:
    related = optional_object(optional_object(resource, "supplementary_data"), "related_ids")
    order = related.get("order_id") or resource.get("parent_payment") or resource.get("billing_agreement_id")
    return _text(order or resource.get("id"))


def _marks(resource: _Payload) -> _Payload:
    """Return what the merchant has put on the payment to know it again."""
    return {
        "custom_id": _text(resource.get("custom_id") or resource.get("custom")) or None,
        "invoice_id": _text(resource.get("invoice_id") or resource.get("invoice_number")) or None,
    }


def _value(name: str, amount: _Payload, amount_at: str) -> float | IngestError | None:
    key = "value" if "value" in amount or "total" not in amount else "total"
    worth = worth_of(amount.get(key), f"{amount_at}.{key}")
    if worth is None and name in _PAID_EVENTS:
        return IngestError("missing_field", f"{amount_at}.{key}", "is missing", "Say how much was paid")
    return abs(worth) if isinstance(worth, float) else worth


def _first(found: object) -> _Payload:
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}


def _text(found: object) -> str:
    return found[:200] if isinstance(found, str) and SEPARATOR not in found else ""
