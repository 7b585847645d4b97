"""What a window holds: the lines of a cart as the events tell them, the products that were looked at.

An event that says nothing about a cart leaves its lines alone; what makes no sense is left out, and all is bounded.
"""

from collections.abc import Iterable
from typing import Any, TypeGuard

from streams.model.events import Event
from streams.model.windows import CartItem, WindowsState, newest_cart

MAX_ITEMS = 50
MAX_VIEWED = 10
MAX_TEXT = 500
_MAX_QUANTITY = 10_000
_INFINITE = float("inf")

LINE_EVENTS = frozenset({"product_added", "product_removed"})
CART_EVENTS = LINE_EVENTS | {"cart_updated", "checkout_started"}
"""What changes a cart's lines; a line event is one line, the others are the whole cart. An event of another name, if a
rule lets it open a cart, adds what it tells of.
"""

Items = tuple[CartItem, ...]


def told_items(event: Event, name: str) -> Items | None:
    """Return the lines that the event tells of, None when it tells of none: its one line, or its list of products."""
    products = event.properties.get("products") if name not in LINE_EVENTS else None
    if not isinstance(products, list):
        item = _item(event.properties, event) if name in LINE_EVENTS or name not in CART_EVENTS else None
        return None if item is None else (item,)
    return _united(i for p in products[:MAX_ITEMS] if (i := _item(p, event)))


def cart_after(items: Items, told: Items | None, event: Event, name: str) -> Items | None:
    """Return the cart's lines after the event, None when it says nothing about them."""
    if name == "product_added":
        return _with_line(items, told[0]) if told else None
    if name not in CART_EVENTS:
        for line in told or ():
            items = _with_line(items, line)
        return items if told else None
    if name == "product_removed":
        return _removed(items, told[0], "quantity" in event.properties) if told else None
    return told if told is not None else items or None


def checkout_items(items: Items, state: WindowsState, at_ms: int) -> Items:
    """Return the lines of a checkout that doesn't name them: those known, else those of the profile's cart."""
    if items:
        return items
    cart = newest_cart(state)
    return tuple(dated(item, at_ms) for item in cart.items) if cart else ()


def looked_at(items: Items, told: Items | None, event: Event, at_ms: int) -> Items:
    """Return the products looked at, newest last."""
    if not told:
        item = _item(event.properties, event)
        if item is None:
            return items
        told = (item if item.at_ms == at_ms else dated(item, at_ms),)
    if not items or (len(items) == len(told) == 1 and items[0].product_id == told[0].product_id):
        return told[-MAX_VIEWED:]
    ids = {i.product_id for i in told}
    return (*[i for i in items if i.product_id not in ids], *told)[-MAX_VIEWED:]


def dated(item: CartItem, at_ms: int) -> CartItem:
    """Return the line with another time."""
    return CartItem(item.product_id, item.name, item.quantity, item.price, item.image_url, item.url, at_ms)


def item_as_dict(item: CartItem) -> dict[str, Any]:
    """Return the line as triggers carry it."""
    return {
        "product_id": item.product_id,
        "name": item.name,
        "quantity": item.quantity,
        "price": item.price,
        "image_url": item.image_url,
        "url": item.url,
    }


def text(value: Any) -> str:
    """Return a text or whole number as bounded text, anything else as an empty one."""
    if value is None:
        return ""
    if type(value) is str:
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    return str(value)[:MAX_TEXT] if isinstance(value, int) and not isinstance(value, bool) else ""


def is_number(value: Any) -> TypeGuard[float]:
    """Say whether the value is a finite number."""
    kind = type(value)
    return (kind is float or kind is int) and -_INFINITE < value < _INFINITE


def _with_line(items: Items, added: CartItem) -> Items:
    product_id = added.product_id
    for place, known in enumerate(items):
        if known.product_id == product_id:
            lines = list(items)
            lines[place] = _recounted(added, added.quantity + known.quantity, known.at_ms)
            return tuple(lines)
    return (*items, added) if len(items) < MAX_ITEMS else (*items[1 - MAX_ITEMS :], added)


def _united(added: Iterable[CartItem]) -> Items:
    lines: dict[str, CartItem] = {}
    for item in added:
        known = lines.get(item.product_id)
        lines[item.product_id] = _recounted(item, item.quantity + known.quantity, known.at_ms) if known else item
    return tuple(lines.values())[-MAX_ITEMS:]


def _removed(items: Items, removed: CartItem, has_quantity: bool) -> Items:
    # Without a quantity the whole line goes.
    gone = removed.quantity if has_quantity else _MAX_QUANTITY
    product_id, at_ms = removed.product_id, removed.at_ms
    kept = (_recounted(i, i.quantity - gone, at_ms) if i.product_id == product_id else i for i in items)
    return tuple(i for i in kept if i.quantity > 0)


def _recounted(item: CartItem, quantity: int, at_ms: int) -> CartItem:
    count = quantity if quantity < _MAX_QUANTITY else _MAX_QUANTITY  # noqa: FURB136  a call costs more
    latest_ms = item.at_ms if item.at_ms > at_ms else at_ms  # noqa: FURB136  a call costs more
    return CartItem(item.product_id, item.name, count, item.price, item.image_url, item.url, latest_ms)


def _item(raw: Any, event: Event) -> CartItem | None:
    if type(raw) is not dict:
        return None
    told = raw.get
    name = text(told("name"))
    product_id = text(told("product_id")) or name
    if not product_id:
        return None
    quantity = told("quantity", 1)
    count = 1
    if quantity != 1 and is_number(quantity) and quantity > 1:
        count = int(quantity) if quantity < _MAX_QUANTITY else _MAX_QUANTITY
    price = told("price")
    if type(price) is not float or not -_INFINITE < price < _INFINITE:
        # The value is that of the whole line.
        worth = event.value / count if is_number(event.value) and raw is event.properties else 0.0
        price = float(price) if is_number(price) else worth
    image_url, url = told("image_url"), told("url")
    return CartItem(
        product_id,
        name or product_id,
        count,
        price,
        text(image_url) if image_url else "",
        text(url) if url else "",
        event.at_ms,
    )
