"""Shopify: orders and checkouts become order_completed and cart_updated.

Signature (Shopify's documentation): base64 of HMAC-SHA256 over the raw body with the app's client secret; after a
rotation the old secret may sign for up to an hour. Headers are not signed, so no id is taken from them.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ingest.carts import shaped, worth
from ingest.errors import IngestError
from ingest.persons import custom_pair
from ingest.sources import Source
from ingest.values import (
    MAX_ID_CHARS,
    amount,
    email_or_none,
    optional_object,
    phone_or_none,
    require_plain,
    time_ms,
    wrong_type,
)
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import payload_of
from ingest.vendors.signing import hmac_base64, hmac_verdict
from ingest.visits import utm_from_address
from streams.model.events import Event, ProfileKeys
from streams.model.ids import stable_id

_SIGNATURE = "x-shopify-hmac-sha256"
_TOPIC = "x-shopify-topic"
_ORDER_TOPICS = frozenset({"orders/create", "orders/paid"})
_CHECKOUT_TOPICS = frozenset({"checkouts/create", "checkouts/update"})
_LINE_KEYS = ("product_id", "variant_id", "sku", "title", "price", "quantity", "image_url", "url")
_CUSTOMER_ID = "shopify"
_PERSON_KEYS = ("first_name", "last_name", "phone", "email")

_Payload = dict[str, Any]


class Shopify(PlainVendor):
    """The vendor "shopify"."""

    id = "shopify"

    def verify(
        self,
        request: WebhookRequest,
        secrets: Sequence[str],
        now_s: float,
        certificate: bytes = b"",
    ) -> Verdict:
        given = [request.headers.get(_SIGNATURE, "")]
        return hmac_verdict(given, secrets, lambda key: hmac_base64(key, request.raw), _SIGNATURE)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        topic = request.headers.get(_TOPIC, "")
        if topic not in _ORDER_TOPICS | _CHECKOUT_TOPICS:
            return []
        payload = payload_of(request.raw)
        if topic in _ORDER_TOPICS:
            return [_order(payload, source, now_ms)]
        if payload.get("completed_at"):  # the last update of a checkout comes after its order: no cart is open
            return []
        digest = sha256(request.raw).hexdigest()
        return [_checkout(payload, source, now_ms, digest)]


def _order(payload: _Payload, source: Source, now_ms: int) -> Event:
    order_id = _required_id(payload, "id")
    properties = _lines(payload, "order_completed", _cart_id(payload)) | {"order_id": order_id}
    # Created and paid are two webhooks about one order: the same id makes them count once.
    event_id = stable_id("shopify order", source.id, order_id)
    return _event("order_completed", event_id, payload, source, now_ms, "created_at", properties)


def _checkout(payload: _Payload, source: Source, now_ms: int, digest: str) -> Event:
    url = {"cart_url": payload["abandoned_checkout_url"]} if payload.get("abandoned_checkout_url") else {}
    properties = _lines(payload, "cart_updated", url | _cart_id(payload))
    event_id = stable_id("shopify checkout", source.id, digest)
    return _event("cart_updated", event_id, payload, source, now_ms, "updated_at", properties)


def _event(
    name: str, event_id: str, payload: _Payload, source: Source, now_ms: int, time_key: str, properties: _Payload
) -> Event:
    keys = _keys(payload)
    landing = payload.get("landing_site")
    at = payload.get(time_key)
    total = payload.get("total_price")
    currency = payload.get("currency")
    profile = keys.canonical()
    if profile is None:
        raise IngestError("missing_field", "email", "nobody is identified", "Send e-mail, phone, customer id or token")
    return Event(
        id=event_id,
        workspace=source.workspace,
        source=source.id,
        profile=profile,
        name=name,
        at_ms=now_ms if at is None else min(time_ms(at, time_key), now_ms),
        received_ms=now_ms,
        keys=keys,
        utm=utm_from_address(landing) if isinstance(landing, str) else None,
        value=worth(properties) if total is None else amount(total, "total_price"),
        currency=currency.upper() if isinstance(currency, str) and len(currency) == 3 else None,  # noqa: PLR2004 - ISO 4217
        properties=properties,
        traits=_traits(payload),
    )


def _keys(payload: _Payload) -> ProfileKeys:
    """Return who bought, by all that other sources may know a customer by too."""
    customer = optional_object(payload, "customer")
    email = next(filter(None, map(email_or_none, _candidates(payload, customer, "email", "contact_email"))), None)
    phone = next(filter(None, map(phone_or_none, _candidates(payload, customer, "phone"))), None)
    custom = custom_pair(_CUSTOMER_ID, customer.get("id"))
    if email or phone or custom:
        return ProfileKeys(email=email, phone=phone, custom=custom)
    for kind, key in (("checkout", "checkout_token"), ("checkout", "token"), ("cart", "cart_token"), ("order", "id")):
        value = payload.get(key)
        if isinstance(value, str | int) and value:
            return ProfileKeys(anonymous_id=f"shopify:{kind}:{value}"[:200])
    return ProfileKeys()


def _cart_id(payload: _Payload) -> _Payload:
    """Return the cart's token as its id: the shop's pages know a cart by it too."""
    token = payload.get("cart_token")
    return {"cart_id": token[:MAX_ID_CHARS]} if isinstance(token, str) and token else {}


def _candidates(payload: _Payload, customer: _Payload, *keys: str) -> list[object]:
    return [holder.get(key) for holder in (payload, customer) for key in keys]


def _traits(payload: _Payload) -> _Payload:
    customer = optional_object(payload, "customer")
    return {key: customer[key] for key in _PERSON_KEYS if isinstance(customer.get(key), str)}


def _lines(payload: _Payload, name: str, more: _Payload | None = None) -> _Payload:
    lines = payload.get("line_items")
    if not isinstance(lines, list):
        raise wrong_type("line_items", lines, "a list")
    kept = [{key: one[key] for key in _LINE_KEYS if key in one} if isinstance(one, dict) else one for one in lines]
    properties = {"products": kept, **(more or {})}
    require_plain(properties, "line_items")
    return shaped(name, properties)


def _required_id(payload: _Payload, key: str) -> str:
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or not value:
        raise IngestError("missing_field", key, "is missing", "Send the vendor's own payload")
    return str(value)[:200]
