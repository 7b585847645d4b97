"""How scores that decay are ordered by an index. Pure.

log2 of a decayed score falls by the same 1 / half_life each millisecond for everybody, so log2(score) + at / half_life
stays as it is while nothing happens. Among rows of one half-life and one fit (points that don't decay) the order by
that rank is the order by score, at any time; rows of different groups are compared by what they are worth now.
"""

from math import exp2, log2
from typing import TypeAlias

Rank: TypeAlias = tuple[int, float]
"""Sign of the decaying score, and a number that grows with it among those of that sign."""
Order: TypeAlias = tuple[float, int, float, str]
"""Sorts rows best score first."""

_MAX_EXPONENT = 1_000.0


def rank_of(score: float, at_ms: int, half_life_ms: int) -> Rank:
    """Return what orders decaying scores of one half-life at any time after all of their `at_ms`."""
    if not score:
        return 0, 0.0
    if score < 0:
        return -1, -log2(-score) - at_ms / half_life_ms
    return 1, log2(score) + at_ms / half_life_ms


def order_of(rank: Rank, half_life_ms: int, fit: float, now_ms: int, profile: str) -> Order:
    """Return the place of a row among all rows; within a group it is the order by (rank descending, profile)."""
    sign, level = rank
    return -_worth(rank, half_life_ms, now_ms) - fit, -sign, -level, profile


def least_rank(points: float, half_life_ms: int, fit: float, now_ms: int) -> Rank:
    """Return the least rank of rows of the group that are worth at least `points` now."""
    return rank_of(points - fit, now_ms, half_life_ms)


def _worth(rank: Rank, half_life_ms: int, now_ms: int) -> float:
    sign, level = rank
    # Bounded, as a row's time may be ahead of `now_ms` by many half-lives.
    return sign * exp2(min(level * sign - now_ms / half_life_ms, _MAX_EXPONENT)) if sign else 0.0
