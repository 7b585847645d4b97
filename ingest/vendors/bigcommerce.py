"""BigCommerce: its hooks name an id and no more, so they tell that something happened to whom or to which order.

Signature (developer.bigcommerce.com, HTTPS webhooks): Standard Webhooks (see trio.py) with the API account's client
secret. Its bytes are the key: BigCommerce's sample encodes the secret in base64 because the library decodes it again.
Signed: `webhook-id`, `webhook-timestamp`, body. A repeat has the same `hash` in the body, which is what ids come from.

store/customer/* -> identified, contact_deleted; store/order/created, store/cart/converted -> order_completed (one an
order); store/order/statusUpdated -> order_cancelled, order_refunded, payment_failed; store/order/refund/created ->
order_refunded; store/cart/created, updated -> cart_updated; store/product/inventory/updated -> product_updated. Orders
and carts name nobody: they stand under an anonymous id of their own, without lines and worth.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import optional_id, optional_object, wrong_type
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import event, keys_for, payload_of, product_news, when_ms
from ingest.vendors.signing import NO_SECRET, live
from ingest.vendors.trio import hmac_check, trio_verdict
from streams.model.events import Event, ProfileKeys

_Payload = dict[str, Any]

_CUSTOMER_ID = "bigcommerce"
_CUSTOMERS = {
    "store/customer/created": "identified",
    "store/customer/updated": "identified",
    "store/customer/deleted": "contact_deleted",
}
_CARTS = frozenset({"store/cart/created", "store/cart/updated"})
# Ids of order statuses, the same in every store.
_STATUSES = {4: "order_refunded", 5: "order_cancelled", 6: "payment_failed"}


class BigCommerce(PlainVendor):
    """The vendor "bigcommerce"."""

    id = "bigcommerce"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        checks = [hmac_check(secret.encode()) for secret in live(secrets)]
        return trio_verdict(request, checks, now_s) if checks else NO_SECRET

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        scope = payload.get("scope")
        if not isinstance(scope, str):
            raise wrong_type("scope", scope, "a string")
        data = optional_object(payload, "data")
        at_ms = when_ms(payload.get("created_at"), "created_at", now_ms)
        repeat = optional_id(payload, "hash") or sha256(request.raw).hexdigest()
        if scope in _CUSTOMERS:
            keys = keys_for(custom=(_CUSTOMER_ID, data.get("id")))
            return [event(source, _CUSTOMERS[scope], (scope, repeat), keys, at_ms, now_ms, {})]
        if scope in _CARTS:
            cart_id = _required(data, "id")
            keys = ProfileKeys(anonymous_id=f"bigcommerce:cart:{cart_id}")
            return [event(source, "cart_updated", (scope, repeat), keys, at_ms, now_ms, {"cart_id": cart_id})]
        if scope == "store/product/inventory/updated":
            return _stock(data, source, (scope, repeat), at_ms, now_ms)
        return _about_order(scope, data, source, (scope, repeat), at_ms, now_ms)


def _about_order(
    scope: str, data: _Payload, source: Source, repeat: tuple[str, str], at_ms: int, now_ms: int
) -> list[Event]:
    told: _Payload = {}
    about: tuple[object, ...] = repeat
    order_key = "id"
    match scope:
        case "store/order/created":
            name = "order_completed"
        case "store/cart/converted":
            name, order_key, told = "order_completed", "orderId", {"cart_id": _required(data, "id")}
        case "store/order/refund/created":
            name, told = "order_refunded", {"refund_id": optional_object(data, "refund").get("refund_id")}
        case "store/order/statusUpdated":
            status = optional_object(data, "status").get("new_status_id")
            name = _STATUSES.get(status, "") if isinstance(status, int) else ""
        case _:
            name = ""
    if not name:
        return []
    order_id = _required(data, order_key)
    if name == "order_completed":
        about = ("order", order_id)
    keys = ProfileKeys(anonymous_id=f"bigcommerce:order:{order_id}")
    return [event(source, name, about, keys, at_ms, now_ms, {**told, "order_id": order_id})]


def _stock(data: _Payload, source: Source, about: tuple[str, str], at_ms: int, now_ms: int) -> list[Event]:
    inventory = optional_object(data, "inventory")
    if inventory.get("method") != "absolute":  # "relative" tells a difference
        return []
    told = {"product_id": _required(data, "id"), "inventory_quantity": inventory.get("value")}
    return [product_news(source, about, told, at_ms, now_ms)]


def _required(data: _Payload, key: str) -> str:
    found = optional_id(data, key, "data.")
    if found is None:
        raise IngestError("missing_field", f"data.{key}", "is missing", "Send the vendor's own payload")
    return found
