"""Money that can't be read: an order or a cart is refused by the field as the vendor wrote it, all else is flagged."""

from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.fixes import fixed_raw
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.registry import VENDORS
from streams.model.events import Event
from streams.model.letters import Fix

NOW_MS = 1_790_000_000_000
EMAIL = "ada@example.com"


def raw_of(vendor: str, kind: str, about: dict[str, Any]) -> bytes:
    match vendor:
        case "stripe":
            payload: Any = {"id": "evt_1", "type": kind, "created": 1_789_999_940, "data": {"object": about}}
        case "paypal":
            payload = {"id": "WH-1", "event_type": kind, "resource": about}
        case "standard_webhooks":
            payload = {"type": kind, "data": about}
        case "github":
            payload = {"event": kind, **about}
        case "calendly":
            payload = {"event": kind, "payload": about}
        case "hubspot":
            payload = [about]
        case _:
            payload = about
    return orjson.dumps(payload)


def parsed(vendor: str, kind: str, raw: bytes) -> list[Event]:
    headers = {
        "x-shopify-topic": kind,
        "x-wc-webhook-topic": kind,
        "webhook-id": "m1",
        "webhook-timestamp": str(NOW_MS // 1000),
    }
    return VENDORS[vendor].parse(WebhookRequest("https://e.example", headers, raw), Source("src", "ws", vendor), NOW_MS)


SESSION = {"id": "cs_1", "payment_status": "paid", "customer_email": EMAIL, "amount_total": 2500, "currency": "eur"}
INVOICE = {"id": "in_1", "customer_email": EMAIL, "amount_paid": 2500, "amount_due": 2500, "currency": "eur"}
CHARGE = {"id": "ch_1", "receipt_email": EMAIL, "amount_refunded": 2500, "currency": "eur"}
CAPTURE = {"id": "27M", "amount": {"currency_code": "EUR", "value": "25"}, "payer": {"email_address": EMAIL}}
PAID_INVOICE = {"invoice": {"id": "INV2", "amount": {"currency_code": "EUR", "value": "x"}}}
UNIT = {"id": "5O1", "purchase_units": [{"amount": {"currency_code": "EUR", "value": "x"}}]}
SHOPIFY = {
    "id": 1, "email": EMAIL, "total_price": "25.00", "currency": "EUR",
    "line_items": [{"product_id": 1, "title": "T", "quantity": 1, "price": "25.00"}],
}  # fmt: skip
WOO = {
    "id": 7, "status": "completed", "total": "25.00", "currency": "EUR", "number": "7", "order_key": "wc_1",
    "billing": {"email": EMAIL}, "line_items": [],
}  # fmt: skip
PLAIN = {"email": EMAIL, "total": 25, "currency": "EUR"}
COMPLETED, CAPTURED = "checkout.session.completed", "PAYMENT.CAPTURE.COMPLETED"


@pytest.mark.parametrize(
    ("vendor", "kind", "about", "field", "right"),
    [
        ("stripe", COMPLETED, SESSION | {"amount_total": "x"}, "data.object.amount_total", 2500),
        ("stripe", COMPLETED, SESSION | {"amount_total": "2500"}, "data.object.amount_total", 2500),
        ("stripe", COMPLETED, SESSION | {"amount_total": 1e30}, "data.object.amount_total", 2500),
        ("stripe", COMPLETED, SESSION | {"amount_total": 2**62}, "data.object.amount_total", 2500),
        ("stripe", COMPLETED, SESSION | {"amount_total": None}, "data.object.amount_total", 2500),
        ("stripe", COMPLETED, SESSION | {"currency": 5}, "data.object.currency", "eur"),
        ("stripe", COMPLETED, SESSION | {"currency": None}, "data.object.currency", "eur"),
        ("stripe", "invoice.paid", INVOICE | {"amount_paid": ""}, "data.object.amount_paid", 2500),
        ("stripe", "invoice.paid", INVOICE | {"amount_paid": [5]}, "data.object.amount_paid", 2500),
        ("stripe", "payment_intent.succeeded", INVOICE | {"amount": "x"}, "data.object.amount", 2500),
        ("stripe", "charge.refunded", CHARGE | {"amount_refunded": "x"}, "data.object.amount_refunded", 2500),
        ("paypal", CAPTURED, CAPTURE | {"amount": {"value": "25,00"}}, "resource.amount.value", "25"),
        ("paypal", CAPTURED, CAPTURE | {"amount": {"total": "NaN"}}, "resource.amount.total", "25"),
        ("paypal", CAPTURED, CAPTURE | {"amount": None}, "resource.amount.value", "25"),
        (
            "paypal", CAPTURED, CAPTURE | {"amount": {"value": "25", "currency_code": "EURO"}},
            "resource.amount.currency_code", "EUR",
        ),
        ("paypal", "PAYMENT.CAPTURE.REFUNDED", CAPTURE | {"amount": {"value": []}}, "resource.amount.value", "25"),
        ("paypal", "CHECKOUT.ORDER.APPROVED", UNIT, "resource.purchase_units.0.amount.value", "25"),
        ("paypal", "INVOICING.INVOICE.PAID", PAID_INVOICE, "resource.invoice.amount.value", "25"),
        ("shopify", "orders/create", SHOPIFY | {"total_price": "x"}, "total_price", "25"),
        ("shopify", "orders/create", SHOPIFY | {"currency": "€"}, "currency", "EUR"),
        ("woocommerce", "order.created", WOO | {"total": "x"}, "total", "25"),
        ("woocommerce", "order.created", WOO | {"currency": 5}, "currency", "EUR"),
        ("standard_webhooks", "order.paid", PLAIN | {"total": "x"}, "data.total", 25),
        ("standard_webhooks", "order.paid", PLAIN | {"total": {"gross": 25}}, "data.total", 25),
        ("standard_webhooks", "order.paid", PLAIN | {"currency": "€"}, "data.currency", "EUR"),
        ("github", "order.paid", PLAIN | {"total": "x"}, "total", 25),
        ("github", "order.paid", {"properties": PLAIN | {"total": "x"}}, "properties.total", 25),
    ],
)  # fmt: skip
def test_an_order_whose_money_can_not_be_read_is_refused_by_a_path_that_mends_it(
    vendor: str, kind: str, about: dict[str, Any], field: str, right: object
):
    raw = raw_of(vendor, kind, about)
    with pytest.raises(IngestError) as refused:
        parsed(vendor, kind, raw)
    assert refused.value.field == field
    (mended,) = parsed(vendor, kind, fixed_raw(raw, [Fix("set", field, right)]))
    assert (mended.value, mended.provenance) == (25.0, None)


def test_a_refund_whose_earlier_sum_can_not_be_read_is_refused():
    raw = orjson.dumps(
        {
            "id": "evt_1", "type": "charge.refunded",
            "data": {"object": CHARGE, "previous_attributes": {"amount_refunded": "5"}},
        }
    )  # fmt: skip
    with pytest.raises(IngestError, match=r"^data\.previous_attributes\.amount_refunded: "):
        parsed("stripe", "", raw)


CALL = {"uri": "https://api.calendly.com/i/1", "email": EMAIL, "payment": {"amount": "x", "successful": True}}
DEAL = {"subscriptionType": "deal.propertyChange", "objectId": 1, "propertyName": "amount", "propertyValue": "x"}


@pytest.mark.parametrize(
    ("vendor", "kind", "about", "field"),
    [
        ("stripe", "invoice.payment_failed", INVOICE | {"amount_due": "x"}, "data.object.amount_due"),
        ("stripe", "invoice.payment_failed", INVOICE | {"currency": 5}, "data.object.currency"),
        ("paypal", "PAYMENT.CAPTURE.DENIED", CAPTURE | {"amount": {"value": "x"}}, "resource.amount.value"),
        ("calendly", "invitee.created", CALL, "payload.payment.amount"),
        ("hubspot", "", DEAL, "propertyValue"),
        ("standard_webhooks", "plan.chosen", PLAIN | {"total": "25,00"}, "data.total"),
    ],
)
def test_any_other_event_is_taken_without_its_money_and_flagged_once(
    vendor: str, kind: str, about: dict[str, Any], field: str
):
    (event,) = parsed(vendor, kind, raw_of(vendor, kind, about))
    assert event.value is None
    assert event.is_flagged("invalid")
    assert event.provenance is not None
    assert event.provenance.fault.startswith(f"{field}: ")
    assert event.provenance.fault.count(field) == 1
