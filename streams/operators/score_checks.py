"""What makes a score model unusable. Every refusal is a RuleError with the field's path in the rule set."""

from math import isfinite
from typing import Final

from streams.model.errors import RuleError
from streams.model.rules.scoring import DAY_MS, ScoreModel
from streams.model.scores import COLD

MAX_MODELS: Final = 10
MAX_RULES: Final = 200
MAX_TIERS: Final = 10
MAX_POINTS: Final = 1e6
MAX_CAP: Final = 1_000
MAX_ID: Final = 100
MAX_MS: Final = 3_650 * DAY_MS
MIN_HALF_LIFE_MS: Final = 1_000


def check_models(models: tuple[ScoreModel, ...]) -> None:
    """Raise RuleError unless all models can be used together."""
    if len(models) > MAX_MODELS:
        raise RuleError("scores", f"{len(models)} scores", f"Use at most {MAX_MODELS}.")
    scores: set[str] = set()
    rules: set[str] = set()
    for number, model in enumerate(models):
        field = f"scores[{number}]"
        _check_id(model.id, f"{field}.id", scores)
        if model.id == "account":
            raise RuleError(f"{field}.id", "companies' scores have this name", "Choose another.")
        if len(model.rules) + len(model.fit) > MAX_RULES:
            raise RuleError(f"{field}.rules", "too many rules", f"Use at most {MAX_RULES}, fit rules among them.")
        if not MIN_HALF_LIFE_MS <= model.half_life_ms <= MAX_MS:
            raise RuleError(
                f"{field}.half_life_ms", "the half-life is out of range", "Choose from a second to ten years."
            )
        _check_rules(model, field, rules)
        _check_tiers(model, field)


def _check_rules(model: ScoreModel, field: str, ids: set[str]) -> None:
    for number, rule in enumerate(model.rules):
        where = f"{field}.rules[{number}]"
        _check_id(rule.id, f"{where}.id", ids)
        _check_points(rule.points, f"{where}.points")
        if not 0 < len(rule.event) <= MAX_ID:
            raise RuleError(f"{where}.event", "the event's name is empty or too long", "Name one, e.g. email_opened.")
        if rule.cap is not None and not (0 < rule.cap.count <= MAX_CAP and 0 < rule.cap.per_ms <= MAX_MS):
            raise RuleError(f"{where}.cap", "the cap is out of range", f"Use 1 to {MAX_CAP} events in up to ten years.")
    for number, fit in enumerate(model.fit):
        where = f"{field}.fit[{number}]"
        _check_id(fit.id, f"{where}.id", ids)
        _check_points(fit.points, f"{where}.points")
        if not fit.when:
            raise RuleError(f"{where}.when", "there is no condition", "Say which traits earn the points.")


def _check_tiers(model: ScoreModel, field: str) -> None:
    if len(model.tiers) > MAX_TIERS:
        raise RuleError(f"{field}.tiers", "too many tiers", f"Use at most {MAX_TIERS}.")
    names = {COLD}
    above = 0.0
    for number, tier in enumerate(model.tiers):
        where = f"{field}.tiers[{number}]"
        _check_id(tier.name, f"{where}.name", names)
        if not isfinite(tier.at) or tier.at <= above:
            raise RuleError(f"{where}.at", "tiers must ascend from above 0", f"Choose more than {above:g} points.")
        above = tier.at
    if not 0 <= model.margin < float("inf"):
        raise RuleError(f"{field}.margin", "the margin is negative or no number", "Use 0 or more points.")
    if model.mql_at is None:
        return
    if not isfinite(model.mql_at) or model.mql_at <= 0:
        raise RuleError(f"{field}.mql_at", "leads qualify above 0 points", "Choose more, or none to never qualify.")
    if not isfinite(model.mql_until) or model.mql_until > model.mql_at:
        raise RuleError(f"{field}.mql_until", "it is above mql_at", f"Choose {model.mql_at:g} points or fewer.")


def _check_points(points: float, field: str) -> None:
    if not isfinite(points) or abs(points) > MAX_POINTS:
        raise RuleError(
            field, "points are out of range", f"Choose a number from {-MAX_POINTS:,.0f} to {MAX_POINTS:,.0f}."
        )


def _check_id(name: str, field: str, taken: set[str]) -> None:
    if not 0 < len(name) <= MAX_ID or not name.isprintable():
        raise RuleError(field, "the name is empty or too long", f"Use 1 to {MAX_ID} printable characters.")
    if name in taken:
        raise RuleError(field, f"{name!r} is taken", "Choose another.")
    taken.add(name)
