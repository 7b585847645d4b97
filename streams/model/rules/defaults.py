"""The rules of an installation whose marketers have not written any."""

from collections.abc import Mapping
from typing import Final

from streams.model.rules.scoring import DAY_MS, ScoreModel, ScoreRule

DEFAULT_POINTS: Final[Mapping[str, float]] = {
    "demo_requested": 50,
    "call_booked": 40,
    "form_submitted": 20,
    "pricing_viewed": 15,
    "case_study_viewed": 12,
    "whitepaper_downloaded": 10,
    "email_clicked": 8,
    "email_opened": 5,
}
DEFAULT_PAGES: Final[Mapping[str, str]] = {
    "/pricing*": "pricing_viewed",
    "*/pricing*": "pricing_viewed",
    "*/case-stud*": "case_study_viewed",
}


def default_scores(
    points: Mapping[str, float] = DEFAULT_POINTS, half_life_ms: int = 30 * DAY_MS
) -> tuple[ScoreModel, ...]:
    """Return one lead score that gives points by event name; a rule's id is its event's name."""
    rules = tuple(ScoreRule(name, name, worth) for name, worth in points.items())
    return (ScoreModel(half_life_ms=half_life_ms, rules=rules),)
