"""ScoreState: a score that decays, kept so that nothing has to be recomputed while it does.

Forward decay (Cormode et al., "Forward decay: a practical time decay model for streaming systems", 2009): an action at
`at` weighs points * 2 ** ((at - landmark) / half_life), which never changes; the score at t is the sum of the weights
times 2 ** -((t - landmark) / half_life). Landmarks are whole multiples of `EPOCH_HALF_LIVES` half-lives, so moving to
the next one multiplies every weight by the same power of two, which is exact.
"""

from math import exp2, ldexp

from msgspec import Struct

EPOCH_HALF_LIVES = 256


class Contribution(Struct, frozen=True, array_like=True, gc=False):
    """What one rule has added: how often, and its weight at the score's landmark. `hits` are the event times that a
    capped rule still has to remember.
    """

    count: int
    weight: float
    last_at_ms: int
    hits: tuple[int, ...] = ()


class ScoreState(Struct, frozen=True, array_like=True):
    """One score of a profile.

    `total` is the sum of all weights, own (`parts`, by rule) and of merged ids (`moved`, by id and rule); `fit` holds
    points that don't decay, by rule. `at_ms` is the latest event time. `tier` and `is_mql` are what has been announced.
    """

    half_life_ms: int = 0
    epoch: int = 0
    total: float = 0.0
    at_ms: int = 0
    tier: str = ""
    is_mql: bool = False
    parts: dict[str, Contribution] = {}
    fit: dict[str, float] = {}
    moved: dict[str, dict[str, Contribution]] = {}


def faded(weight: float, score: ScoreState, at_ms: int) -> float:
    """Return what `weight` of `score` is worth at `at_ms`, in points."""
    if not weight:
        return 0.0
    half_life = score.half_life_ms
    return weight * exp2(score.epoch * EPOCH_HALF_LIVES - at_ms / half_life)


def points_at(score: ScoreState, at_ms: int) -> float:
    """Return the score at `at_ms`; before its last event it is what it was then."""
    decaying = faded(score.total, score, max(at_ms, score.at_ms)) if score.total else 0.0
    return decaying + sum(score.fit.values()) if score.fit else decaying


def rescaled(weight: float, epochs: int) -> float:
    """Return the weight at a landmark `epochs` later; exact but for what falls below the smallest float."""
    return ldexp(weight, -EPOCH_HALF_LIVES * epochs)
