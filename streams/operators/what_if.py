"""What-if: where leads would stand under other rules, from what is kept of each: nothing is replayed, nothing changes.

Exact when only points, tiers and fit rules differ, since weights are proportional to points. What can't be told from
what is kept stands in `caveats`; a recompute settles it.
"""

from collections.abc import Iterator, Mapping
from math import fsum

from msgspec import Struct

from streams.model.facts import FactsState, Trait
from streams.model.rules.scoring import ScoreModel, ScoreRule
from streams.model.scores import ScoreState, contributions, faded, points_at
from streams.operators.score_checks import check_models
from streams.operators.score_model import CompiledModel


class Standing(Struct, frozen=True):
    """Where a lead stands."""

    points: float
    tier: str
    is_mql: bool


class WhatIf:
    """Compares two versions of one score. Raises RuleError when one of them can't be used."""

    def __init__(self, old: ScoreModel, new: ScoreModel) -> None:
        check_models((old,))
        check_models((new,))
        self._old, self._new = CompiledModel(old, 0), CompiledModel(new, 0)
        before, after = ({rule.id: rule for rule in model.rules} for model in (old, new))
        self._factors = {rule: _factor(before[rule], after.get(rule)) for rule in before}
        self.caveats = tuple(_caveats(old, new, before, after))

    def standings(self, score: ScoreState | None, traits: Mapping[str, Trait], at_ms: int) -> tuple[Standing, Standing]:
        """Return where a profile stands at `at_ms` by the old rules and where it would by the new."""
        score = score or self._old.blank(at_ms)
        at_ms = max(at_ms, score.at_ms)
        factors = self._factors
        weight = fsum(part.weight * factors.get(rule, 1.0) for rule, part in contributions(score))
        fit = sum(self._new.fit_of(FactsState(traits=dict(traits))).values())
        return (
            _standing(self._old, score, points_at(score, at_ms)),
            _standing(self._new, score, faded(weight, score, at_ms) + fit),
        )


def _standing(model: CompiledModel, score: ScoreState, points: float) -> Standing:
    tier, is_mql, _ = model.judged(score, points, points, "", 0)
    return Standing(points, tier, is_mql)


def _factor(old: ScoreRule, new: ScoreRule | None) -> float:
    """Return by what the rule's weights would be multiplied; rules that were removed before keep theirs."""
    if new is None:
        return 0.0
    return new.points / old.points if old.points else 1.0


def _caveats(
    old: ScoreModel, new: ScoreModel, before: Mapping[str, ScoreRule], after: Mapping[str, ScoreRule]
) -> Iterator[str]:
    if old.half_life_ms != new.half_life_ms:
        yield "The half-life differs: points earned so far are counted as they have faded until now."
    for rule in after.values():
        known = before.get(rule.id)
        if known is None:
            yield f"The rule {rule.id} is new: what it would have earned so far is not known."
        elif (known.event, known.when, known.cap) != (rule.event, rule.when, rule.cap):
            yield f"The rule {rule.id} earns for other events: what it has earned so far is counted as before."
        elif not known.points and rule.points:
            yield f"The rule {rule.id} has earned no points yet: what it would have earned so far is not known."
