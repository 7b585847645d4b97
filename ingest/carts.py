"""The cart contract: every product line becomes one of the form that the engine reads.

Line: product_id, name, price (per piece), quantity, image_url, url; other keys are kept. `products` holds lines. On
cart_updated and checkout_started it is the whole cart; product_added and product_removed are one line themselves, which
says only what its sender said: without a quantity all pieces are removed, without a price the event's value tells it.
"""

from typing import Any

from ingest.errors import IngestError
from ingest.spellings import (
    CART_URL_SPELLINGS,
    LINE_SPELLINGS,
    LIST_SPELLINGS,
    MAX_TEXT_CHARS,
    ORDER_ID_SPELLINGS,
    PRODUCT_ID_SPELLINGS,
    clean_url,
    rename,
    text_of,
    with_line_keys,
    written,
)
from ingest.values import MAX_ID_CHARS, MAX_NODES, amount, number_or_none, wrong_type

MAX_PRODUCTS = 250
_MAX_QUANTITY = 1_000_000

LINE_EVENTS = frozenset({"product_added", "product_removed"})
_SHOWN_EVENTS = frozenset(
    {
        "product_viewed",
        "product_clicked",
        "product_added_to_wishlist",
        "back_in_stock_requested",
        "back_in_stock_cancelled",
    }
)
_LIST_EVENTS = frozenset(
    {"cart_viewed", "cart_updated", "checkout_started", "order_completed", "order_refunded", "order_cancelled"}
)
COMMERCE_EVENTS = LINE_EVENTS | _SHOWN_EVENTS | _LIST_EVENTS
# What a line without a price or quantity means; on an event not named here it is free and one piece.
_DEFAULTS: dict[str, dict[str, float]] = {"product_added": {"quantity": 1}, "product_removed": {}}
_CART_KEYS = frozenset((*CART_URL_SPELLINGS, *LIST_SPELLINGS))
_PLAIN_DEFAULTS = {"price": 0.0, "quantity": 1}


def first_lines(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties with as many product lines as an event can carry, and where these are not all of them, as
    `products_count`, how many there were. For senders who can't send fewer.
    """
    key = next((key for key in LIST_SPELLINGS if isinstance(properties.get(key), list)), "")
    lines = properties.get(key, ())
    kept, room = 0, MAX_NODES - len(properties) - 1
    for line in lines[:MAX_PRODUCTS]:
        room -= 1 + (len(line) if isinstance(line, dict) else 0)
        if room < 0:
            break
        kept += 1
    return properties if kept == len(lines) else properties | {key: lines[:kept], "products_count": len(lines)}


def shaped(
    name: str,
    properties: dict[str, Any],
    max_products: int = MAX_PRODUCTS,
    *,
    path: str = "properties",
    lines_at: str = "",
) -> dict[str, Any]:
    """Return the properties of the commerce event `name` with their canonical keys. Raises IngestError, which names the
    field as its sender wrote it: `path` is where the properties stand, `lines_at` the list of lines if elsewhere.
    """
    out = dict(properties)
    if not _CART_KEYS.isdisjoint(out):
        rename(out, "cart_url", CART_URL_SPELLINGS)
        clean_url(out, "cart_url")
        lines_at = lines_at or _at(path, written(out, LIST_SPELLINGS))
        rename(out, "products", LIST_SPELLINGS)
    if "products" in out:
        out["products"] = _lines(out["products"], name, max_products, lines_at)
    if name in _LIST_EVENTS:
        rename(out, "order_id", ORDER_ID_SPELLINGS)
        names_one = not out.get("products") and any(out.get(key) not in (None, "") for key in PRODUCT_ID_SPELLINGS)
        return _line(out, path, name) if names_one else out
    products = out.get("products", ())
    if len(products) == 1:
        del out["products"]
        out.update(products[0])
        return out
    return out if products else _line(out, path, name)


def _line(raw: dict[str, Any], field: str, event_name: str) -> dict[str, Any]:
    """Return one product line; what is shown may be no product at all."""
    out = with_line_keys(raw)
    known_by = "product_id" if "product_id" in out else "name"
    product = out.get(known_by)
    if product is None:
        if event_name not in _SHOWN_EVENTS:
            raise IngestError("missing_field", _at(field, "product_id"), "is missing", "Say which product it is")
        return out
    try:
        out["product_id"] = text_of(product, f"{field}.{known_by}")[:MAX_ID_CHARS]
        out["name"] = text_of(out.get("name", product), f"{field}.name")[:MAX_TEXT_CHARS]
        out = _DEFAULTS.get(event_name, _PLAIN_DEFAULTS) | out
        if "price" in out:
            out["price"] = amount(out["price"], f"{field}.price")
        if "quantity" in out:
            out["quantity"] = _quantity(out["quantity"], f"{field}.quantity")
    except IngestError as error:
        raise _as_written(error, raw, field) from None
    if "image_url" in out:
        clean_url(out, "image_url")
    if "url" in out:
        clean_url(out, "url")
    return out


def _as_written(error: IngestError, raw: dict[str, Any], field: str) -> IngestError:
    """Return what is wrong with a line, about the key as its sender wrote it."""
    told, key = str(error).removeprefix(error.field), error.field.rpartition(".")[2]
    error.field = _at(field, written(raw, LINE_SPELLINGS[key]))
    error.args = (error.field + told,)
    return error


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def worth(properties: dict[str, Any]) -> float | None:
    """Return what the product lines in shaped properties cost together, None when they have no price."""
    lines = properties.get("products") or (properties,)
    total = sum(one.get("price", 0.0) * one.get("quantity", 0) for one in lines if one.get("product_id"))
    return round(total, 4) or None


def _lines(raw: object, event_name: str, most: int, at: str) -> list[dict[str, Any]]:
    if not isinstance(raw, list):
        raise wrong_type(at, raw, "a list of objects")
    if len(raw) > most:
        raise IngestError("too_large", at, f"has {len(raw)} lines", f"Send at most {most}")
    out = []
    for index, one in enumerate(raw):
        field = f"{at}.{index}"
        if not isinstance(one, dict):
            raise wrong_type(field, one, "an object")
        shaped_line = _line(one, field, event_name)
        if shaped_line.get("quantity", 1):  # a snapshot that lists a line with 0 pieces has removed it
            out.append(shaped_line)
    return out


def _quantity(value: object, field: str) -> int:
    number = number_or_none(value)
    problem = ""
    if number is None or number != int(number):
        problem = "not a whole number of pieces"
    elif number < 0:
        problem = "is negative"
    elif number > _MAX_QUANTITY:
        problem = f"is more than {_MAX_QUANTITY:,} pieces"
    if problem or number is None:
        raise IngestError("invalid_field", field, problem, "Send e.g. 1")
    return int(number)
