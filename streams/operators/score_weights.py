"""Arithmetic of a whole score: its weights at another landmark, for another half-life, and their sum."""

from collections.abc import Callable, Mapping
from math import exp2, fsum
from typing import Final, TypeAlias

from msgspec.structs import replace

from streams.model.scores import EPOCH_HALF_LIVES, Before, Contribution, ScoreState, contributions, rescaled
from streams.operators.score_checks import MAX_CAP

Parts: TypeAlias = Mapping[str, Contribution]

_MAX_HITS: Final = 2 * MAX_CAP


def at_epoch(score: ScoreState, epoch: int) -> ScoreState:
    """Return the score with its weights at a later landmark; exact."""
    epochs = epoch - score.epoch
    return replace(_mapped(score, lambda weight: rescaled(weight, epochs)), epoch=epoch) if epochs else score


def converted(score: ScoreState, half_life_ms: int, now_ms: int) -> ScoreState:
    """Return the score with another half-life from `now_ms` (or its latest event) on, when it is worth the same."""
    if score.half_life_ms == half_life_ms:
        return score
    at_ms = max(score.at_ms, now_ms)
    epoch = at_ms // (EPOCH_HALF_LIVES * half_life_ms)
    factor = 0.0
    if score.half_life_ms:
        faded = _above_landmark(at_ms, score.epoch, score.half_life_ms)
        factor = exp2(_above_landmark(at_ms, epoch, half_life_ms) - faded)
    scaled = _mapped(score, lambda weight: weight * factor)
    return totalled(replace(scaled, at_ms=at_ms, epoch=epoch, half_life_ms=half_life_ms))


def totalled(score: ScoreState) -> ScoreState:
    """Return the score with the correctly rounded sum of its weights, which no order of them changes."""
    return replace(score, total=fsum(part.weight for _, part in contributions(score)))


def added(one: Parts, other: Parts) -> dict[str, Contribution]:
    """Return both counts together, rule by rule; weights at the same landmark."""
    both = dict(one)
    for rule, part in other.items():
        mine = both.get(rule)
        both[rule] = part if mine is None else _sum_of(mine, part)
    return both


def _sum_of(one: Contribution, other: Contribution) -> Contribution:
    hits = tuple(sorted((*one.hits, *other.hits))[-_MAX_HITS:])
    return Contribution(one.count + other.count, one.weight + other.weight, max(one.last_at_ms, other.last_at_ms), hits)


def _mapped(score: ScoreState, change: Callable[[float], float]) -> ScoreState:
    def of(parts: Parts) -> dict[str, Contribution]:
        return {rule: replace(part, weight=change(part.weight)) for rule, part in parts.items()}

    return replace(
        score,
        total=change(score.total),
        parts=of(score.parts),
        moved={source: of(parts) for source, parts in score.moved.items()},
        before={
            owner: Before(before.mark, {source: of(parts) for source, parts in before.parts.items()})
            for owner, before in score.before.items()
        },
    )


def _above_landmark(at_ms: int, epoch: int, half_life_ms: int) -> float:
    """Return how many half-lives after its landmark `at_ms` is."""
    return (at_ms - epoch * EPOCH_HALF_LIVES * half_life_ms) / half_life_ms
