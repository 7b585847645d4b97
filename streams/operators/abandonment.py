"""Cart abandonment: a cart that nobody touches for a while, and no purchase.

A purchase cancels the window, a further change of the cart re-arms it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from streams.model.events import Event
from streams.model.profiles import CartItem, CartState
from streams.model.triggers import TriggerRule
from streams.operators.base import Firing, Step

MAX_ITEMS = 50
CLOCK_SKEW_MS = 300_000
"""Two senders' clocks may differ by so much."""
ORDER_SLACK_MS = 86_400_000
"""An order may carry a bare date or local time sent as UTC: better no mail than one after the purchase."""
_MAX_QUANTITY = 10_000
_SNAPSHOTS = frozenset({"cart_updated", "checkout_started"})
_READ = _SNAPSHOTS | {"product_added", "product_removed", "cart_viewed", "order_completed"}


class AbandonmentRules(Struct, frozen=True):
    """`window_ms`: log time without a touch after which a cart counts as abandoned."""

    window_ms: int = 3_600_000


class CartAbandonment:
    """The cart as the events tell it, with one window.

    product_added, product_removed, cart_updated and checkout_started change the cart and (re)start the window, counted
    in log time; cart_viewed only extends an open one; order_completed empties the cart. What happened longer ago than a
    window neither opens nor extends one, and an order from before the cart was begun (an import) is not its purchase.
    """

    def __init__(self, rules: AbandonmentRules) -> None:
        self.rules = rules

    def on_event(self, state: CartState, event: Event, now_ms: int) -> Step[CartState]:
        """Return the cart after the event."""
        name = event.name
        is_late = now_ms - event.at_ms > self.rules.window_ms
        if name not in _READ or _is_outdated(state, event, is_late=is_late):
            return Step(state)
        if name == "order_completed":
            return Step(CartState(updated_ms=now_ms) if state.items or state.due_ms else state)
        if name == "cart_viewed":
            return Step(self._touched(state, state.items, event, now_ms) if state.due_ms and not is_late else state)
        items = _items_after(state, event)
        if items is None:
            return Step(state)
        if not items:
            return Step(CartState(updated_ms=now_ms))
        return Step((_noted if is_late else self._touched)(state, items, event, now_ms))

    def on_timer(self, state: CartState, now_ms: int) -> Step[CartState]:
        """Close the window if it is due: the cart is abandoned. It keeps its items, so that a change re-arms it."""
        if not state.due_ms or state.due_ms > now_ms:
            return Step(state)
        data = {
            "items": [_as_dict(i) for i in state.items],
            "value": state.value,
            "currency": state.currency,
            "url": state.url,
            "opened_ms": state.opened_ms,
            "updated_ms": state.updated_ms,
        }
        closed = replace(state, opened_ms=0, due_ms=0)
        firing = Firing(TriggerRule.CART_ABANDONED, str(state.opened_ms), state.due_ms, data)
        return Step(closed, (firing,))

    def next_timer(self, state: CartState) -> int:
        """Return when the window closes, or 0."""
        return state.due_ms

    def _touched(self, state: CartState, items: tuple[CartItem, ...], event: Event, now_ms: int) -> CartState:
        return CartState(
            items,
            _currency(state, event),
            _url(state, event),
            state.opened_ms or now_ms,
            now_ms,
            now_ms + self.rules.window_ms,
            state.started_at_ms if state.opened_ms else min(event.at_ms, now_ms),
        )


def _is_outdated(state: CartState, event: Event, *, is_late: bool) -> bool:
    """Say whether the event is about an earlier cart, or late with the whole of a cart that was touched since."""
    before_ms = state.started_at_ms - event.at_ms
    if event.name == "order_completed":
        return before_ms > ORDER_SLACK_MS
    if before_ms > CLOCK_SKEW_MS:
        return event.name not in {"product_added", "cart_viewed"}
    return is_late and state.due_ms > 0 and event.name in _SNAPSHOTS


def _noted(state: CartState, items: tuple[CartItem, ...], event: Event, now_ms: int) -> CartState:
    """Return the cart with what was in it a while ago; its window, if one is open, goes on as it was."""
    started_at_ms = state.started_at_ms if state.items else event.at_ms
    currency, url = _currency(state, event), _url(state, event)
    return CartState(items, currency, url, state.opened_ms, now_ms, state.due_ms, started_at_ms)


def _items_after(state: CartState, event: Event) -> tuple[CartItem, ...] | None:
    """Return the cart's items after the event, or None when it says nothing about them."""
    properties = event.properties
    if event.name in _SNAPSHOTS:
        products = properties.get("products")
        if isinstance(products, list):
            return _merged((), (i for p in products[:MAX_ITEMS] if (i := _item(p, event))))
        return state.items or None
    item = _item(properties, event)
    if item is None:
        return None
    if event.name == "product_added":
        return _merged(state.items, (item,))
    # Without a quantity the whole line goes.
    gone = item.quantity if "quantity" in properties else _MAX_QUANTITY
    kept = (_with_quantity(i, i.quantity - gone) if i.product_id == item.product_id else i for i in state.items)
    return tuple(i for i in kept if i.quantity > 0)


def _merged(items: Iterable[CartItem], added: Iterable[CartItem]) -> tuple[CartItem, ...]:
    lines = {i.product_id: i for i in items}
    for item in added:
        known = lines.get(item.product_id)
        count = min(item.quantity + (known.quantity if known else 0), _MAX_QUANTITY)
        lines[item.product_id] = _with_quantity(item, count)
    return tuple(lines.values())[-MAX_ITEMS:]


def _with_quantity(item: CartItem, quantity: int) -> CartItem:
    return CartItem(item.product_id, item.name, quantity, item.price, item.image_url, item.url)


def _item(raw: Any, event: Event) -> CartItem | None:
    if not isinstance(raw, Mapping):
        return None
    product_id = _text(raw.get("product_id")) or _text(raw.get("name"))
    if not product_id:
        return None
    quantity = raw.get("quantity")
    count = int(quantity) if _is_number(quantity) and quantity >= 1 else 1
    price = raw.get("price")
    if not _is_number(price):
        # The value is that of the whole line.
        price = event.value / count if event.value is not None and raw is event.properties else 0.0
    return CartItem(
        product_id,
        _text(raw.get("name")) or product_id,
        min(count, _MAX_QUANTITY),
        float(price or 0.0),
        _text(raw.get("image_url")),
        _text(raw.get("url")),
    )


def _as_dict(item: CartItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def _text(value: Any) -> str:
    return str(value)[:500] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _currency(state: CartState, event: Event) -> str:
    return event.currency or state.currency


def _url(state: CartState, event: Event) -> str:
    return _text(event.properties.get("cart_url")) or state.url
