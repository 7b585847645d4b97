"""How a lead score reads to people: tiers by points, and decay to the moment of asking."""

import math
from enum import StrEnum


class Tier(StrEnum):
    """How close a lead is to buying."""

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


WARM_AT = 25.0
HOT_AT = 40.0
MQL_AT = 50.0
SHOWN_SLACK = 0.05
"""Readers judge a decayed score as it is shown, with one digit, so that 40 points are hot a second later too."""


def decayed(points: float, since_ms: int, half_life_ms: int) -> float:
    """Return `points` after `since_ms` of exponential decay; never grows when `since_ms` is negative."""
    return points * math.pow(0.5, max(0, since_ms) / half_life_ms)


def tier_of(points: float) -> Tier:
    """Return the tier of a score: cold < 25 <= warm < 40 <= hot."""
    if points >= HOT_AT:
        return Tier.HOT
    return Tier.WARM if points >= WARM_AT else Tier.COLD
