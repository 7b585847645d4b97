"""The rule set of an installation whose marketers have not written any."""

from collections.abc import Mapping

from streams.model.rules.abandonment import HOUR_MS
from streams.model.rules.abandonment_defaults import default_abandonment
from streams.model.rules.defaults import DEFAULT_PAGES, DEFAULT_POINTS, default_scores
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import DAY_MS


def default_rules(
    points: Mapping[str, float] = DEFAULT_POINTS,
    pages: Mapping[str, str] = DEFAULT_PAGES,
    half_life_ms: int = 30 * DAY_MS,
    cart_window_ms: int = HOUR_MS,
) -> RuleSet:
    """Return one lead score, the cart rule, and identities merged."""
    return RuleSet(
        scores=default_scores(points, half_life_ms), abandonment=default_abandonment(cart_window_ms), pages=dict(pages)
    )
