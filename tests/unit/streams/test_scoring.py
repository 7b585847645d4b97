"""Scoring: seed 002's matrix, decay, conditions, caps, fit, tiers and the MQL, and which rules are refused."""

import pytest

from streams.model.errors import RuleError, RuleFailedError
from streams.model.facts import FactsState, Trait
from streams.model.profile import ProfileState
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import DEFAULT_PAGES, default_scores
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import DAY_MS, Cap, FitRule, ScoreModel, ScoreRule
from streams.model.scores import points_at, shares_at
from streams.operators.pages import Pages
from streams.operators.pipeline import Pipeline
from streams.operators.scoring import Scoring
from tests.unit.streams.builders import NOW_MS, event
from tests.unit.streams.scoring_kit import DEFAULT, HOUR_MS, NOBODY, after, lead, points


@pytest.mark.parametrize(
    ("name", "worth"),
    [
        ("demo_requested", 50), ("call_booked", 40), ("form_submitted", 20), ("pricing_viewed", 15),
        ("case_study_viewed", 12), ("whitepaper_downloaded", 10), ("email_clicked", 8), ("email_opened", 5),
        ("page_viewed", 0),
    ],
)  # fmt: skip
def test_an_action_is_worth_its_points(name, worth):
    assert points(event(name)) == pytest.approx(worth)


@pytest.mark.parametrize(
    ("properties", "worth"),
    [
        ({"path": "/pricing"}, 15),
        ({"path": "/pricing/teams"}, 15),
        ({"path": "/shop/pricing"}, 15),
        ({"url": "https://x.example/pricing?a=1"}, 15),
        ({"path": "/case-studies/acme"}, 12),
        ({"path": "/blog"}, 0),
        ({"path": 7}, 0),
        ({"url": "http://[broken"}, 0),
    ],
)
def test_a_page_view_counts_as_what_its_path_says(properties, worth):
    assert points(event("page_viewed", properties=properties)) == pytest.approx(worth)


def test_a_page_is_named_the_same_when_it_is_seen_again():
    pages, view = Pages(DEFAULT_PAGES), event("page_viewed", properties={"path": "/pricing"})
    assert pages.name_of(view) == pages.name_of(view) == "pricing_viewed"


@pytest.mark.parametrize("pages", [{"": "x"}, {"/a": ""}, {"a" * 501: "x"}, {f"/{n}": "x" for n in range(201)}])
def test_unusable_pages_are_refused(pages):
    with pytest.raises(RuleError, match="pages"):
        Pages(pages)


def test_points_halve_in_a_half_life():
    later = event("email_opened", NOW_MS + 30 * DAY_MS)
    assert points(event("demo_requested"), later) == pytest.approx(25 + 5)


def test_an_event_that_comes_late_adds_what_is_left_of_it():
    early = event("demo_requested", NOW_MS - 30 * DAY_MS, received_ms=NOW_MS)
    assert points(event("email_opened"), early) == pytest.approx(5 + 25)


def test_each_tier_is_announced_when_it_is_entered():
    steps = [event("email_opened", message_id=f"m{n}") for n in range(10)]
    assert after(*steps)[1] == [("lead_tier", "warm"), ("lead_tier", "hot"), ("lead_mql", "hot")]


@pytest.mark.parametrize(("opens", "tier"), [(4, "cold"), (5, "warm"), (7, "warm"), (8, "hot")])
def test_a_tier_begins_exactly_at_its_points(opens, tier):
    assert after(*[event("email_opened")] * opens)[0]["lead"].tier == tier


def test_a_leap_announces_the_tier_reached_and_the_mql():
    assert after(event("demo_requested"))[1] == [("lead_tier", "hot"), ("lead_mql", "hot")]


def test_an_announcement_says_score_and_tiers():
    _, firings = DEFAULT.on_event({}, event("demo_requested"), "demo_requested", NOBODY, NOW_MS + 7)
    assert [(f.occurrence, f.due_ms, f.data) for f in firings] == [
        (f"m1:{NOW_MS}:hot", NOW_MS + 7, {"score": 50, "tier": "hot", "previous_tier": "cold"}),
        (f"m1:{NOW_MS}", NOW_MS + 7, {"score": 50, "tier": "hot", "previous_tier": "cold"}),
    ]


def test_a_tier_lost_to_decay_is_announced_again_when_it_is_entered_again():
    scores, _ = after(event("demo_requested"))
    _, fired = after(event("call_booked", NOW_MS + 60 * DAY_MS), scores=scores)
    assert fired == [("lead_tier", "hot"), ("lead_mql", "hot")]


def test_a_little_decay_does_not_announce_the_mql_again():
    scores, _ = after(event("demo_requested"))
    _, fired = after(event("email_opened", NOW_MS + 2 * DAY_MS), scores=scores)
    assert fired == []


def test_a_margin_keeps_a_tier_until_the_score_is_well_below_it():
    by = lead(ScoreRule("a", "a", 42), ScoreRule("b", "b", 5), margin=10, mql_at=None)
    scores, _ = after(event("a"), by=by)
    kept, _ = after(event("b", NOW_MS + 10 * DAY_MS), scores=scores, by=by)
    _, fired = after(event("a", NOW_MS + 60 * DAY_MS), scores=kept, by=by)
    assert (kept["lead"].tier, fired) == ("hot", [("lead_tier", "hot")])


def test_history_scores_but_announces_nothing():
    old = event("demo_requested", NOW_MS - 3 * DAY_MS, received_ms=NOW_MS)
    scores, fired = after(old)
    assert (points_at(scores["lead"], 0), fired, scores["lead"].tier) == (pytest.approx(50), [], "cold")


def test_contributions_say_how_often_and_how_much():
    scores, _ = after(event("email_opened"), event("email_opened"), event("pricing_viewed"))
    assert [(s.rule, s.count, round(s.points, 6)) for s in shares_at(scores["lead"], 0)] == [
        ("pricing_viewed", 1, 15),
        ("email_opened", 2, 10),
    ]


def test_an_id_that_comes_again_after_it_was_forgotten_names_another_firing():
    scores, before = DEFAULT.on_event({}, event("demo_requested"), "demo_requested", NOBODY, NOW_MS)
    again_ms = NOW_MS + 400 * DAY_MS
    _, late = DEFAULT.on_event(scores, event("demo_requested", again_ms), "demo_requested", NOBODY, again_ms)
    assert len({f.occurrence for f in (*before, *late)}) == 4


def test_an_event_that_earns_nothing_leaves_the_same_scores():
    scores, _ = after(event("demo_requested"))
    assert after(event("page_viewed"), scores=scores)[0] is scores


def test_a_rule_earns_only_when_its_conditions_hold():
    by = lead(ScoreRule("big", "order_completed", 30, (Condition("value", Op.GTE, 100),)))
    big, small = event("order_completed", value=100.0), event("order_completed", value=99.0)
    assert [points(big, by=by), points(small, by=by)] == [pytest.approx(30), 0]


def test_two_rules_of_one_event_both_earn():
    by = lead(ScoreRule("any", "a", 3), ScoreRule("pro", "a", 4, (Condition("properties.plan", Op.EQ, "pro"),)))
    assert points(event("a", properties={"plan": "pro"}), by=by) == pytest.approx(7)


def test_a_negative_rule_leads_below_zero_and_out_of_a_tier():
    by = lead(ScoreRule("up", "a", 30), ScoreRule("down", "b", -40), ScoreRule("little", "c", 6))
    scores, fired = after(event("a"), event("b"), event("a"), event("c"), by=by)
    assert fired == [("lead_tier", "warm"), ("lead_tier", "warm")]
    assert points(event("b"), by=by) == pytest.approx(-40)
    assert scores["lead"].tier == "warm"


def test_a_qualified_lead_that_falls_qualifies_again():
    by = lead(ScoreRule("up", "a", 60), ScoreRule("down", "b", -40))
    assert [rule for rule, _ in after(event("a"), event("b"), event("a"), by=by)[1]].count("lead_mql") == 2


def test_several_scores_live_side_by_side():
    fit = ScoreModel("product_fit", rules=(ScoreRule("trial", "trial_started", 45),))
    scores, fired = after(event("trial_started"), event("demo_requested"), by=Scoring((*default_scores(), fit)))
    assert set(scores) == {"lead", "product_fit"}
    assert fired == [("product_fit_tier", "hot"), ("lead_tier", "hot"), ("lead_mql", "hot")]


def test_a_rule_that_raises_is_named(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("streams.operators.score_model.compile_when", lambda *_: broken)
    with pytest.raises(RuleFailedError) as caught:
        after(event("a"), by=lead(ScoreRule("odd", "a", 1)))
    assert caught.value.rule == "odd"


def test_a_half_life_of_a_minute_over_ten_years_neither_overflows_nor_forgets():
    by = lead(ScoreRule("a", "a", 10), half_life_ms=60_000)
    scores = {}
    for month in range(120):
        scores, _ = after(event("a", NOW_MS + month * 30 * DAY_MS), scores=scores, by=by)
    assert points_at(scores["lead"], 0) == pytest.approx(10)
    assert scores["lead"].parts["a"].count == 120


CAPPED = lead(ScoreRule("a", "a", 1, cap=Cap(2, HOUR_MS)))


@pytest.mark.parametrize(
    ("minutes", "counted"),
    [
        ([0, 1, 2], 2), ([0, 1, 60], 3), ([0, 1, 60, 61], 4), ([0, 59, 60], 3), ([0, 59, 60, 61], 3),
        ([0, 0, 0], 2), ([60, 0, 30], 3), ([30, 59, 0], 2), ([0, 70, 30, 40], 3), ([100, 40, 41, 99], 3),
        ([0, 200, 400, 600, 5], 5), ([0, 1, 200, 201, 400, 401, 2], 6), ([0, 2_000, 4_000, 6_000, -60], 4),
    ],
)  # fmt: skip
def test_no_hour_holds_more_than_the_cap_allows(minutes, counted):
    steps = [event("a", NOW_MS + minute * 60_000, received_ms=NOW_MS) for minute in minutes]
    assert after(*steps, by=CAPPED)[0]["lead"].parts["a"].count == counted


def test_what_a_capped_rule_remembers_is_bounded():
    scores, _ = after(*[event("a", NOW_MS + n * 40 * 60_000) for n in range(99)], by=CAPPED)
    assert len(scores["lead"].parts["a"].hits) == 4


IS_VP = (Condition("traits.title", Op.CONTAINS, "vp"),)
VP = FactsState(traits={"title": Trait("VP Sales", NOW_MS, "web"), "size": Trait(500, NOW_MS, "crm")})
FITTING = lead(
    ScoreRule("a", "a", 10),
    fit=(
        FitRule("boss", 30, IS_VP),
        FitRule("tiny", -20, (Condition("traits.size", Op.LT, 10),)),
    ),
)


def test_fit_gives_points_that_do_not_fade():
    scores, _ = FITTING.on_traits({}, VP, NOW_MS)
    assert points_at(scores["lead"], NOW_MS + 900 * DAY_MS) == 30


def test_fit_announces_a_tier_and_counts_for_the_next():
    cause = event("identified")
    scores, firings = FITTING.on_traits({}, VP, NOW_MS, cause)
    assert [(f.rule, f.occurrence) for f in firings] == [("lead_tier", f"m1:{NOW_MS}:warm")]
    assert after(event("a"), scores=scores, by=FITTING)[1] == [("lead_tier", "hot")]


@pytest.mark.parametrize(("fit", "fired"), [(30, [("lead_tier", "hot", 60)]), (-520, [])])
def test_an_event_that_earns_and_brings_new_traits_is_judged_once(fit, fired):
    model = ScoreModel(rules=(ScoreRule("a", "a", 30),), fit=(FitRule("boss", fit, IS_VP),), mql_at=None)
    told = event("a", traits={"title": "vp"})
    state, triggers, _ = Pipeline(RuleSet(scores=(model,))).on_event(ProfileState("default", "user:ada"), told, NOW_MS)
    assert [(t.rule, t.data["tier"], t.data["score"]) for t in triggers] == fired
    assert (state.scores["lead"].fit, points_at(state.scores["lead"], 0)) == ({"boss": fit}, 30 + fit)


def test_fit_of_a_merge_is_announced_by_the_time():
    assert FITTING.on_traits({}, VP, NOW_MS)[1][0].occurrence == f"traits:{NOW_MS}:warm"


def test_a_late_word_about_a_person_announces_nothing():
    cause = event("identified", NOW_MS - 3 * DAY_MS, received_ms=NOW_MS)
    scores, firings = FITTING.on_traits({}, VP, NOW_MS, cause)
    assert (scores["lead"].fit, firings) == ({"boss": 30}, ())


def test_fit_is_lost_with_the_trait():
    scores, _ = FITTING.on_traits({}, VP, NOW_MS)
    lost, firings = FITTING.on_traits(scores, FactsState(), NOW_MS)
    assert (lost["lead"].fit, lost["lead"].tier, firings) == ({}, "cold", ())


def test_who_has_told_nothing_of_itself_fits_no_rule_before_and_after_a_change_of_rules():
    unknown = (Condition("traits.title", Op.MISSING),)
    by = Scoring((ScoreModel(rules=(ScoreRule("a", "a", 20),), fit=(FitRule("unknown", -10, unknown),)),))
    scores, _ = after(event("a"), by=by)
    assert by.migrated(scores, NOBODY, NOW_MS) is scores
    assert by.migrated(scores, FactsState(traits={"size": Trait(5, 0, "web")}), NOW_MS)["lead"].fit == {"unknown": -10}


def test_traits_that_change_no_fit_leave_the_same_scores():
    scores, _ = FITTING.on_traits({}, VP, NOW_MS)
    assert FITTING.on_traits(scores, VP, NOW_MS + 1)[0] is scores


def test_fit_is_judged_anew_under_new_rules_and_announces_nothing():
    scores, _ = after(event("a"), by=FITTING)
    assert FITTING.migrated(scores, VP, NOW_MS)["lead"].fit == {"boss": 30}
