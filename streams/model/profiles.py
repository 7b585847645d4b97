"""ProfileState: everything the operators know about one profile, as one immutable value."""

import math
from enum import StrEnum
from typing import Any

from msgspec import Struct

from streams.model.events import ProfileKeys


class Tier(StrEnum):
    """How close a lead is to buying."""

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


class Interaction(Struct, frozen=True, array_like=True, gc=False):
    """One line of a profile's recent history."""

    name: str
    at_ms: int
    source: str
    value: float | None = None
    detail: str = ""


class FactsState(Struct, frozen=True, array_like=True):
    """Who the profile is and what it did last; `recent` is newest last and bounded."""

    keys: ProfileKeys = ProfileKeys()
    traits: dict[str, Any] = {}
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    events: int = 0
    recent: tuple[Interaction, ...] = ()


class Contribution(Struct, frozen=True, array_like=True, gc=False):
    """What one rule has added: how often, and its decayed points at the score's `at_ms`."""

    rule: str
    count: int
    points: float
    last_at_ms: int


class ScoreState(Struct, frozen=True, array_like=True):
    """Decaying lead score. `points` holds at event time `at_ms`; contributions sum to it.

    `tier` and `is_mql` are what has been announced.
    """

    points: float = 0.0
    at_ms: int = 0
    tier: Tier = Tier.COLD
    is_mql: bool = False
    contributions: tuple[Contribution, ...] = ()


class CartItem(Struct, frozen=True, array_like=True, gc=False):
    """A line of a cart; `price` is per piece in the cart's currency."""

    product_id: str
    name: str
    quantity: int
    price: float
    image_url: str = ""
    url: str = ""


class CartState(Struct, frozen=True, array_like=True):
    """The cart as last seen. `due_ms` is the log time at which it counts as abandoned, 0 when no window is open;
    `opened_ms` names the occurrence and stays through updates until the window closes. `started_at_ms` is the event
    time at which it was last begun, 0 when that is not known.
    """

    items: tuple[CartItem, ...] = ()
    currency: str = ""
    url: str = ""
    opened_ms: int = 0
    updated_ms: int = 0
    due_ms: int = 0
    started_at_ms: int = 0

    @property
    def value(self) -> float:
        """Sum of the items' prices."""
        return round(sum(i.price * i.quantity for i in self.items), 2)


class ProfileState(Struct, frozen=True, array_like=True):
    """One profile. `applied_offset` is the last frame of its partition that it includes.

    New operators append a field with a default, so older records still decode.
    """

    workspace: str
    id: str
    applied_offset: int = -1
    facts: FactsState = FactsState()
    score: ScoreState = ScoreState()
    cart: CartState = CartState()


def decayed(points: float, since_ms: int, half_life_ms: int) -> float:
    """Return `points` after `since_ms` of exponential decay; never grows when `since_ms` is negative."""
    return points * math.pow(0.5, max(0, since_ms) / half_life_ms)


WARM_AT = 25.0
HOT_AT = 40.0
MQL_AT = 50.0
SHOWN_SLACK = 0.05
"""Readers judge a decayed score as it is shown, with one digit, so that 40 points are hot a second later too."""


def tier_of(points: float) -> Tier:
    """Return the tier of a score: cold < 25 <= warm < 40 <= hot."""
    if points >= HOT_AT:
        return Tier.HOT
    return Tier.WARM if points >= WARM_AT else Tier.COLD
