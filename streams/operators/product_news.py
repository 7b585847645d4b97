"""The product's side of product triggers: its price and stock as told, and whom a change of them concerns."""

from typing import Any

from streams.model.events import Event
from streams.model.products import Interest, Notice, ProductState
from streams.operators.condition_tests import number_in
from streams.operators.windows_items import is_number, text

PRODUCT_PREFIX = "product:"
RESTOCKED = "product_restocked"
SOLD_OUT = "product_sold_out"
PRODUCT_EVENTS = frozenset({"product_updated", "price_changed", RESTOCKED, SOLD_OUT})
MAX_INTERESTED = 10_000
_ROOM = 500  # so that a product that many look at isn't sorted at each of them
_WITHDRAWN_FOR_MS = 86_400_000  # a withdrawal is kept against an older word of interest that arrives after it
_ID_SEPARATOR = "\x1f"
_LINK_STARTS = ("https://", "http://", "/")
_STOCK_NAMES = ("inventory_quantity", "inventory", "stock")
_AVAILABLE = {
    "instock": True, "available": True, "limitedavailability": True, "backorder": True, "preorder": True, "true": True,
    "outofstock": False, "unavailable": False, "soldout": False, "discontinued": False, "false": False,
}  # fmt: skip


def interest_key(profile: str, rule: str) -> str:
    """Return the key of a person's interest under one rule."""
    return f"{profile}{_ID_SEPARATOR}{rule}"


def profile_of(key: str) -> str:
    """Return whose interest it is."""
    return key.rpartition(_ID_SEPARATOR)[0]


def is_over(interest: Interest, now_ms: int) -> bool:
    """Say whether the interest, or the memory of its withdrawal, has expired."""
    return _expires_ms(interest) <= now_ms


def with_interest(product: ProductState, key: str, interest: Interest, now_ms: int) -> ProductState:
    """Return the product with the interest in it; without those that have expired, or expire soonest, when too many."""
    if interest.until_ms and not interest.price and product.price:
        interest = Interest(
            interest.rule, product.price, interest.until_ms, interest.at_ms, product.currency or interest.currency
        )
    interested = {**product.interested, key: interest}
    if len(interested) > MAX_INTERESTED:
        lasting = sorted(interested.items(), key=lambda entry: (_expires_ms(entry[1]), entry[0]))
        kept = {name for name, one in lasting[_ROOM:] if not is_over(one, now_ms)}
        interested = {name: one for name, one in interested.items() if name in kept}
    return with_interested(product, interested)


def with_interested(product: ProductState, interested: dict[str, Interest]) -> ProductState:
    """Return the product with these interests."""
    return ProductState(product.price, product.currency, product.in_stock, product.updated_ms, product.told, interested)


def product_after(product: ProductState, event: Event, name: str) -> ProductState:
    """Return the product as the event tells it."""
    told = event.properties.get
    known = product.in_stock if product.updated_ms else None  # records were once written as in stock before any word
    price = _price(told("price"))
    in_stock = _stock(event.properties, name)
    news = {
        "name": text(told("name")) or text(told("title")),
        "url": _link(told("url")),
        "image_url": _link(told("image_url")),
    }
    return ProductState(
        product.price if price is None else price,
        event.currency or text(told("currency"))[:3].upper() or product.currency,
        known if in_stock is None else in_stock,
        event.at_ms,
        product.told | {key: value for key, value in news.items() if value},
        product.interested,
    )


def is_restock(before: ProductState, after: ProductState, name: str) -> bool:
    """Say whether the product is in stock again; the first word that it is counts, since somebody waits for it."""
    return after.in_stock is True and (name == RESTOCKED or not before.in_stock or not before.updated_ms)


def has_dropped(seen: Interest, product: ProductState, percent: float) -> bool:
    """Say whether the price is lower than the one seen, in one currency, by at least so much."""
    if not seen.price or not product.price or product.in_stock is False:
        return False
    if seen.currency and product.currency and seen.currency != product.currency:
        return False
    return drop_percent(seen, product) >= percent - 1e-9


def drop_percent(seen: Interest, product: ProductState) -> float:
    """Return by how much the price has fallen, 0 when it hasn't or is not known."""
    if not seen.price or not product.price:
        return 0.0
    return max(0.0, (seen.price - product.price) / seen.price * 100)


def notice_of(product: ProductState, event: Event, kind: str, seen: Interest) -> Notice:
    """Return the news for one person, with what a message about it needs."""
    product_id = event.profile.removeprefix(PRODUCT_PREFIX)
    line = {
        "product_id": product_id,
        "name": product.told.get("name", product_id),
        "quantity": 1,
        "price": product.price,
        "image_url": product.told.get("image_url", ""),
        "url": product.told.get("url", ""),
    }
    data = {
        "items": [line],
        "value": product.price,
        "currency": product.currency,
        "url": line["url"],
        "kind": kind,
        "product_id": product_id,
        "name": line["name"],
        "price": product.price,
        "was_price": seen.price,
        "drop_percent": round(drop_percent(seen, product), 2),
        "since_ms": seen.at_ms,
    }
    return Notice(seen.rule, f"{event.id}/{product_id}", data)


def _expires_ms(interest: Interest) -> int:
    return interest.until_ms or interest.at_ms + _WITHDRAWN_FOR_MS


def _price(value: Any) -> float | None:
    number = number_in(value.strip()) if isinstance(value, str) else value
    return float(number) if is_number(number) and number > 0 else None


def _stock(properties: dict[str, Any], name: str) -> bool | None:
    if name == SOLD_OUT:
        return False
    if name == RESTOCKED:
        return True
    for key in ("in_stock", "availability"):
        value = properties.get(key)
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            # schema.org spells it https://schema.org/InStock, Google's feeds in_stock.
            word = "".join(c for c in value[:200].rpartition("/")[2].casefold() if c.isalpha())
            if word in _AVAILABLE:
                return _AVAILABLE[word]
    for key in _STOCK_NAMES:
        value = properties.get(key)
        if is_number(value):
            return value > 0
    return None


def _link(value: Any) -> str:
    link = text(value)
    return link if link.startswith(_LINK_STARTS) else ""
