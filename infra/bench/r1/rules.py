"""R1's rules as marketers would write them, and a fuller set of the size that a shop grows into."""

import msgspec

from infra.bench.r1.oracle import CART_MS, HALF_LIFE_MS, HOT, POINTS, WARM
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, WindowKind
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.identity import IdentityRules
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import Cap, ScoreModel, ScoreRule, TierRule

_HOUR_MS = 3_600_000
_CART = AbandonmentRule(
    "cart_abandoned",
    WindowKind.CART,
    opens=(EventMatch("cart_add"),),
    cancels=(EventMatch("purchase"),),
    steps_ms=(CART_MS,),
)


def r1_rules(extra_points: dict[str, float] | None = None) -> RuleSet:
    """Return what every engine of the comparison does: one score, one cart window, no identity."""
    points = {**POINTS, **(extra_points or {})}
    rules = tuple(ScoreRule(f"on_{name}", name, worth) for name, worth in points.items())
    return RuleSet(version=1, scores=(_score(rules),), abandonment=(_CART,), identity=IdentityRules(is_on=False))


def full_rules() -> RuleSet:
    """Return 30 score rules with conditions and caps, 5 abandonment rules and identity."""
    rules = [ScoreRule(f"on_{name}", name, worth, cap=Cap(20, _HOUR_MS)) for name, worth in POINTS.items()]
    rules += [
        ScoreRule(f"{name}_by_{source}", name, 0.5, (Condition("properties.channel", Op.EQ, source),))
        for name in ("page_view", "product_view", "cart_add", "email_open", "email_click")
        for source in ("web", "ios")
    ]
    rules += [
        ScoreRule(f"{name}_above_{least}", name, 1, (Condition("value", Op.GTE, least),), Cap(5, 24 * _HOUR_MS))
        for name in ("product_view", "cart_add")
        for least in (50, 100, 150)
    ]
    rules += [
        ScoreRule(f"page_of_{group}", "page_view", 0.25, (Condition("properties.title", Op.STARTS_WITH, group),))
        for group in ("Item 00", "Item 01", "Item 02", "Item 03")
    ]
    rules += [
        ScoreRule(
            f"page_from_{name}", "page_view", 1, (Condition("properties.url", Op.CONTAINS, text),), Cap(3, _HOUR_MS)
        )
        for name, text in (("cpc", "medium=cpc"), ("mail", "medium=email"), ("social", "medium=social"))
    ]
    return RuleSet(version=1, scores=(_score(tuple(rules)),), abandonment=_abandonment(), identity=IdentityRules())


def encoded(rules: RuleSet) -> bytes:
    """Return the rule set as JSON, as the setting for a file of rules takes it."""
    return msgspec.json.encode(rules)


def _score(rules: tuple[ScoreRule, ...]) -> ScoreModel:
    tiers = (TierRule("warm", WARM), TierRule("hot", HOT))
    return ScoreModel(half_life_ms=HALF_LIFE_MS, rules=rules, tiers=tiers, mql_at=None)


def _abandonment() -> tuple[AbandonmentRule, ...]:
    bought = (EventMatch("purchase"),)
    return (
        _CART,
        AbandonmentRule(
            "checkout_abandoned",
            WindowKind.CHECKOUT,
            (EventMatch("pricing_view"),),
            bought,
            steps_ms=(_HOUR_MS, 3 * _HOUR_MS),
        ),
        AbandonmentRule(
            "browse_abandoned",
            WindowKind.BROWSE,
            (EventMatch("product_view", (Condition("value", Op.GTE, 150),)),),
            (EventMatch("cart_add"), *bought),
            steps_ms=(2 * _HOUR_MS,),
        ),
        AbandonmentRule("form_abandoned", WindowKind.FORM, (EventMatch("email_click"),), (EventMatch("form_submit"),)),
        AbandonmentRule(
            "registration_abandoned",
            WindowKind.REGISTRATION,
            (EventMatch("form_submit"),),
            (EventMatch("pricing_view"), *bought),
        ),
    )
