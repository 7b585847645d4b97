"""Abandonment rules as data: what opens a window, what keeps it open, what closes it, and when it fires."""

from enum import StrEnum

from msgspec import Struct

from streams.model.rules.conditions import Condition

HOUR_MS = 3_600_000


class WindowKind(StrEnum):
    """What is left behind; a cart or checkout carries items."""

    CART = "cart"
    CHECKOUT = "checkout"
    BROWSE = "browse"
    FORM = "form"
    REGISTRATION = "registration"


class EventMatch(Struct, frozen=True, forbid_unknown_fields=True):
    """An event by name, and conditions that it must meet."""

    event: str
    when: tuple[Condition, ...] = ()


class AbandonmentRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of abandonment.

    `opens` opens a window or starts an open one anew; `extends` only starts an open one anew; `cancels` closes it.
    The n-th step fires `steps_ms[n]` of log time after the last touch: (3600000, 86400000) is an hour and a day.
    `subject` is the property that tells one window of a profile from another (cart_id, product_id, form_id); empty:
    one window. An event without it is about the cart or checkout touched last, of the other kinds about a window of
    its own, and a cancel without it about all. A step that finds the window worth less than `min_value` (in its own
    currency) is passed over.
    `rearm`: a window that has fired all its steps opens again at the next opening event; else only after a cancel.
    """

    id: str
    kind: WindowKind
    opens: tuple[EventMatch, ...]
    cancels: tuple[EventMatch, ...]
    extends: tuple[EventMatch, ...] = ()
    steps_ms: tuple[int, ...] = (HOUR_MS,)
    subject: str = ""
    min_value: float = 0
    rearm: bool = True


class ProductRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Tells those who showed interest in a product (looked at it, left it in a cart, asked to be told) that its price
    fell by at least `min_drop_percent`, or that it is in stock again. `kind` is "price_drop" or "back_in_stock".
    """

    id: str
    kind: str
    interest: tuple[EventMatch, ...]
    cancels: tuple[EventMatch, ...]
    min_drop_percent: float = 5
    keep_ms: int = 30 * 24 * HOUR_MS
