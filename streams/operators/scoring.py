"""Scoring: every score of a workspace, by rules that marketers write. Decay is arithmetic: there are no timers.

An event that concerns no rule costs one look-up. Who enters a tier from below, or qualifies, is announced at the next
event that earns something (or at a change of fit): a merge, a late event or a rule change announces nothing by itself.
"""

from collections.abc import Mapping
from math import exp2, inf
from typing import Final, TypeAlias

from msgspec.structs import replace

from streams.model.errors import RuleFailedError
from streams.model.events import Event
from streams.model.facts import FactsState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import COLD, Contribution, ScoreState, points_at
from streams.operators import score_moves
from streams.operators.base import Firing, Stepped, is_late
from streams.operators.score_caps import hits_with
from streams.operators.score_checks import check_models
from streams.operators.score_model import CompiledModel, Entry
from streams.operators.score_weights import at_epoch, converted

Scores: TypeAlias = dict[str, ScoreState]

_NOWHERE: Final = (inf, inf)


class Scoring:
    """Raises RuleError when the models can't be used, RuleFailedError when a rule raises at run time."""

    def __init__(self, models: tuple[ScoreModel, ...]) -> None:
        check_models(models)
        self._models = {model.id: CompiledModel(model, number) for number, model in enumerate(models)}
        self._fitting = [model for model in self._models.values() if model.fit]
        plans: dict[str, dict[str, list[Entry]]] = {}
        for model in self._models.values():
            for event, entry in model.entries:
                plans.setdefault(event, {}).setdefault(model.id, []).append(entry)
        self._plans = {
            event: [(score, self._models[score], entries) for score, entries in by_model.items()]
            for event, by_model in plans.items()
        }

    def on_event(
        self, scores: Scores, event: Event, name: str, facts: FactsState, now_ms: int, *, has_new_traits: bool = False
    ) -> Stepped[Scores]:
        """Add what the event earns under `name`; announce a tier entered from below, and the MQL once per ascent.

        Where it earns and brings new traits, both are judged as one change; `on_traits` judges all other scores.
        """
        plans = self._plans.get(name)
        if plans is None:
            return scores, ()
        grown = scores
        firings: tuple[Firing, ...] = ()
        for score, model, entries in plans:
            before = scores.get(score)
            fit = model.fit_of(facts) if has_new_traits and model.fit else None
            after, fired = _earned(model, entries, before, event, facts, now_ms, fit)
            if after is not before and after is not None:
                if grown is scores:
                    grown = scores.copy()
                grown[score] = after
                if fired:
                    firings += fired
        return grown, firings

    def on_traits(self, scores: Scores, facts: FactsState, now_ms: int, event: Event | None = None) -> Stepped[Scores]:
        """Judge the profile's fit anew, after its traits changed; `event` is what changed them, None for a merge."""
        grown = scores
        firings: tuple[Firing, ...] = ()
        for model in self._fitting:
            fit = model.fit_of(facts)
            before = scores.get(model.id)
            if fit == ({} if before is None else before.fit):
                continue
            after, fired = _fitted(model, before, fit, facts, now_ms, event)
            if grown is scores:
                grown = scores.copy()
            grown[model.id] = after
            firings += fired
        return grown, firings

    def adapted(self, scores: Scores, now_ms: int) -> Scores:
        """Return scores of other rules under these: a changed half-life keeps the points of the moment, a score that is
        no more is dropped, a tier that is no more becomes the one reached. All steps but `migrated` need such scores.
        """
        return {
            score: _adapted(self._models[score], state, now_ms)
            for score, state in scores.items()
            if score in self._models
        }

    def migrated(self, scores: Scores, facts: FactsState, now_ms: int) -> Scores:
        """Return the profile's scores under these rules, its fit judged anew. Announces nothing."""
        adapted = self.adapted(scores, now_ms)
        for model in self._models.values():
            fit = model.fit_of(facts)
            state = adapted.get(model.id)
            if fit != ({} if state is None else state.fit):
                adapted[model.id] = replace(state or model.blank(facts.last_seen_ms), fit=fit)
        return scores if adapted == scores else adapted

    def exported(self, scores: Scores, source: str) -> Scores:
        """Return the scores as they travel: what the profile earned itself is labelled with its id, `source`."""
        return {
            model.id: score_moves.exported(scores[model.id], source)
            for model in self._models.values()
            if model.id in scores
        }

    def merged(self, mine: Scores, theirs: Scores) -> Scores:
        """Return both; `theirs` were exported. In whatever order and how often: the result is the same."""
        both = {}
        for model in self._models.values():
            states = [scores[model.id] for scores in (mine, theirs) if model.id in scores]
            if len(states) > 1:
                one, other = states
                both[model.id] = score_moves.merged(one, other, model.higher(one.tier, other.tier))
            elif states:
                both[model.id] = states[0]
        return both

    def detached(self, scores: Scores, source: str) -> tuple[Scores, Scores]:
        """Take out what `source` itself had earned, and return it as it would have been exported."""
        left, parts = scores.copy(), {}
        for model in self._models.values():
            if model.id not in scores:
                continue
            rest, part = score_moves.detached(scores[model.id], source)
            if part is not None:
                left[model.id] = rest
                points = points_at(part, part.at_ms)
                parts[model.id] = replace(part, tier=model.tier_of(points), is_mql=model.is_qualified(points))
        return (left, parts) if parts else (scores, parts)

    def marked(self, scores: Scores, score: str, profile: str, mark: int) -> Scores:
        """Keep what `profile` earns from now on apart, since the recompute `mark` of `score` covers all before.

        Call it for every profile that is touched while the recompute is under way, before anything else; it acts once.
        A profile without the score may do without as long as it only goes through `begun`.
        """
        model = self._models.get(score)
        state = scores.get(score)
        if model is None or (state is not None and state.mark >= mark):
            return scores
        return {**scores, score: score_moves.marked(state or model.blank(0), profile, mark)}

    def begun(self, scores: Scores, before: Scores, profile: str, marks: Mapping[str, int]) -> Scores:
        """Return the scores with each that was not there `before` as one that `marked` had found empty."""
        for score in scores.keys() - before.keys() & marks.keys():
            scores = {**scores, score: score_moves.begun(scores[score], profile, marks[score])}
        return scores

    def replaced(self, scores: Scores, recomputed: Scores, owner: str, profile: str, mark: int) -> Scores:
        """Put the adapted scores that the recompute `mark` found for `owner` (`profile` itself, or an id merged into it
        since) in the place of what it had earned before. What was announced stays so; another mark's result changes
        nothing.
        """
        renewed = scores
        for model in self._models.values():
            state = scores.get(model.id)
            before = None if state is None else state.before.get(owner)
            if state is None or before is None or before.mark != mark:
                continue
            result = score_moves.replaced(state, recomputed.get(model.id), owner, profile)
            renewed = {**renewed, model.id: result}
        return renewed


def _adapted(model: CompiledModel, state: ScoreState, now_ms: int) -> ScoreState:
    state = converted(state, model.half_life_ms, now_ms)
    points = points_at(state, state.at_ms)
    tier = state.tier if model.knows(state.tier) else model.tier_of(points) if state.tier else COLD
    is_mql = state.is_mql and model.knows_mql
    if tier == state.tier and is_mql == state.is_mql:
        return state
    return replace(state, tier=tier, is_mql=is_mql)


def _earned(  # noqa: C901, PLR0912  one pass: a call for each step would double what an event costs
    model: CompiledModel,
    entries: list[Entry],
    before: ScoreState | None,
    event: Event,
    facts: FactsState,
    now_ms: int,
    new_fit: dict[str, float] | None,
) -> tuple[ScoreState | None, tuple[Firing, ...]]:
    at_ms = event.at_ms
    half_life = model.half_life_ms
    base = model.blank(at_ms) if before is None else before
    if base.half_life_ms != half_life:
        base = converted(base, half_life, now_ms)
    epoch_ms = model.epoch_ms
    age_ms = at_ms - base.epoch * epoch_ms
    if age_ms >= epoch_ms:
        base = at_epoch(base, at_ms // epoch_ms)
        age_ms = at_ms % epoch_ms
    # What a point weighs at the time of the event; below, what a point of the score at its latest event weighs.
    scale = exp2(age_ms / half_life)
    parts = known = base.parts
    total = base.total
    rule = ""
    try:
        for rule, points, check, cap in entries:
            if check is not None and not check(event, facts):
                continue
            part = known.get(rule)
            hits = () if cap is None else hits_with(part, at_ms, *cap)
            if hits is None:
                continue
            if parts is known:
                parts = known.copy()
            weight = points * scale
            total += weight
            if part is None:
                parts[rule] = Contribution(1, weight, at_ms, hits)
            else:
                last_ms = part.last_at_ms if part.last_at_ms > at_ms else at_ms  # noqa: FURB136  max() costs more
                parts[rule] = Contribution(part.count + 1, part.weight + weight, last_ms, hits)
    except Exception as error:
        raise RuleFailedError(rule) from error
    if parts is known:
        return before, ()
    latest_ms = base.at_ms
    if at_ms > latest_ms:
        latest_ms = at_ms
    elif at_ms < latest_ms:
        scale = exp2((latest_ms - base.epoch * epoch_ms) / half_life)
    tier, is_mql, fit = base.tier, base.is_mql, base.fit
    firings: tuple[Firing, ...] = ()
    constant = constant_after = sum(fit.values()) if fit else 0.0
    if new_fit is not None:
        fit, constant_after = new_fit, sum(new_fit.values())
    if not is_late(event, now_ms):
        points_before, points_after = base.total / scale + constant, total / scale + constant_after
        low, high = (model.qualified_bands if is_mql else model.bands).get(tier, _NOWHERE)
        if points_before < low or not low <= points_after < high:
            # With the time of receipt: an id may come again once the platform has forgotten it.
            occurrence = f"{event.id}:{event.received_ms}"
            tier, is_mql, firings = model.judged(base, points_before, points_after, occurrence, now_ms)
    after = ScoreState(
        half_life, base.epoch, total, latest_ms, tier, is_mql, parts, fit, base.moved, base.before, base.mark
    )
    return after, firings


def _fitted(
    model: CompiledModel,
    before: ScoreState | None,
    fit: dict[str, float],
    facts: FactsState,
    now_ms: int,
    event: Event | None,
) -> Stepped[ScoreState]:
    at_ms = facts.last_seen_ms if event is None else event.at_ms
    base = converted(before or model.blank(at_ms), model.half_life_ms, now_ms)
    after = replace(base, fit=fit)
    if event is not None and is_late(event, now_ms):
        return after, ()
    occurrence = f"traits:{now_ms}" if event is None else f"{event.id}:{event.received_ms}"
    tier, is_mql, firings = model.judged(base, points_at(base, at_ms), points_at(after, at_ms), occurrence, now_ms)
    return replace(after, tier=tier, is_mql=is_mql), firings
