"""How a score reads to people: what it is worth at the moment of asking, in which tier, and whether that qualifies.

Readers judge a score as it is shown, with one digit, so that 40 points are hot a second later too.
"""

import math
from typing import Final

from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import COLD

LEAD: Final = "lead"
SHOWN_SLACK: Final = 0.05
_NO_SCORE: Final = ScoreModel(tiers=(), mql_at=None)


def lead_model(rules: RuleSet) -> ScoreModel:
    """Return the score that leads are listed by: the one called "lead", else the first."""
    named = (model for model in rules.scores if model.id == LEAD)
    return next(named, rules.scores[0] if rules.scores else _NO_SCORE)


def account_model(rules: RuleSet) -> ScoreModel:
    """Return the score whose points companies add up."""
    return rules.scores[0] if rules.scores else _NO_SCORE


def decayed(points: float, since_ms: int, half_life_ms: int) -> float:
    """Return `points` after `since_ms` of exponential decay; never grows when `since_ms` is negative."""
    return points * math.pow(0.5, max(0, since_ms) / half_life_ms)


def shown_score(points: float) -> float:
    """Return the score as it is judged by: 50 points an instant ago are 49.99999 now, and still 50 to everybody."""
    return round(points, 1)


def tier_of(points: float, model: ScoreModel) -> str:
    """Return the highest tier that the score reaches, "cold" below the first."""
    shown = shown_score(points)
    return next((tier.name for tier in reversed(model.tiers) if shown >= tier.at), COLD)


def is_qualified(points: float, model: ScoreModel, *, announced: bool) -> bool:
    """A lead that was announced as qualified stays so; one made of late events is so without announcement."""
    if model.mql_at is None:
        return False
    return announced or shown_score(points) >= model.mql_at
