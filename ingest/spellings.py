"""One spelling for what senders call by many names: product lines, carts, forms. It judges no event as a whole."""

from typing import Any

from ingest.values import wrong_type

MAX_TEXT_CHARS = 2_048

# canonical key: spellings of Segment, GA4, Shopify and the Meta pixel, the most telling first
LINE_SPELLINGS: dict[str, tuple[str, ...]] = {
    "product_id": ("product_id", "productId", "item_id", "itemId", "sku", "variant_id", "id"),
    "name": ("name", "item_name", "itemName", "product_name", "productName", "title"),
    "price": ("price", "item_price", "unit_price"),
    "quantity": ("quantity", "qty", "item_quantity"),
    "image_url": ("image_url", "imageUrl", "image"),
    "url": ("url", "product_url", "productUrl"),
}
LIST_SPELLINGS = ("products", "items", "line_items", "contents")
CART_URL_SPELLINGS = ("cart_url", "cartUrl", "recovery_url", "abandoned_checkout_url", "checkout_url")
ORDER_ID_SPELLINGS = ("order_id", "orderId", "transaction_id")
# What can't be the id of the order or the cart itself.
PRODUCT_ID_SPELLINGS = ("product_id", "productId", "item_id", "itemId", "sku")
# What tells one window of a person from another, on any event.
_SUBJECT_SPELLINGS = {
    "cart_id": ("cart_id", "cartId", "cart_token", "cartToken"),
    "checkout_id": ("checkout_id", "checkoutId"),
    "form_id": ("form_id", "formId"),
    "form_step": ("form_step", "formStep"),
}


def _others(spelled: dict[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(s for key, spellings in spelled.items() for s in spellings if s != key)


_OTHER_SUBJECTS = _others(_SUBJECT_SPELLINGS)
_OTHER_LINE_KEYS = _others(LINE_SPELLINGS)


def with_subjects(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties with ids of carts and forms under their canonical keys; the same object if they are."""
    if _OTHER_SUBJECTS.isdisjoint(properties):
        return properties
    out = dict(properties)
    for key, spellings in _SUBJECT_SPELLINGS.items():
        rename(out, key, spellings)
    return out


def with_line_keys(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the product line with what it says under canonical keys."""
    out = dict(raw)
    if _OTHER_LINE_KEYS.isdisjoint(out):
        for key in LINE_SPELLINGS:
            if key in out and out[key] in (None, ""):
                del out[key]
        return out
    for key, spellings in LINE_SPELLINGS.items():
        rename(out, key, spellings)
    return out


def rename(out: dict[str, Any], key: str, spellings: tuple[str, ...]) -> None:
    """Move the first spelling that says something to `key`; without one `key` goes."""
    for spelling in spellings:
        value = out.get(spelling)
        if value is not None and value != "":
            if spelling != key:
                out[key] = out.pop(spelling)
            return
    out.pop(key, None)


def written(raw: dict[str, Any], spellings: tuple[str, ...]) -> str:
    """Return the spelling that `rename` takes, which names the field as its sender did; the first where none tells."""
    for spelling in spellings:
        if raw.get(spelling) not in (None, ""):
            return spelling
    return spellings[0]


def text_of(value: object, field: str) -> str:
    """Return a text or number as text. Raises IngestError."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise wrong_type(field, value, "a string")


def clean_url(out: dict[str, Any], key: str) -> None:
    """Drop what no link or picture in a message may point to (javascript:, data:)."""
    value = out.get(key)
    if value is None:
        return
    if isinstance(value, str) and len(value) <= MAX_TEXT_CHARS:
        text = value.strip()
        if text.startswith(("https://", "http://", "/")):
            out[key] = text
            return
    del out[key]
