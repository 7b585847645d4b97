"""ProductState: a product's price and stock as last told, and who wants to hear of it."""

from typing import Any

from msgspec import Struct


class Interest(Struct, frozen=True, array_like=True, gc=False):
    """A profile's interest under one rule: the price it saw (0 unknown; currency empty where not told) and until which
    log time it is kept (0: it was withdrawn). `at_ms` is the profile's log time, so that an older word does not replace
    a newer.
    """

    rule: str
    price: float
    until_ms: int
    at_ms: int
    currency: str = ""


class ProductState(Struct, frozen=True, array_like=True, gc=False):
    """`in_stock` is None until told. `interested` is keyed by profile and rule, bounded; `told` is what goes into a
    trigger (name, url, image).
    """

    price: float = 0.0
    currency: str = ""
    in_stock: bool | None = None
    updated_ms: int = 0
    told: dict[str, Any] = {}
    interested: dict[str, Interest] = {}


class Notice(Struct, frozen=True, array_like=True, gc=False):
    """News of a product for one profile; `occurrence` tells one piece of news from the next."""

    rule: str
    occurrence: str
    data: dict[str, Any]
