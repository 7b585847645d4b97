"""What-if: who would stand where under other rules."""

import pytest
from msgspec.structs import replace

from streams.model.errors import RuleError
from streams.model.facts import FactsState, Trait
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import default_scores
from streams.model.rules.scoring import DAY_MS, Cap, FitRule, ScoreModel, ScoreRule, TierRule
from streams.operators.scoring import Scoring
from streams.operators.what_if import Past, WhatIf
from tests.unit.streams.builders import NOW_MS, event

MODEL = default_scores()[0]
SCORING = Scoring((MODEL,))


def earned(*names):
    scores = {}
    for name in names:
        scores, _ = SCORING.on_event(scores, event(name), name, FactsState(), NOW_MS)
    return scores["lead"]


def with_points(**points: float) -> ScoreModel:
    return replace(MODEL, rules=tuple(replace(rule, points=points.get(rule.id, rule.points)) for rule in MODEL.rules))


LEADS = {
    "opener": earned(*["email_opened"] * 9),
    "caller": earned("call_booked"),
    "mixed": earned("form_submitted", "pricing_viewed", "email_opened"),
    "cold": earned("email_opened"),
}


def test_opens_count_2_and_these_leave_hot():
    compare = WhatIf(MODEL, with_points(email_opened=2))
    standings = {lead: compare.standings(score, {}, NOW_MS) for lead, score in LEADS.items()}
    assert [lead for lead, (now, then) in standings.items() if now.tier == "hot" != then.tier] == ["opener", "mixed"]
    assert standings["opener"][1].points == pytest.approx(18)
    assert compare.caveats == ()


def test_changed_points_stand_where_a_run_by_the_new_rules_would():
    new = with_points(email_opened=2, form_submitted=-3)
    by_new, scores = Scoring((new,)), {}
    for name in ("form_submitted", "pricing_viewed", "email_opened"):
        scores, _ = by_new.on_event(scores, event(name), name, FactsState(), NOW_MS)
    at_ms = NOW_MS + 5 * DAY_MS
    expected = WhatIf(new, new).standings(scores["lead"], {}, at_ms)[0]
    found = WhatIf(MODEL, new).standings(LEADS["mixed"], {}, at_ms)[1]
    assert (found.points, found.tier) == (pytest.approx(expected.points, rel=1e-12), expected.tier)


def test_what_merged_ids_and_a_recompute_hold_counts_too():
    theirs = SCORING.exported({"lead": LEADS["opener"]}, "anon:1")
    both = SCORING.marked(SCORING.merged({"lead": LEADS["caller"]}, theirs), "lead", "user:ada", 1)
    now, then = WhatIf(MODEL, with_points(email_opened=2)).standings(both["lead"], {}, NOW_MS)
    assert (now.points, then.points) == (pytest.approx(85), pytest.approx(58))


def test_a_removed_rule_counts_nothing():
    new = replace(MODEL, rules=tuple(rule for rule in MODEL.rules if rule.id != "call_booked"))
    now, then = WhatIf(MODEL, new).standings(LEADS["caller"], {}, NOW_MS)
    assert (now.tier, then.tier, then.points) == ("hot", "cold", 0)


def test_tiers_and_the_mql_follow_the_new_rules():
    new = replace(MODEL, tiers=(TierRule("ready", 30),), mql_at=35, mql_until=20)
    now, then = WhatIf(MODEL, new).standings(LEADS["caller"], {}, NOW_MS)
    assert [(now.tier, now.is_mql), (then.tier, then.is_mql)] == [("hot", False), ("ready", True)]


def test_fit_is_judged_by_the_traits():
    new = replace(MODEL, fit=(FitRule("boss", 25, (Condition("traits.title", Op.CONTAINS, "vp"),)),))
    compare, traits = WhatIf(MODEL, new), {"title": Trait("VP Sales", 1, "crm")}
    assert [then.tier for _, then in (compare.standings(None, t, NOW_MS) for t in (traits, {}))] == ["warm", "cold"]


@pytest.mark.parametrize(
    ("rule", "caveat"),
    [
        (ScoreRule("new", "a", 1), "The rule new is new"),
        (ScoreRule("email_opened", "email_opened", 5, (), Cap(1, 1)), "earns for other events"),
        (ScoreRule("email_opened", "email_seen", 5), "earns for other events"),
    ],
)
def test_what_cannot_be_known_is_said(rule, caveat):
    others = tuple(known for known in MODEL.rules if known.id != rule.id)
    (said,) = WhatIf(MODEL, replace(MODEL, rules=(*others, rule))).caveats
    assert caveat in said


def test_a_rule_that_earned_nothing_and_another_half_life_are_caveats():
    free = with_points(email_opened=0)
    caveats = WhatIf(free, replace(MODEL, half_life_ms=DAY_MS)).caveats
    assert ["half-life" in caveats[0], "no points yet" in caveats[1]] == [True, True]


def caveats_of(*pasts: ScoreModel | None, since_ms: int = 0, new: ScoreModel = MODEL) -> list[str]:
    """Those of the model after it was each of `pasts`, the newest first."""
    count = len(pasts)
    return list(WhatIf(MODEL, new).caveats_of([Past(p, count - n, count - n) for n, p in enumerate(pasts)], since_ms))


def test_points_that_were_others_are_a_caveat_which_names_the_last_change():
    (said,) = caveats_of(MODEL, with_points(email_opened=7), with_points(email_opened=6))
    assert said == (
        "The rule email_opened was new or changed in version 2: what it would have earned before is not known."
    )


@pytest.mark.parametrize(
    "past",
    [
        {"when": (Condition("properties.n", Op.GT, 1),)},
        {"cap": Cap(1, 1)},
        {"event": "email_seen"},
        {"points": 0},
        {"id": "other"},
    ],
)
def test_a_rule_that_was_another_in_any_way_is_a_caveat(past):
    others = tuple(rule for rule in MODEL.rules if rule.id != "email_opened")
    (was,) = (replace(rule, **past) for rule in MODEL.rules if rule.id == "email_opened")
    assert "email_opened was new or changed" in caveats_of(replace(MODEL, rules=(*others, was)))[0]


def test_a_removed_rule_and_another_half_life_are_caveats():
    past = replace(MODEL, half_life_ms=DAY_MS, rules=(*MODEL.rules, ScoreRule("gone", "a", 1)))
    assert ["half-life" in caveats_of(past)[0], "gone was removed in version 1" in caveats_of(past)[1]] == [True, True]


def test_a_score_of_which_nothing_is_known_is_one_caveat():
    assert caveats_of(None, None) == ["What earned points before version 2 is not known."]


def test_rules_from_before_anything_was_earned_do_not_matter():
    past = with_points(email_opened=7)
    assert (len(caveats_of(past, since_ms=0)), caveats_of(past, since_ms=1)) == (1, [])


def test_what_is_said_already_is_not_said_again():
    new = with_points(email_opened=0)
    capped = replace(new, rules=tuple(replace(rule, cap=Cap(1, 1)) for rule in new.rules if rule.points == 0))
    assert caveats_of(replace(MODEL, rules=()), new=capped) == []


def test_unusable_rules_are_refused():
    with pytest.raises(RuleError):
        WhatIf(MODEL, with_points(email_opened=float("nan")))
