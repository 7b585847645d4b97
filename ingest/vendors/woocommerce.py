"""WooCommerce: orders, customers and products of a shop on WordPress.

Signature (WooCommerce's WC_Webhook::generate_signature): base64 of HMAC-SHA256 over the raw body, the key being the
webhook's secret with the five HTML characters decoded. Nothing else is signed: not the topic, and no id or time in a
header (`X-WC-Webhook-Delivery-ID` also repeats within a second). So a body says itself what it is, and the topic is not
read; what was deleted sends only `{"id"}`, which may be anything's, and is ignored.

The first request of a webhook is a ping: a form with `webhook_id`, unsigned. It is answered, and nothing is taken.

An order -> order_completed (processing, on-hold, completed; once), order_cancelled, payment_failed, order_refunded
(each refund); a customer -> identified; a subscription -> subscription_started, _paused, _cancelled; a product ->
product_updated. Ids come from what happened (an order, a refund), else from the body.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import amount, optional_id, optional_object
from ingest.vendors.base import OK, PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.mapped import event, keys_for, objects_at, payload_of, product_news, when_ms
from ingest.vendors.signing import hmac_base64, hmac_verdict
from ingest.visits import utm_from
from streams.model.events import Event, ProfileKeys, Utm

_Payload = dict[str, Any]

_SIGNATURE = "x-wc-webhook-signature"
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_CUSTOMER_ID = "woocommerce"
_LINES = "line_items"
_ATTRIBUTION = "_wc_order_attribution_"
_PLACED = frozenset({"processing", "on-hold", "completed"})
_SUBSCRIPTIONS = {
    "active": "subscription_started",
    "on-hold": "subscription_paused",
    "cancelled": "subscription_cancelled",
    "expired": "subscription_cancelled",
}
# An order that changes later than that was told of before, longer ago than ids are remembered.
_TOLD_MS = 6 * 86_400_000

# WordPress's wp_specialchars_decode(…, ENT_QUOTES), in one pass.
_ENTITIES = {
    **dict.fromkeys(("&lt;", "&#060;"), "<"),
    **dict.fromkeys(("&gt;", "&#062;"), ">"),
    **dict.fromkeys(("&amp;", "&#038;", "&#x26;"), "&"),
    **dict.fromkeys(("&quot;", "&#034;", "&#x22;"), '"'),
    **dict.fromkeys(("&#039;", "&#x27;"), "'"),
}
_ENTITY = re.compile("|".join(_ENTITIES))
_ZERO_PADDED = (
    (re.compile(r"&#0*39;"), "&#039;"),
    (re.compile(r"&#0*34;"), "&#034;"),
    (re.compile(r"&#0*38;"), "&#038;"),
)


class WooCommerce(PlainVendor):
    """The vendor "woocommerce"."""

    id = "woocommerce"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        given = [request.headers.get(_SIGNATURE, "")]
        keys = [_decoded(secret) for secret in secrets]
        return hmac_verdict(given, keys, lambda key: hmac_base64(key, request.raw), _SIGNATURE)

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        is_ping = request.method == "POST" and _SIGNATURE not in request.headers and _PING.fullmatch(request.raw)
        return OK if is_ping else None

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        digest = sha256(request.raw).hexdigest()
        if "billing_period" in payload and "line_items" in payload:
            return _subscription(payload, source, now_ms)
        if "line_items" in payload and "billing" in payload:
            return _order(payload, source, now_ms)
        if "is_paying_customer" in payload or ("email" in payload and "username" in payload):
            return [_customer(payload, source, now_ms, digest)]
        if "stock_status" in payload and "permalink" in payload:
            return _product(payload, source, now_ms, digest)
        return []


def _decoded(secret: str) -> str:
    for padded, plain in _ZERO_PADDED:
        secret = padded.sub(plain, secret)
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], secret)


def _order(order: _Payload, source: Source, now_ms: int) -> list[Event]:
    order_id = _id_of(order)
    created_ms = _time(order, "date_paid", _time(order, "date_created", now_ms))
    changed_ms = _time(order, "date_modified", now_ms)
    keys, traits = _person(order, order.get("customer_id"), f"order:{order_id}")
    currency, status = order.get("currency"), str(order.get("status"))
    about_order: _Payload = {"order_id": order_id}
    out = []
    if status in _PLACED and changed_ms - created_ms <= _TOLD_MS:
        told = {**about_order, "products": _lines(order), "coupon": _coupon(order), "payment_method": _method(order)}
        value = amount(order.get("total"), "total")
        out.append(
            event(
                source, "order_completed", ("order", order_id), keys, created_ms, now_ms, told,
                value=value, currency=currency, traits=traits, utm=_utm(order), lines_at=_LINES,
            )
        )  # fmt: skip
    elif status == "cancelled":
        out.append(event(source, "order_cancelled", ("cancelled", order_id), keys, changed_ms, now_ms, about_order))
    elif status == "failed":
        about = ("failed", order_id, changed_ms)
        out.append(event(source, "payment_failed", about, keys, changed_ms, now_ms, about_order))
    for number, refund in enumerate(objects_at(order, "refunds")):
        path = f"refunds.{number}."
        told = {**about_order, "refund_id": _id_of(refund, path), "reason": refund.get("reason") or None}
        value = abs(amount(refund.get("total"), f"{path}total"))
        about = ("refund", order_id, told["refund_id"])
        out.append(
            event(source, "order_refunded", about, keys, changed_ms, now_ms, told, value=value, currency=currency)
        )
    return out


def _subscription(told: _Payload, source: Source, now_ms: int) -> list[Event]:
    name = _SUBSCRIPTIONS.get(str(told.get("status")))
    if name is None:
        return []
    subscription_id, changed_ms = _id_of(told), _time(told, "date_modified", now_ms)
    keys, traits = _person(told, told.get("customer_id"), f"subscription:{subscription_id}")
    properties = {"subscription_id": subscription_id, "interval": told.get("billing_period")}
    about = (name, subscription_id, changed_ms)
    return [event(source, name, about, keys, changed_ms, now_ms, properties, traits=traits)]


def _customer(customer: _Payload, source: Source, now_ms: int, digest: str) -> Event:
    customer_id = _id_of(customer)
    keys, traits = _person(customer, customer_id, f"customer:{customer_id}")
    traits |= {key: customer[key] for key in ("first_name", "last_name", "email") if customer.get(key)}
    at_ms = _time(customer, "date_modified", now_ms)
    return event(source, "identified", ("customer", digest), keys, at_ms, now_ms, {}, traits=traits)


def _product(product: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    if product.get("status", "publish") != "publish" or product.get("parent_id"):  # a variation is not the product
        return []
    images = objects_at(product, "images")
    told = {
        "product_id": _id_of(product),
        "name": product.get("name"),
        "price": product.get("price"),
        "url": product.get("permalink"),
        "in_stock": {"instock": True, "onbackorder": True, "outofstock": False}.get(str(product["stock_status"])),
        "image_url": images[0].get("src") if images else None,
    }
    return [product_news(source, ("product", digest), told, _time(product, "date_modified", now_ms), now_ms)]


def _person(told: _Payload, customer_id: object, anonymous: str) -> tuple[ProfileKeys, _Payload]:
    """Return who it is about and what is told of them; guests have the customer id 0."""
    billing = optional_object(told, "billing")
    email, phone = told.get("email") or billing.get("email"), billing.get("phone")
    # Buyers mostly write it as their country does: without the country's code it is no key.
    is_international = isinstance(phone, str) and phone.strip().startswith("+")
    keys = keys_for(email=email, phone=phone if is_international else None, custom=(_CUSTOMER_ID, customer_id))
    if keys.canonical() is None:
        keys = ProfileKeys(anonymous_id=f"woocommerce:{anonymous}")
    traits = {key: billing.get(key) for key in ("first_name", "last_name", "company", "country", "email", "phone")}
    return keys, {key: value for key, value in traits.items() if isinstance(value, str) and value}


def _lines(order: _Payload) -> list[_Payload]:
    return [_line(line) for line in objects_at(order, _LINES)]


def _line(line: _Payload) -> _Payload:
    told = {
        "product_id": line.get("product_id"),
        "variant_id": line.get("variation_id") or None,
        "name": line.get("name"),
        "sku": line.get("sku") or None,
        "price": line.get("price"),
        "quantity": line.get("quantity"),
        "image_url": optional_object(line, "image").get("src"),
    }
    return {key: value for key, value in told.items() if value is not None}


def _coupon(order: _Payload) -> str | None:
    codes = [line["code"] for line in objects_at(order, "coupon_lines") if isinstance(line.get("code"), str)]
    return ", ".join(codes) or None


def _method(order: _Payload) -> str | None:
    method = order.get("payment_method")
    return method if isinstance(method, str) and method else None


def _utm(order: _Payload) -> Utm | None:
    """Return the campaign that the shop attributes the order to."""
    meta = {one["key"]: one.get("value") for one in objects_at(order, "meta_data") if isinstance(one.get("key"), str)}
    return utm_from(meta, f"{_ATTRIBUTION}utm_")


def _time(holder: _Payload, key: str, otherwise_ms: int) -> int:
    """Return a time of the shop's, UTC; the key without `_gmt` is in the shop's own zone, which nothing tells."""
    return when_ms(holder.get(f"{key}_gmt"), f"{key}_gmt", otherwise_ms)


def _id_of(holder: _Payload, path: str = "") -> str:
    found = optional_id(holder, "id", path)
    if found is None:
        raise IngestError("missing_field", f"{path}id", "is missing", "Send the vendor's own payload")
    return found
