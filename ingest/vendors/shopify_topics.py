"""Whether a body of Shopify's is what its topic says. The body is signed and the topic is not, so the body decides."""

from typing import Any

from ingest.errors import IngestError

_Payload = dict[str, Any]

# The type in `admin_graphql_api_id` ("gid://shopify/Order/1").
_KINDS = {"Order": "orders", "Refund": "refunds", "Customer": "customers", "Product": "products"}
_GID_PARTS = 5
# What only a body of this kind has.
_MARKS = {
    "orders": ("order_number", "financial_status"),
    "refunds": ("refund_line_items",),
    "checkouts": ("abandoned_checkout_url",),
    "customers": ("tax_exemptions", "verified_email", "orders_requested", "orders_to_redact"),
    "products": ("variants",),
}
# What a body of this topic has, and what it has not.
_HAS = {
    "orders/cancelled": ("cancelled_at",),
    "refunds/create": ("order_id",),
    "customers/redact": ("orders_to_redact",),
    "customers_email_marketing_consent/update": ("email_marketing_consent",),
}
_HAS_NOT = {
    "customers/delete": ("created_at", "email", "orders_requested", "orders_to_redact"),
    **dict.fromkeys(
        ("customers/create", "customers/update", "customers/enable", "customers/disable"),
        ("orders_requested", "orders_to_redact"),
    ),
}


def require_own_topic(topic: str, payload: _Payload) -> None:
    """Raise IngestError when the body can't have been sent under this topic."""
    kind = topic.partition("/")[0]
    other_marks = [mark for name, marks in _MARKS.items() if name != kind for mark in marks if mark in payload]
    is_own = (
        _is_of_kind(kind, payload)
        and not other_marks
        and all(payload.get(key) is not None for key in _HAS.get(topic, ()))
        and all(payload.get(key) is None for key in _HAS_NOT.get(topic, ()))
    )
    if not is_own:
        raise IngestError(
            "topic_mismatch",
            "",
            f"the body is not what Shopify sends as {topic}, and only the body is signed",
            "Send the body under its own topic",
        )


def _is_of_kind(kind: str, payload: _Payload) -> bool:
    gid = payload.get("admin_graphql_api_id")
    parts = gid.split("/") if isinstance(gid, str) else []
    if len(parts) == _GID_PARTS and (kind in _KINDS.values() or parts[3] in _KINDS):
        return _KINDS.get(parts[3]) == kind
    # Carts have a token as id, what is in the shop's books a number.
    return kind not in _KINDS.values() or isinstance(payload.get("id", 0), int)
