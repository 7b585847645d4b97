"""CompiledModel: one score's rules ready to apply: conditions as closures, tiers as thresholds, names of what fires."""

from math import inf
from typing import Any, Final, TypeAlias

from streams.model.errors import RuleFailedError
from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import COLD, EPOCH_HALF_LIVES, ScoreState
from streams.operators.base import Firing
from streams.operators.conditions import Check, compile_when

Entry: TypeAlias = tuple[str, float, Check | None, tuple[int, int] | None]
"""Rule id, points, check and cap (count, per_ms). A tuple is the quickest to take apart."""

Judgement: TypeAlias = tuple[str, bool, tuple[Firing, ...]]
"""Tier, whether qualified, and what fires."""

_NO_EVENT: Final = Event("", "", "", "", "", 0, 0, ProfileKeys())


class CompiledModel:
    """`number` is the model's place in the rule set. Raises RuleError."""

    __slots__ = (
        "_enter", "_leave", "_mql_at", "_mql_rule", "_mql_until", "_names", "_ranks", "_tier_rule",
        "bands", "entries", "epoch_ms", "fit", "half_life_ms", "id", "knows_mql", "qualified_bands",
    )  # fmt: skip

    def __init__(self, model: ScoreModel, number: int) -> None:
        field = f"scores[{number}]"
        self.id = model.id
        self.half_life_ms = model.half_life_ms
        self.epoch_ms = EPOCH_HALF_LIVES * model.half_life_ms
        self.entries: list[tuple[str, Entry]] = []
        for place, rule in enumerate(model.rules):
            check = compile_when(rule.when, f"{field}.rules[{place}].when")
            cap = None if rule.cap is None else (rule.cap.count, rule.cap.per_ms)
            self.entries.append((rule.event, (rule.id, rule.points, check, cap)))
        self.fit = [
            (fit.id, fit.points, compile_when(fit.when, f"{field}.fit[{place}].when", ("traits",)))
            for place, fit in enumerate(model.fit)
        ]
        self._tier_rule, self._mql_rule = f"{model.id}_tier", f"{model.id}_mql"
        self._names = [COLD, *(tier.name for tier in model.tiers)]
        self._ranks = {name: rank for rank, name in enumerate(self._names)}
        self._enter = [-inf, *(_reached(tier.at) for tier in model.tiers), inf]
        self._leave = [-inf, *(_reached(tier.at - model.margin) for tier in model.tiers)]
        self.knows_mql = model.mql_at is not None
        self._mql_at = inf if model.mql_at is None else _reached(model.mql_at)
        self._mql_until = inf if model.mql_at is None else _reached(model.mql_until)
        self.bands = self._bands_between(-inf, self._mql_at)
        self.qualified_bands = self._bands_between(self._mql_until, inf)

    def _bands_between(self, low: float, high: float) -> dict[str, tuple[float, float]]:
        """Return, by tier, from where on and up to where (exclusive) a score changes nothing that was announced."""
        return {
            name: (max(low, self._leave[rank]), min(high, self._enter[rank + 1])) for name, rank in self._ranks.items()
        }

    def blank(self, at_ms: int) -> ScoreState:
        """Return the score of a profile that has done nothing yet."""
        return ScoreState(self.half_life_ms, at_ms // self.epoch_ms, 0.0, at_ms, COLD)

    def fit_of(self, facts: FactsState) -> dict[str, float]:
        """Return the points of every fit rule that the traits meet; who has told nothing of itself fits none."""
        earned: dict[str, float] = {}
        if not facts.traits:
            return earned
        for rule, points, check in self.fit:
            try:
                if check is not None and check(_NO_EVENT, facts):
                    earned[rule] = points
            except Exception as error:
                raise RuleFailedError(rule) from error
        return earned

    def tier_of(self, points: float) -> str:
        """Return the tier that a score of `points` is in, whatever it was in before."""
        rank = 0
        while points >= self._enter[rank + 1]:
            rank += 1
        return self._names[rank]

    def is_qualified(self, points: float) -> bool:
        """Say whether a lead becomes qualified at `points`."""
        return points >= self._mql_at

    def rank(self, tier: str) -> int:
        """Return the tier's place, cold and unknown ones 0."""
        return self._ranks.get(tier, 0)

    def knows(self, tier: str) -> bool:
        """Say whether the model has a tier of this name."""
        return tier in self._ranks

    def higher(self, one: str, other: str) -> str:
        """Return the higher of two tiers."""
        return self._names[max(self.rank(one), self.rank(other))]

    def judged(self, state: ScoreState, before: float, after: float, occurrence: str, now_ms: int) -> Judgement:
        """Return where a change from `before` to `after` points takes a lead of which `state` was announced."""
        leave, enter = self._leave, self._enter
        known = self._ranks.get(state.tier, 0)
        while before < leave[known]:
            known -= 1
        rank = known
        while after >= enter[rank + 1]:
            rank += 1
        while after < leave[rank]:
            rank -= 1
        was_mql = state.is_mql and before >= self._mql_until
        is_mql = after >= self._mql_at or (was_mql and after >= self._mql_until)
        tier = self._names[rank]
        if rank <= known and is_mql <= was_mql:
            return tier, is_mql, ()
        data: dict[str, Any] = {"score": round(after, 2), "tier": tier, "previous_tier": self._names[known]}
        firings = []
        if rank > known:
            firings.append(Firing(self._tier_rule, f"{occurrence}:{tier}", now_ms, data))
        if is_mql and not was_mql:
            firings.append(Firing(self._mql_rule, occurrence, now_ms, data))
        return tier, is_mql, tuple(firings)


def _reached(points: float) -> float:
    """Return the least sum that counts as `points`: weights are rounded, and 50 points are 50 points."""
    return points - max(1e-9, abs(points) * 1e-12)
