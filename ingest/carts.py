"""The cart contract: every spelling of a product line becomes the one that the engine reads.

Line: product_id, name, price (per piece), quantity, image_url, url; other keys are kept. `products` holds lines. On
cart_updated and checkout_started it is the whole cart; product_added and product_removed are one line themselves, which
says only what its sender said: without a quantity all pieces are removed, without a price the event's value tells it.
"""

from typing import Any

from ingest.errors import IngestError
from ingest.values import MAX_ID_CHARS, amount, number_or_none, wrong_type

MAX_PRODUCTS = 250
_MAX_TEXT_CHARS = 2_048
_MAX_QUANTITY = 1_000_000

# canonical key: spellings of Segment, GA4, Shopify and the Meta pixel, the most telling first
_LINE_SPELLINGS: dict[str, tuple[str, ...]] = {
    "product_id": ("product_id", "productId", "item_id", "itemId", "sku", "variant_id", "id"),
    "name": ("name", "item_name", "itemName", "product_name", "productName", "title"),
    "price": ("price", "item_price", "unit_price"),
    "quantity": ("quantity", "qty", "item_quantity"),
    "image_url": ("image_url", "imageUrl", "image"),
    "url": ("url", "product_url", "productUrl"),
}
_LIST_SPELLINGS = ("products", "items", "line_items", "contents")
_CART_URL_SPELLINGS = ("cart_url", "cartUrl", "recovery_url", "abandoned_checkout_url", "checkout_url")
_ORDER_ID_SPELLINGS = ("order_id", "orderId", "transaction_id")
# What can't be the id of the order or the cart itself.
_PRODUCT_ID_SPELLINGS = ("product_id", "productId", "item_id", "itemId", "sku")

LINE_EVENTS = frozenset({"product_added", "product_removed"})
_SHOWN_EVENTS = frozenset({"product_viewed", "product_clicked"})
_LIST_EVENTS = frozenset(
    {"cart_viewed", "cart_updated", "checkout_started", "order_completed", "order_refunded", "order_cancelled"}
)
COMMERCE_EVENTS = LINE_EVENTS | _SHOWN_EVENTS | _LIST_EVENTS
# What a line without a price or quantity means; on an event not named here it is free and one piece.
_DEFAULTS: dict[str, dict[str, float]] = {"product_added": {"quantity": 1}, "product_removed": {}}
_PLAIN_DEFAULTS = {"price": 0.0, "quantity": 1}


def shaped(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of the commerce event `name` with their canonical keys. Raises IngestError."""
    out = dict(properties)
    _rename(out, "cart_url", _CART_URL_SPELLINGS)
    _clean_url(out, "cart_url")
    _rename(out, "products", _LIST_SPELLINGS)
    if "products" in out:
        out["products"] = _lines(out["products"], name)
    if name in _LIST_EVENTS:
        _rename(out, "order_id", _ORDER_ID_SPELLINGS)
        names_one = not out.get("products") and any(out.get(key) not in (None, "") for key in _PRODUCT_ID_SPELLINGS)
        return _line(out, "properties", name) if names_one else out
    products = out.get("products", ())
    if len(products) == 1:
        del out["products"]
        out.update(products[0])
        return out
    return out if products else _line(out, "properties", name)


def _line(raw: dict[str, Any], field: str, event_name: str) -> dict[str, Any]:
    """Return one product line; what is shown may be no product at all."""
    out = dict(raw)
    for key, spellings in _LINE_SPELLINGS.items():
        _rename(out, key, spellings)
    product = out.get("product_id", out.get("name"))
    if product is None:
        if event_name not in _SHOWN_EVENTS:
            raise IngestError("missing_field", f"{field}.product_id", "is missing", "Say which product it is")
        return out
    out["product_id"] = _text(product, f"{field}.product_id")[:MAX_ID_CHARS]
    out["name"] = _text(out.get("name", product), f"{field}.name")[:_MAX_TEXT_CHARS]
    out = _DEFAULTS.get(event_name, _PLAIN_DEFAULTS) | out
    if "price" in out:
        out["price"] = amount(out["price"], f"{field}.price")
    if "quantity" in out:
        out["quantity"] = _quantity(out["quantity"], f"{field}.quantity")
    _clean_url(out, "image_url")
    _clean_url(out, "url")
    return out


def worth(properties: dict[str, Any]) -> float | None:
    """Return what the product lines in shaped properties cost together, None when they have no price."""
    lines = properties.get("products") or (properties,)
    total = sum(one.get("price", 0.0) * one.get("quantity", 0) for one in lines if one.get("product_id"))
    return round(total, 4) or None


def _lines(raw: object, event_name: str) -> list[dict[str, Any]]:
    if not isinstance(raw, list):
        raise wrong_type("properties.products", raw, "a list of objects")
    if len(raw) > MAX_PRODUCTS:
        raise IngestError("too_large", "properties.products", f"has {len(raw)} lines", f"Send at most {MAX_PRODUCTS}")
    out = []
    for index, one in enumerate(raw):
        field = f"properties.products.{index}"
        if not isinstance(one, dict):
            raise wrong_type(field, one, "an object")
        shaped_line = _line(one, field, event_name)
        if shaped_line.get("quantity", 1):  # a snapshot that lists a line with 0 pieces has removed it
            out.append(shaped_line)
    return out


def _rename(out: dict[str, Any], key: str, spellings: tuple[str, ...]) -> None:
    for spelling in spellings:
        value = out.get(spelling)
        if value is not None and value != "":
            if spelling != key:
                out[key] = out.pop(spelling)
            return
    out.pop(key, None)


def _text(value: object, field: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise wrong_type(field, value, "a string")


def _quantity(value: object, field: str) -> int:
    number = number_or_none(value)
    if number is None or not 0 <= number <= _MAX_QUANTITY or number != int(number):
        raise IngestError("invalid_field", field, "not a whole number of pieces", "Send e.g. 1")
    return int(number)


def _clean_url(out: dict[str, Any], key: str) -> None:
    """Drop what no link or picture in a message may point to (javascript:, data:)."""
    value = out.get(key)
    if value is None:
        return
    if isinstance(value, str) and len(value) <= _MAX_TEXT_CHARS:
        text = value.strip()
        if text.startswith(("https://", "http://", "/")):
            out[key] = text
            return
    del out[key]
