"""ScoreState: a score that decays, kept so that nothing has to be recomputed while it does.

Forward decay (Cormode et al., "Forward decay: a practical time decay model for streaming systems", 2009): an action at
`at` weighs points * 2 ** ((at - landmark) / half_life), which never changes; the score at t is the sum of the weights
times 2 ** -((t - landmark) / half_life). Landmarks are whole multiples of `EPOCH_HALF_LIVES` half-lives, so moving to
the next one multiplies every weight by the same power of two, which is exact.
"""

from collections.abc import Iterator
from math import exp2, ldexp

from msgspec import Struct

EPOCH_HALF_LIVES = 256
COLD = "cold"
"""The tier below a score's first."""


class Contribution(Struct, frozen=True, array_like=True, gc=False):
    """What one rule has added: how often, and its weight at the score's landmark. `hits` are the event times that a
    capped rule still has to remember.
    """

    count: int
    weight: float
    last_at_ms: int
    hits: tuple[int, ...] = ()


class Before(Struct, frozen=True, array_like=True, gc=False):
    """What a profile had earned when the recompute `mark` began, by the id that had earned it and rule. An id without
    rules was taken out since.
    """

    mark: int
    parts: dict[str, dict[str, Contribution]] = {}


class ScoreState(Struct, frozen=True, array_like=True, gc=False):
    """One score of a profile.

    `total` is the sum of all weights: own (`parts`, by rule), of merged ids (`moved`, by id and rule) and what waits to
    be computed anew (`before`, by the profile whose it was). `fit` holds points that don't decay, by rule. `at_ms` is
    the latest event time, or when the half-life changed since. `tier` and `is_mql` are what has been announced. `mark`
    is the latest recompute known here.
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
    before: dict[str, Before] = {}
    mark: int = 0


class Share(Struct, frozen=True):
    """What one rule adds to a score at some time; a fit rule's `count` and `last_at_ms` are 0."""

    rule: str
    count: int
    points: float
    last_at_ms: int


def contributions(score: ScoreState) -> Iterator[tuple[str, Contribution]]:
    """Yield every contribution with its rule; a rule comes once for each id that has earned by it."""
    yield from score.parts.items()
    for parts in score.moved.values():
        yield from parts.items()
    for before in score.before.values():
        for parts in before.parts.values():
            yield from parts.items()


def shares_at(score: ScoreState, at_ms: int) -> tuple[Share, ...]:
    """Return what each rule adds at `at_ms`, the largest first; together they are `points_at`."""
    at_ms = max(at_ms, score.at_ms)
    shares = {rule: Share(rule, 0, points, 0) for rule, points in score.fit.items()}
    for rule, part in contributions(score):
        so_far = shares.get(rule, Share(rule, 0, 0.0, 0))
        points = so_far.points + faded(part.weight, score, at_ms)
        shares[rule] = Share(rule, so_far.count + part.count, points, max(so_far.last_at_ms, part.last_at_ms))
    return tuple(sorted(shares.values(), key=lambda share: (-share.points, share.rule)))


def faded(weight: float, score: ScoreState, at_ms: int) -> float:
    """Return what `weight` of `score` is worth at `at_ms` (not before the score's landmark), in points."""
    if not weight:
        return 0.0
    half_life = score.half_life_ms
    return weight * exp2((score.epoch * EPOCH_HALF_LIVES * half_life - at_ms) / half_life)


def points_at(score: ScoreState, at_ms: int) -> float:
    """Return the score at `at_ms`; before its last event it is what it was then."""
    decaying = faded(score.total, score, max(at_ms, score.at_ms)) if score.total else 0.0
    return decaying + sum(score.fit.values()) if score.fit else decaying


def rescaled(weight: float, epochs: int) -> float:
    """Return the weight at a landmark `epochs` later; exact but for what falls below the smallest float."""
    return ldexp(weight, -EPOCH_HALF_LIVES * epochs)
