"""What-if: where leads would stand under other rules, from what is kept of each: nothing is replayed, nothing changes.

Exact when only points, tiers and fit rules differ, since weights are proportional to points, and everything was earned
by the rules that hold now. What can't be told from what is kept stands in `caveats` and `caveats_of`; a recompute
settles it.
"""

from collections.abc import Iterable, Iterator, Mapping
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


class Past(Struct, frozen=True):
    """What the score was until `version` came, at `until_ms`; None: it was not there, or can't be read."""

    model: ScoreModel | None
    version: int
    until_ms: int


class WhatIf:
    """Compares two versions of one score. Raises RuleError when one of them can't be used."""

    def __init__(self, old: ScoreModel, new: ScoreModel) -> None:
        check_models((old,))
        check_models((new,))
        self._old, self._new = CompiledModel(old, 0), CompiledModel(new, 0)
        before, after = ({rule.id: rule for rule in model.rules} for model in (old, new))
        self._factors = {rule: _factor(before[rule], after.get(rule)) for rule in before}
        doubts = _doubts(before, after)
        self._certain = [rule for name, rule in before.items() if name in after and name not in doubts]
        self._known = before.keys() | after.keys()
        self._half_life_ms = old.half_life_ms
        self.caveats = (*_half_life_caveats(old, new), *doubts.values())

    def standings(self, score: ScoreState | None, traits: Mapping[str, Trait], at_ms: int) -> tuple[Standing, Standing]:
        """Return where a profile stands at `at_ms` by the old rules and where it would by the new."""
        score = score or self._old.blank(at_ms)
        at_ms = max(at_ms, score.at_ms)
        factors = self._factors
        weight = fsum(part.weight * factors.get(rule, 1.0) for rule, part in contributions(score))
        fit = sum(self._new.fit_of(FactsState(traits=dict(traits))).values())
        return (
            standing(self._old, score, points_at(score, at_ms)),
            standing(self._new, score, faded(weight, score, at_ms) + fit),
        )

    def caveats_of(self, pasts: Iterable[Past], since_ms: int) -> Iterator[str]:
        """Yield what can't be told since the score was another, newest first, when leads earned, after `since_ms`."""
        told: set[str] = set()
        for past in pasts:
            if past.until_ms > since_ms:
                for about, caveat in self._caveats_of(past):
                    if about not in told:
                        told.add(about)
                        yield caveat

    def _caveats_of(self, past: Past) -> Iterator[tuple[str, str]]:
        """Yield what each caveat is about, and the caveat."""
        if past.model is None:
            yield "score", f"What earned points before version {past.version} is not known."
            return
        if past.model.half_life_ms != self._half_life_ms:
            yield "half-life", f"The half-life was another before version {past.version}: points had faded by that one."
        rules = {rule.id: rule for rule in past.model.rules}
        for rule in self._certain:
            if rules.get(rule.id) != rule:
                changed = f"The rule {rule.id} was new or changed in version {past.version}"
                yield f"rule {rule.id}", f"{changed}: what it would have earned before is not known."
        for name in sorted(rules.keys() - self._known):
            yield (
                f"rule {name}",
                f"The rule {name} was removed in version {past.version}: what it had earned is counted.",
            )


def standing(model: CompiledModel, score: ScoreState, points: float) -> Standing:
    """Return where a profile of whom `score` is known stands with so many points."""
    tier, is_mql, _ = model.judged(score, points, points, "", 0)
    return Standing(points, tier, is_mql)


def _factor(old: ScoreRule, new: ScoreRule | None) -> float:
    """Return by what the rule's weights would be multiplied; rules that were removed before keep theirs."""
    if new is None:
        return 0.0
    return new.points / old.points if old.points else 1.0


def _half_life_caveats(old: ScoreModel, new: ScoreModel) -> Iterator[str]:
    if old.half_life_ms != new.half_life_ms:
        yield "The half-life differs: points earned so far are counted as they have faded until now."


def _doubts(before: Mapping[str, ScoreRule], after: Mapping[str, ScoreRule]) -> dict[str, str]:
    """Return, by rule, what can't be told of it."""
    doubts = {}
    for name, rule in after.items():
        known = before.get(name)
        if known is None:
            doubts[name] = f"The rule {name} is new: what it would have earned so far is not known."
        elif (known.event, known.when, known.cap) != (rule.event, rule.when, rule.cap):
            doubts[name] = f"The rule {name} earns for other events: what it has earned so far is counted as before."
        elif not known.points and rule.points:
            doubts[name] = f"The rule {name} has earned no points yet: what it would have earned so far is not known."
    return doubts
