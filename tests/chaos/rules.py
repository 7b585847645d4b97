"""The rules of a run under chaos. Numbers that the plain reference needs stand here as numbers."""

import msgspec

from streams.model.rules.abandonment import AbandonmentRule, EventMatch, ProductRule, WindowKind
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.identity import IdentityRules
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import Cap, FitRule, ScoreModel, ScoreRule, TierRule

POINTS = {
    "email_opened": 5.0,
    "email_clicked": 8.0,
    "form_submitted": 20.0,
    "demo_requested": 30.0,
    "pricing_viewed": 15.0,
    "order_completed": -10.0,
}
HALF_LIFE_MS = 7 * 86_400_000
TIERS = {"warm": 25.0, "hot": 60.0}
MARGIN = 5.0
MQL_AT, MQL_UNTIL = 80.0, 50.0
CART_MS = 8_000
BROWSE_MS = 15_000


def rules(version: int = 1, browse_ms: int = BROWSE_MS) -> RuleSet:
    """Return a score that the reference predicts, one with caps and fit, and rules of every kind of window."""
    lead = ScoreModel(
        "lead",
        half_life_ms=HALF_LIFE_MS,
        rules=tuple(ScoreRule(name, name, worth) for name, worth in POINTS.items()),
        tiers=tuple(TierRule(name, at) for name, at in TIERS.items()),
        margin=MARGIN,
        mql_at=MQL_AT,
        mql_until=MQL_UNTIL,
    )
    engaged = ScoreModel(
        "engaged",
        half_life_ms=3_600_000,
        rules=(
            ScoreRule("often", "page_viewed", 1, cap=Cap(5, 60_000)),
            ScoreRule("dear", "product_viewed", 3, (Condition("value", Op.GTE, 100),), Cap(3, 600_000)),
        ),
        fit=(FitRule("boss", 10, (Condition("traits.title", Op.CONTAINS, "head"),)),),
        tiers=(TierRule("awake", 10),),
        mql_at=None,
    )
    return RuleSet(
        version=version,
        scores=(lead, engaged),
        abandonment=_windows(browse_ms),
        products=(ProductRule("price_drop", "price_drop", _events("product_viewed"), _events("order_completed"), 5),),
        pages={"/pricing*": "pricing_viewed"},
        identity=IdentityRules(),
    )


def encoded(wanted: RuleSet) -> bytes:
    """Return the rules as the file of rules and a control record have them."""
    return msgspec.json.encode(wanted)


def _windows(browse_ms: int) -> tuple[AbandonmentRule, ...]:
    return (
        AbandonmentRule(
            "cart_abandoned",
            WindowKind.CART,
            opens=_events("product_added"),
            cancels=_events("order_completed"),
            steps_ms=(CART_MS,),
            subject="cart_id",
        ),
        AbandonmentRule(
            "browse_abandoned",
            WindowKind.BROWSE,
            opens=_events("product_viewed"),
            cancels=_events("product_added", "order_completed"),
            steps_ms=(browse_ms, 2 * browse_ms),
        ),
        AbandonmentRule(
            "form_abandoned",
            WindowKind.FORM,
            opens=_events("form_started"),
            cancels=_events("form_submitted"),
            steps_ms=(CART_MS,),
            subject="form_id",
        ),
    )


def _events(*names: str) -> tuple[EventMatch, ...]:
    return tuple(EventMatch(name) for name in names)
