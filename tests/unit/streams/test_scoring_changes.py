"""Scores over time: changed rules, merged and detached ids, recomputes; and which models are refused."""

import pytest
from msgspec.structs import replace

from streams.model.errors import RuleError
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import default_scores
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import DAY_MS, Cap, FitRule, ScoreModel, ScoreRule, TierRule
from streams.model.scores import points_at, shares_at
from streams.operators import scoring
from streams.operators.identity.parcels import SCORES, Recomputed, packed
from streams.operators.pipeline import Pipeline
from streams.operators.scoring import Scoring
from tests.unit.streams.builders import NOW_MS, event
from tests.unit.streams.scoring_kit import DEFAULT, HOUR_MS, NOBODY, after, lead, points


@pytest.mark.parametrize("days", [1, 90, 3_000])
def test_another_half_life_keeps_the_points_of_the_moment_and_fades_them_from_then_on(days):
    scores, _ = after(event("demo_requested"), event("email_opened", NOW_MS + 9 * DAY_MS))
    changed_ms = NOW_MS + 40 * DAY_MS
    by = Scoring((replace(default_scores()[0], half_life_ms=days * DAY_MS),))
    migrated = by.migrated(scores, NOBODY, changed_ms)["lead"]
    assert points_at(migrated, changed_ms) == pytest.approx(points_at(scores["lead"], changed_ms), rel=1e-12)
    assert points_at(migrated, changed_ms + days * DAY_MS) == pytest.approx(points_at(migrated, changed_ms) / 2)


def test_another_half_life_fires_nothing_for_points_that_had_faded():
    scores, _ = after(event("demo_requested"))
    changed_ms = NOW_MS + 120 * DAY_MS
    by = Scoring((replace(default_scores()[0], half_life_ms=3_000 * DAY_MS),))
    migrated = by.migrated(scores, NOBODY, changed_ms)
    assert after(event("email_opened", changed_ms), scores=migrated, by=by)[1] == []


@pytest.mark.parametrize("kind", [MoveKind.ABSORB, MoveKind.RESTORE])
def test_points_that_travel_while_the_half_life_changes_stay_what_they_are(kind):
    arrives_ms, scores = NOW_MS + 120 * DAY_MS, after(event("demo_requested"))[0]
    parcel = ProfileState("default", "anon:1", scores=DEFAULT.exported(scores, "anon:1"))
    move = Move(kind, "default", "user:ada", "anon:1", arrives_ms, packed(parcel))
    by = Pipeline(RuleSet(scores=(replace(default_scores()[0], half_life_ms=3_000 * DAY_MS),)))
    state, _, _ = by.on_move(ProfileState("default", "user:ada"), move, arrives_ms)
    assert points_at(state.scores["lead"], arrives_ms) == pytest.approx(50 / 16)


def test_a_recompute_that_arrives_after_the_half_life_has_changed_brings_the_points_of_that_moment():
    arrives_ms, scores = NOW_MS + 120 * DAY_MS, after(event("demo_requested"))[0]
    body = SCORES.packed(Recomputed(RECOMPUTE, "user:ada", scores))
    move = Move(MoveKind.RESCORE, "default", "user:ada", "user:ada", arrives_ms, body)
    rules = RuleSet(scores=(replace(default_scores()[0], half_life_ms=3_000 * DAY_MS),))
    state, _, _ = Pipeline(rules, {"lead": RECOMPUTE}).on_move(ProfileState("default", "user:ada"), move, arrives_ms)
    assert points_at(state.scores["lead"], arrives_ms) == pytest.approx(50 / 16)


def test_points_of_a_time_when_no_half_life_was_written_down_are_those_of_the_latest_event():
    state = ProfileState("default", "user:ada", scores=after(event("demo_requested"))[0])
    by = Pipeline(RuleSet(scores=(replace(default_scores()[0], half_life_ms=DAY_MS),)))
    migrated = by.migrated(state, NOW_MS + 9 * DAY_MS).scores["lead"]
    assert (points_at(migrated, 0), migrated.at_ms) == (pytest.approx(50), NOW_MS)


def test_a_score_that_is_no_more_is_dropped():
    scores, _ = after(event("demo_requested"))
    assert Scoring(()).migrated(scores, NOBODY, NOW_MS) == {}


def test_what_a_removed_rule_has_earned_stays():
    scores, _ = after(event("demo_requested"))
    assert lead().migrated(scores, NOBODY, NOW_MS) is scores


def test_a_tier_that_is_no_more_becomes_the_one_reached():
    scores, _ = after(event("demo_requested"))
    by = lead(*default_scores()[0].rules, tiers=(TierRule("interested", 10), TierRule("ready", 50)), mql_at=None)
    migrated = by.migrated(scores, NOBODY, NOW_MS)["lead"]
    assert (migrated.tier, migrated.is_mql) == ("ready", False)


def test_a_merged_id_counts_and_announces_at_the_next_event():
    mine, _ = after(event("form_submitted"))
    theirs, _ = after(event("form_submitted"))
    both = DEFAULT.merged(mine, DEFAULT.exported(theirs, "anon:1"))
    assert points_at(both["lead"], 0) == pytest.approx(40)
    assert after(event("email_opened"), scores=both)[1] == [("lead_tier", "hot")]


def test_what_was_announced_for_either_is_not_announced_again():
    mine, _ = after(event("email_opened"))
    theirs, _ = after(event("demo_requested"))
    both = DEFAULT.merged(mine, DEFAULT.exported(theirs, "anon:1"))
    assert after(event("email_opened"), scores=both)[1] == []


def test_a_detached_id_takes_what_it_had_brought():
    mine, _ = after(event("form_submitted"))
    theirs, _ = after(event("demo_requested"))
    left, part = DEFAULT.detached(DEFAULT.merged(mine, DEFAULT.exported(theirs, "anon:1")), "anon:1")
    assert points_at(left["lead"], 0) == pytest.approx(20)
    assert (part["lead"].total, part["lead"].tier, part["lead"].is_mql) == (theirs["lead"].total, "hot", True)


def test_detaching_an_id_that_brought_nothing_changes_nothing():
    scores, _ = after(event("form_submitted"))
    assert DEFAULT.detached(scores, "anon:1") == (scores, {})


def test_an_id_that_came_back_leaves_with_all_its_own():
    theirs, _ = after(event("form_submitted"))
    _, part = DEFAULT.detached(DEFAULT.exported(theirs, "anon:1"), "anon:1")
    more, _ = after(event("form_submitted"), scores=part)
    assert DEFAULT.exported(more, "anon:1")["lead"].moved["anon:1"]["form_submitted"].count == 2


RECOMPUTE = 7
RICHER = lead(*(ScoreRule(name, name, 10) for name in ("email_opened", "email_clicked")))


def test_a_recompute_replaces_what_was_before_its_mark_and_keeps_what_came_after():
    before, later = [event("email_opened"), event("form_submitted")], event("email_clicked", NOW_MS + HOUR_MS)
    scores, _ = after(*before)
    marked = RICHER.marked(RICHER.migrated(scores, NOBODY, NOW_MS), "lead", "user:ada", RECOMPUTE)
    grown, _ = after(later, scores=marked, by=RICHER)
    renewed = RICHER.replaced(grown, after(*before, by=RICHER)[0], "user:ada", "user:ada", RECOMPUTE)
    assert {s.rule: s.count for s in shares_at(renewed["lead"], 0)} == {"email_opened": 1, "email_clicked": 1}
    assert renewed["lead"].total == pytest.approx(after(*before, later, by=RICHER)[0]["lead"].total, rel=1e-9)


def test_a_cap_counts_what_a_recompute_found_and_what_came_after_its_mark_together():
    capped = lead(ScoreRule("email_opened", "email_opened", 5, cap=Cap(3, DAY_MS)))
    opens = [event("email_opened", NOW_MS + hour * HOUR_MS) for hour in range(5)]
    before, _ = after(opens[0], by=capped)
    later, _ = after(opens[1], scores=capped.marked(before, "lead", "user:ada", RECOMPUTE), by=capped)
    renewed = capped.replaced(later, before, "user:ada", "user:ada", RECOMPUTE)
    scores, _ = after(*opens[2:], scores=renewed, by=capped)
    assert scores["lead"].parts["email_opened"].count == 3


def test_a_mark_is_set_once():
    marked = DEFAULT.marked({}, "lead", "user:ada", RECOMPUTE)
    scores, _ = after(event("email_opened"), scores=marked)
    assert DEFAULT.marked(scores, "lead", "user:ada", RECOMPUTE) is scores


def test_the_result_of_an_older_recompute_is_ignored():
    scores, _ = after(event("email_opened"))
    newer = DEFAULT.marked(DEFAULT.marked(scores, "lead", "user:ada", 7), "lead", "user:ada", 8)
    assert DEFAULT.replaced(newer, scores, "user:ada", "user:ada", 7) is newer
    assert DEFAULT.replaced(newer, scores, "user:ada", "user:ada", 8)["lead"].total == scores["lead"].total


def test_a_recompute_that_finds_nothing_leaves_nothing():
    scores, _ = after(event("form_submitted"))
    marked = RICHER.marked(scores, "lead", "user:ada", RECOMPUTE)
    assert RICHER.replaced(marked, {}, "user:ada", "user:ada", RECOMPUTE)["lead"].total == 0


def test_a_recompute_reaches_what_was_merged_after_its_mark():
    theirs, _ = after(event("form_submitted"), event("email_opened"))
    marked = RICHER.marked(theirs, "lead", "anon:1", RECOMPUTE)
    marked, _ = after(event("email_opened"), scores=marked, by=RICHER)
    mine = RICHER.marked(after(event("email_clicked"))[0], "lead", "user:ada", RECOMPUTE)
    both = RICHER.merged(mine, RICHER.exported(marked, "anon:1"))
    found, _ = after(event("email_opened"), by=RICHER)
    renewed = RICHER.replaced(both, found, "anon:1", "user:ada", RECOMPUTE)["lead"]
    assert {s.rule: round(s.points) for s in shares_at(renewed, 0)} == {"email_opened": 20, "email_clicked": 8}


def test_what_was_detached_during_a_recompute_does_not_come_back():
    theirs = DEFAULT.exported(after(event("form_submitted"))[0], "anon:1")
    scores = DEFAULT.merged(after(event("email_clicked"))[0], theirs)
    left, part = DEFAULT.detached(DEFAULT.marked(scores, "lead", "user:ada", RECOMPUTE), "anon:1")
    renewed = DEFAULT.replaced(left, scores, "user:ada", "user:ada", RECOMPUTE)
    assert [points_at(part["lead"], 0), points_at(renewed["lead"], 0)] == [pytest.approx(20), pytest.approx(8)]


NAN, INF = float("nan"), float("inf")
RULE = ScoreRule("a", "a", 1)
IS_VP = (Condition("traits.title", Op.EQ, "vp"),)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ({"id": ""}, "id"), ({"id": "account"}, "id"), ({"id": "a\n"}, "id"),
        ({"half_life_ms": 0}, "half_life_ms"), ({"half_life_ms": 4_000 * DAY_MS}, "half_life_ms"),
        ({"rules": (RULE, RULE)}, "rules[1].id"), ({"rules": (ScoreRule("", "a", 1),)}, "rules[0].id"),
        ({"rules": (ScoreRule("a", "", 1),)}, "rules[0].event"),
        *(({"rules": (RULE, ScoreRule("b", "b", bad))}, "rules[1].points") for bad in (NAN, INF, -1e7)),
        *(({"rules": (ScoreRule("a", "a", 1, (), cap),)}, "rules[0].cap")
          for cap in (Cap(0, 1), Cap(1_001, 1), Cap(1, 0))),
        ({"rules": (ScoreRule("a", "a", 1, (Condition("nothing", Op.EXISTS),)),)}, "rules[0].when[0].field"),
        ({"rules": tuple(ScoreRule(f"r{n}", "a", 1) for n in range(201))}, "rules"),
        ({"fit": (FitRule("f", 1, ()),)}, "fit[0].when"), ({"fit": (FitRule("f", NAN, IS_VP),)}, "fit[0].points"),
        ({"fit": (FitRule("f", 1, (Condition("value", Op.GT, 1),)),)}, "fit[0].when[0].field"),
        ({"rules": (RULE,), "fit": (FitRule("a", 1, IS_VP),)}, "fit[0].id"),
        ({"tiers": (TierRule("warm", 25), TierRule("hot", 25))}, "tiers[1].at"),
        ({"tiers": (TierRule("warm", NAN),)}, "tiers[0].at"), ({"tiers": (TierRule("warm", 0),)}, "tiers[0].at"),
        ({"tiers": (TierRule("cold", 5),)}, "tiers[0].name"),
        ({"tiers": tuple(TierRule(f"t{n}", n + 1) for n in range(11))}, "tiers"),
        ({"margin": -1}, "margin"), ({"margin": NAN}, "margin"),
        ({"mql_at": NAN}, "mql_at"), ({"mql_at": 30}, "mql_until"), ({"mql_until": NAN}, "mql_until"),
    ],
)  # fmt: skip
def test_an_unusable_model_is_refused_by_its_path(model, field):
    with pytest.raises(RuleError) as caught:
        Scoring((ScoreModel(**model),))
    assert caught.value.field == f"scores[0].{field}"


def test_ids_are_unique_among_all_scores():
    with pytest.raises(RuleError, match=r"scores\[1\].rules\[0\].id: 'a' is taken"):
        Scoring((ScoreModel(rules=(RULE,)), ScoreModel("other", rules=(RULE,))))


def test_too_many_scores_are_refused():
    with pytest.raises(RuleError, match="at most 10"):
        Scoring(tuple(ScoreModel(f"s{n}") for n in range(11)))


def test_points_of_the_settings_become_the_default_score():
    by = scoring.Scoring(default_scores({"email_opened": 2.5}, DAY_MS))
    assert points(event("email_opened"), event("demo_requested"), by=by) == pytest.approx(2.5)
