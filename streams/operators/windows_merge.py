"""Windows of two ids that turn out to be one person's: a join that is associative, commutative and idempotent.

Of two windows with one key the one whose last word is the newer in event time (then the one touched last, then the
greater encoding) gives everything but the items; those are united, a product's line being the one told last. A cancel
takes away windows without a newer word than itself, and lines that are no newer. Since all of it goes by the event time
that each part carries with it, it makes no difference what is joined or cancelled first. Bounds are kept by the steps
that follow, not here: cutting would depend on the order.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from streams.model.windows import CartItem, Window, WindowsState

_encode = msgspec.msgpack.Encoder().encode


def joined(mine: WindowsState, theirs: WindowsState) -> WindowsState:
    """Return the windows and cancels of both; `due_ms` is not computed."""
    cancelled = dict(mine.cancelled)
    for key, at_ms in theirs.cancelled.items():
        cancelled[key] = max(at_ms, cancelled.get(key, at_ms))
    windows: dict[str, Window] = {}
    for key in sorted(mine.windows.keys() | theirs.windows.keys()):
        window = _joined(mine.windows.get(key), theirs.windows.get(key))
        left = _without_cancelled(window, mark_of(cancelled, window.rule, key))
        if left:
            windows[key] = left
    return WindowsState(windows, 0, dict(sorted(cancelled.items())))


def mark_of(cancelled: Mapping[str, int], rule: str, key: str) -> int:
    """Return the event time of the last cancel of a window, or -1."""
    return max(cancelled.get(rule, -1), cancelled.get(key, -1))


def newest_marks(cancelled: Mapping[str, int], count: int) -> dict[str, int]:
    """Return at most `count` of the cancels, the newest."""
    return dict(sorted(cancelled.items(), key=lambda entry: (entry[1], entry[0]))[-count:])


def _joined(one: Window | None, other: Window | None) -> Window:
    if one is None or other is None:
        window = one or other
        assert window is not None
        return replace(window, items=_ordered(window.items))
    later = max(one, other, key=_rank)
    lines: dict[str, CartItem] = {}
    for item in (*one.items, *other.items):
        known = lines.get(item.product_id, item)
        lines[item.product_id] = max(known, item, key=_item_rank)
    return replace(later, items=_ordered(tuple(lines.values())))


def _rank(window: Window) -> tuple[int, int, int, bytes]:
    """Return the window's place in a total order; items have no part in it, since they are joined."""
    return window.touched_at_ms, window.updated_ms, window.started_at_ms, _encode(replace(window, items=()))


def _item_rank(item: CartItem) -> tuple[int, bytes]:
    return item.at_ms, _encode(item)


def _ordered(items: tuple[CartItem, ...]) -> tuple[CartItem, ...]:
    return tuple(sorted(items, key=lambda item: (item.at_ms, item.product_id)))


def _without_cancelled(window: Window, mark_ms: int) -> Window | None:
    if window.touched_at_ms <= mark_ms:
        return None
    if all(item.at_ms > mark_ms for item in window.items):
        return window
    return replace(window, items=tuple(item for item in window.items if item.at_ms > mark_ms))
