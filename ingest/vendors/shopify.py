"""Shopify: orders, refunds, checkouts, carts, customers, their consent to mail, and products.

Signature (shopify.dev, "Verify webhook deliveries"): base64 of HMAC-SHA256 over the raw body with the app's client
secret (for webhooks made in the admin, the key shown there). After a rotation the old secret may sign for up to an
hour: give both. No header is signed: not the id, not the time, and not the topic. Whoever holds one genuine request
could send its body under another topic, so a topic is believed only as far as the body agrees (shopify_topics.py), and
ids come from the body: from the order or the refund, else from the whole of it.

orders/create, orders/paid -> order_completed, once an order; orders/cancelled -> order_cancelled; refunds/create ->
order_refunded; orders/updated -> order_refunded for what was refunded by then; checkouts/* and carts/* -> cart_updated;
customers/create, update, enable, disable -> identified; customers/delete, redact -> contact_deleted;
customers_email_marketing_consent/update -> email_subscribed, unsubscribed; products/* -> product_updated.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from ingest.carts import shaped, worth
from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import MAX_ID_CHARS, amount, number_or_none, optional_object, wrong_type
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, payload_of, product_news, when_ms
from ingest.vendors.shopify_people import consent_of, keys_of, traits_of
from ingest.vendors.shopify_topics import require_own_topic
from ingest.vendors.signing import hmac_base64, hmac_verdict
from ingest.visits import utm_from_address
from streams.model.events import Event, Utm

_Payload = dict[str, Any]
_Reader = Callable[[_Payload, Source, int, str], list[Event]]
"""Body, source, now and the body's digest in, events out."""

_SIGNATURE = "x-shopify-hmac-sha256"
_TOPIC = "x-shopify-topic"
_LINES = "line_items"
_LINE_KEYS = ("product_id", "variant_id", "sku", "title", "price", "quantity", "image_url", "url")
_JUST_NOW_MS = 3_600_000
_PRODUCT_PATH = "/products/"


class Shopify(PlainVendor):
    """The vendor "shopify"."""

    id = "shopify"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        given = [request.headers.get(_SIGNATURE, "")]
        return hmac_verdict(given, secrets, lambda key: hmac_base64(key, request.raw), _SIGNATURE)

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        topic = request.headers.get(_TOPIC, "")
        read = _READERS.get(topic)
        if read is None:
            return []
        payload = payload_of(request.raw)
        require_own_topic(topic, payload)
        return read(payload, source, now_ms, sha256(request.raw).hexdigest())


def _order(order: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    if order.get("cancelled_at"):  # no sale: it was paid for and cancelled at once, or comes under a topic not its own
        return []
    order_id = _required_id(order, "id")
    told = {"products": _lines(order), **_cart_id(order), "order_id": order_id, **_coupons(order)}
    # Created and paid are two webhooks about one order: the same id makes them count once.
    return [_bought(order, source, "order_completed", ("order", order_id), told, "created_at", now_ms)]


def _cancelled(order: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    order_id = _required_id(order, "id")
    told = {"order_id": order_id, "reason": order.get("cancel_reason")}
    return [_bought(order, source, "order_cancelled", ("cancelled", order_id), told, "cancelled_at", now_ms)]


def _updated(order: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    """Return the refunds that the update is about: each later one lists them again."""
    updated_ms = when_ms(order.get("updated_at"), "updated_at", now_ms)
    refunds = order.get("refunds")
    return [
        _refunded(one, order, _required_id(order, "id"), source, now_ms, f"refunds.{number}.")
        for number, one in enumerate(refunds if isinstance(refunds, list) else ())
        if isinstance(one, dict)
        and abs(updated_ms - when_ms(one.get("created_at"), f"refunds.{number}.created_at", now_ms)) < _JUST_NOW_MS
    ]


def _refund(refund: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    return [_refunded(refund, {"id": refund.get("order_id")}, _required_id(refund, "order_id"), source, now_ms)]


def _refunded(refund: _Payload, order: _Payload, order_id: str, source: Source, now_ms: int, path: str = "") -> Event:
    """Return one refund; `path` is what stands before the names of its fields in the body."""
    refund_id = _required_id(refund, "id", path)
    transactions = refund.get("transactions")
    back = {
        f"{path}transactions.{number}": one
        for number, one in enumerate(transactions if isinstance(transactions, list) else ())
        if isinstance(one, dict) and one.get("kind") in (None, "refund") and one.get("status") in (None, "success")
    }
    at, first = next(iter(back.items()), ("", order))
    told = {"order_id": order_id, "refund_id": refund_id}
    return event(
        source,
        "order_refunded",
        ("refund", refund_id),
        keys_of(order),
        when_ms(refund.get("created_at"), f"{path}created_at", now_ms),
        now_ms,
        told,
        value=round(sum(amount(one.get("amount"), f"{at}.amount") for at, one in back.items()), 4) if back else None,
        currency=first.get("currency"),
        currency_at=f"{at}.currency".removeprefix("."),
        traits=traits_of(optional_object(order, "customer")),
    )


def _checkout(checkout: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    if checkout.get("completed_at"):  # the last update of a checkout comes after its order: no cart is open
        return []
    told = {"products": _lines(checkout), "cart_url": checkout.get("abandoned_checkout_url") or None}
    return [
        _bought(checkout, source, "cart_updated", ("checkout", digest), told | _cart_id(checkout), "updated_at", now_ms)
    ]


def _cart(cart: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    """Return the cart, which names nobody: the shop's pages know it by the same token."""
    token = _required_id(cart, "token" if cart.get("token") else "id")
    told = {"products": _lines(cart), "cart_id": token[:MAX_ID_CHARS]}
    return [
        _bought(
            cart | {"cart_token": token, "token": None},
            source,
            "cart_updated",
            ("cart", digest),
            told,
            "updated_at",
            now_ms,
        )
    ]


def _customer(customer: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    at_ms = when_ms(customer.get("updated_at"), "updated_at", now_ms)
    traits = traits_of(customer)
    return [
        event(source, "identified", ("customer", digest), keys_of(customer=customer), at_ms, now_ms, {}, traits=traits)
    ]


def _deleted(customer: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    about = ("deleted", _required_id(customer, "id"))
    return [event(source, "contact_deleted", about, keys_of(customer=customer), now_ms, now_ms, {})]


def _redacted(told: _Payload, source: Source, now_ms: int, _digest: str) -> list[Event]:
    customer = optional_object(told, "customer")
    about = ("redacted", _required_id(customer, "id"))
    properties = {"reason": "erasure requested"}
    return [event(source, "contact_deleted", about, keys_of(customer=customer), now_ms, now_ms, properties)]


def _consent(told: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    name, at = consent_of(told)
    if not name:
        return []
    keys = keys_of(customer={"id": told.get("customer_id"), "email": told.get("email_address") or told.get("email")})
    return [event(source, name, ("consent", digest), keys, when_ms(at, "consent_updated_at", now_ms), now_ms, {})]


def _product(product: _Payload, source: Source, now_ms: int, digest: str) -> list[Event]:
    variants = product.get("variants")
    sold = [one for one in (variants if isinstance(variants, list) else ()) if isinstance(one, dict)]
    prices = [price for one in sold if (price := number_or_none(one.get("price"))) is not None]
    handle = product.get("handle")
    told = {
        "product_id": _required_id(product, "id"),
        "name": product.get("title"),
        "price": min(prices, default=None),
        "in_stock": any(map(_is_for_sale, sold)) if sold else None,
        "url": f"{_PRODUCT_PATH}{handle}" if isinstance(handle, str) and handle else None,
        "image_url": optional_object(product, "image").get("src"),
    }
    return [
        product_news(
            source, ("product", digest), told, when_ms(product.get("updated_at"), "updated_at", now_ms), now_ms
        )
    ]


def _is_for_sale(variant: _Payload) -> bool:
    """Say whether a variant can be bought: one whose stock nobody counts always can."""
    stock = variant.get("inventory_quantity")
    is_counted = variant.get("inventory_management", "shopify") is not None and isinstance(stock, int)
    return not is_counted or variant.get("inventory_policy") == "continue" or int(stock or 0) > 0


_READERS: dict[str, _Reader] = {
    "orders/create": _order,
    "orders/paid": _order,
    "orders/cancelled": _cancelled,
    "orders/updated": _updated,
    "refunds/create": _refund,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "carts/create": _cart,
    "carts/update": _cart,
    "customers/create": _customer,
    "customers/update": _customer,
    "customers/enable": _customer,
    "customers/disable": _customer,
    "customers/delete": _deleted,
    "customers/redact": _redacted,
    "customers_email_marketing_consent/update": _consent,
    "products/create": _product,
    "products/update": _product,
}


def _bought(
    payload: _Payload,
    source: Source,
    name: str,
    about: tuple[str, str],
    told: _Payload,
    time_key: str,
    now_ms: int,
) -> Event:
    """Return an event about an order, a checkout or a cart."""
    total = payload.get("total_price")
    is_test = {"test_mode": True} if payload.get("test") is True else {}
    return event(
        source,
        name,
        about,
        keys_of(payload),
        when_ms(payload.get(time_key), time_key, now_ms),
        now_ms,
        told | is_test,
        value=_worth(name, told) if total is None else amount(total, "total_price"),
        currency=payload.get("currency"),
        traits=traits_of(optional_object(payload, "customer")),
        utm=_utm(payload),
        lines_at=_LINES,
    )


def _worth(name: str, told: _Payload) -> float | None:
    """Return what all lines cost, also those that the event has no room for."""
    return worth(shaped(name, told, max_products=len(told.get("products", ())), lines_at=_LINES))


def _lines(payload: _Payload) -> list[object]:
    lines = payload.get(_LINES)
    if not isinstance(lines, list):
        raise wrong_type(_LINES, lines, "a list")
    return [{key: one[key] for key in _LINE_KEYS if key in one} if isinstance(one, dict) else one for one in lines]


def _cart_id(payload: _Payload) -> _Payload:
    """Return the cart's token as its id: the shop's pages know a cart by it too."""
    token = payload.get("cart_token")
    return {"cart_id": token[:MAX_ID_CHARS]} if isinstance(token, str) and token else {}


def _coupons(order: _Payload) -> _Payload:
    codes = order.get("discount_codes")
    told = [one.get("code") for one in (codes if isinstance(codes, list) else ()) if isinstance(one, dict)]
    named = ", ".join(code for code in told if isinstance(code, str))
    return {"coupon": named} if named else {}


def _utm(payload: _Payload) -> Utm | None:
    landing = payload.get("landing_site")
    return utm_from_address(landing) if isinstance(landing, str) else None


def _required_id(payload: _Payload, key: str, path: str = "") -> str:
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or not value:
        raise IngestError("missing_field", f"{path}{key}", "is missing", "Send the vendor's own payload")
    return str(value)[:200]
