"""Laws of scoring: order, sums, decay over years, caps, merging to the bit, announcements, recompute and what-if."""

from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState, Trait
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import DEFAULT_POINTS, default_scores
from streams.model.rules.scoring import DAY_MS, Cap, FitRule, ScoreModel, ScoreRule
from streams.model.scores import ScoreState, contributions, points_at, shares_at
from streams.operators.score_weights import at_epoch
from streams.operators.scoring import Scoring
from streams.operators.what_if import WhatIf
from tests.strategies import START_MS

HOUR_MS = 3_600_000
NAMES = ("a", "b", "c", "d")
MIXED = ScoreModel(
    rules=(
        ScoreRule("a", "a", 12.5),
        ScoreRule("b", "b", -7),
        ScoreRule("c", "c", 30, (Condition("properties.n", Op.GTE, 1),)),
        ScoreRule("c_too", "c", 0.1),
    ),
    fit=(FitRule("fit", 3, (Condition("traits.t", Op.EQ, "x"),)),),
)
half_lives = st.sampled_from([60_000, HOUR_MS, DAY_MS, 30 * DAY_MS])
ages = st.sampled_from([0, 0, 1, 1_000, HOUR_MS, DAY_MS - 1, 9 * DAY_MS, 400 * DAY_MS]) | st.integers(0, 10**10)
facts = st.sampled_from([FactsState(), FactsState(traits={"t": Trait("x", 1, "web")})])


@st.composite
def actions(draw: st.DrawFn, max_size: int = 12, names: tuple[str, ...] = NAMES) -> list[Event]:
    """Events of one profile, some of them late, in order of arrival; the clock may leap by years."""
    received_ms, history = START_MS, []
    for number in range(draw(st.integers(0, max_size))):
        received_ms += draw(st.sampled_from([0, 1, 10_000, HOUR_MS, 20 * DAY_MS, 2_000 * DAY_MS]))
        properties = {"n": draw(st.integers(0, 2))}
        at_ms = received_ms - draw(ages)
        name = draw(st.sampled_from(names))
        history.append(
            Event(f"m{number}", "w", "web", "user:1", name, at_ms, received_ms, ProfileKeys(), properties=properties)
        )
    return history


def models(half_life_ms: int = 30 * DAY_MS) -> tuple[ScoreModel, ...]:
    return (replace(MIXED, half_life_ms=half_life_ms),)


def run(scoring, history, scores=None, about=None):
    scores, firings = scores or {}, []
    about = about or FactsState()
    for event in history:
        scores, fired = scoring.on_event(scores, event, event.name, about, event.received_ms)
        firings += fired
    return scores, firings


def lead(scores) -> ScoreState:
    return scores.get("lead", ScoreState(1))


def close(one: ScoreState, other: ScoreState, rel: float = 1e-9) -> bool:
    """Whether two scores are worth the same, but for rounding of what they are made of."""
    at_ms = max(one.at_ms, other.at_ms)
    scale = sum(abs(share.points) for share in (*shares_at(one, at_ms), *shares_at(other, at_ms)))
    return abs(points_at(one, at_ms) - points_at(other, at_ms)) <= rel * scale + 1e-12


@given(history=actions(), about=facts)
def test_scoring_changes_nothing_it_was_given(history, about):
    scoring = Scoring(models())
    scores, _ = run(scoring, history, about=about)
    before = msgspec.msgpack.encode(scores)
    run(scoring, history, scores, about)
    scoring.on_traits(scores, about, START_MS)
    scoring.merged(scores, scoring.exported(scores, "anon:1"))
    scoring.marked(scores, "lead", "user:1", 1)
    assert msgspec.msgpack.encode(scores) == before


@given(history=actions(), cut=st.integers(0, 12))
def test_scores_written_and_read_back_go_on_as_if_nothing_happened(history, cut):
    scoring = Scoring(models())
    scores, _ = run(scoring, history[:cut])
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(scores), type=dict[str, ScoreState])
    assert run(scoring, history[cut:], restored) == run(scoring, history[cut:], scores)


@given(history=actions(), half_life=half_lives, data=st.data())
def test_the_score_does_not_depend_on_the_order_of_arrival(history, half_life, data):
    scoring = Scoring(models(half_life))
    one, two = run(scoring, history)[0], run(scoring, data.draw(st.permutations(history)))[0]
    assert close(lead(one), lead(two))
    assert {r: p.count for r, p in lead(one).parts.items()} == {r: p.count for r, p in lead(two).parts.items()}


@given(history=actions(), half_life=half_lives)
def test_the_score_is_the_sum_of_what_each_event_is_still_worth(history, half_life):
    score = lead(run(Scoring(models(half_life)), history)[0])
    worth = {"a": 12.5, "b": -7, "c": 0.1}
    terms = [
        (worth[event.name] + (30 if event.name == "c" and event.properties["n"] else 0))
        * 0.5 ** ((score.at_ms - event.at_ms) / half_life)
        for event in history
        if event.name in worth
    ]
    assert points_at(score, 0) == pytest.approx(sum(terms), abs=1e-9 * sum(map(abs, terms)) + 1e-12)


@given(own=actions(), others=st.lists(actions(6), max_size=3), about=facts, is_marked=st.booleans(), later=actions(3))
def test_contributions_sum_to_the_score(own, others, about, is_marked, later):
    scoring = Scoring(models())
    scores, _ = run(scoring, own)
    for number, history in enumerate(others):
        scores = scoring.merged(scores, scoring.exported(run(scoring, history)[0], f"anon:{number}"))
    scores, _ = scoring.on_traits(scores, about, START_MS)
    if is_marked:
        scores = scoring.marked(scores, "lead", "user:1", 1)
    score = lead(run(scoring, later, scores)[0])
    shares = [share.points for share in shares_at(score, 0)]
    assert sum(shares) == pytest.approx(points_at(score, 0), abs=1e-9 * sum(map(abs, shares)) + 1e-12)


@given(
    steps=st.lists(st.integers(0, 3_000 * DAY_MS), min_size=1, max_size=40), half_life=st.sampled_from([1_000, 60_000])
)
def test_weights_never_overflow(steps, half_life):
    scoring = Scoring(models(half_life))
    at_ms, scores = 0, {}
    for step in steps:
        at_ms += step
        scores, _ = run(scoring, [Event("m", "w", "web", "user:1", "a", at_ms, at_ms, ProfileKeys())], scores)
    score = scores["lead"]
    assert all(abs(part.weight) < 2.0**300 for _, part in contributions(score))
    assert points_at(score, 0) >= 12.5 * (1 - 1e-9)
    assert score.parts["a"].count == len(steps)


CAP = Cap(3, HOUR_MS)
CAPPED = Scoring((ScoreModel(rules=(ScoreRule("a", "a", 1, cap=CAP),)),))
minutes = st.lists(st.integers(0, 400), max_size=40)


def earning(order: list[int]) -> list[int]:
    scores, earned = {}, []
    for minute in order:
        at_ms = START_MS + minute * 60_000
        before = scores
        scores, _ = run(CAPPED, [Event("m", "w", "web", "user:1", "a", at_ms, at_ms, ProfileKeys())], scores)
        if scores is not before:
            earned.append(minute)
    return earned


@given(order=minutes)
def test_no_window_holds_more_than_the_cap_whatever_the_order(order):
    earned = sorted(earning(order))
    assert all(later - first >= 60 for first, later in zip(earned, earned[CAP.count :], strict=False))


@given(order=minutes.map(sorted))
def test_events_in_order_earn_whenever_the_cap_leaves_room(order):
    expected = []
    for minute in order:
        if sum(minute - 60 < other <= minute for other in expected) < CAP.count:
            expected.append(minute)
    assert earning(order) == expected


@given(order=st.lists(st.integers(0, 400), max_size=6))
def test_events_out_of_order_earn_whenever_the_cap_leaves_room_in_every_window(order):
    expected = []
    for minute in order:
        tried = sorted([*expected, minute])
        if all(later - first >= 60 for first, later in zip(tried, tried[CAP.count :], strict=False)):
            expected.append(minute)
    assert earning(order) == expected


def ended(*histories: list[Event]) -> int:
    return max((event.received_ms for history in histories for event in history), default=START_MS)


def exports(histories: list[list[Event]], half_lives_ms: list[int], now_ms: int):
    """States of three ids as they travel; two of them are one id at two times, and one had merged another before."""
    one, two, three = histories
    by_one, by_two, by_three = (Scoring(models(half_life_ms)) for half_life_ms in half_lives_ms)
    known = run(by_one, one)[0]
    again = run(by_one, two, known)[0]
    brought = by_three.adapted(by_two.exported(run(by_two, two)[0], "anon:3"), now_ms)
    other = by_three.exported(by_three.merged(run(by_three, three)[0], brought), "anon:2")
    other = by_three.exported(by_three.marked(other, "lead", "anon:2", 5), "anon:2")
    return by_one.exported(known, "anon:1"), by_one.exported(again, "anon:1"), other


@given(histories=st.tuples(*[actions(5)] * 3), half_lives_ms=st.tuples(*[half_lives] * 3), idle_ms=ages)
def test_merging_forgets_order_grouping_and_repetition_to_the_bit(histories, half_lives_ms, idle_ms):
    scoring, now_ms = Scoring(models()), ended(*histories) + idle_ms
    parts = [scoring.adapted(part, now_ms) for part in exports(list(histories), list(half_lives_ms), now_ms)]
    results = []
    for one, two, three in permutations(parts):
        results.append(scoring.merged(scoring.merged(one, two), three))
        results.append(scoring.merged(one, scoring.merged(two, three)))
        results.append(scoring.merged(scoring.merged(two, two), scoring.merged(scoring.merged(one, three), one)))
    assert all(result == results[0] for result in results)


@given(own=actions(5), one=actions(5), two=actions(5))
def test_ids_merge_into_a_profile_in_any_order(own, one, two):
    scoring = Scoring(models())
    mine = run(scoring, own)[0]
    first, second = (scoring.exported(run(scoring, h)[0], f"anon:{n}") for n, h in enumerate((one, two)))
    both = scoring.merged(scoring.merged(mine, first), second)
    assert both == scoring.merged(scoring.merged(mine, second), scoring.merged(second, first))
    assert close(lead(both), lead(run(scoring, [*own, *one, *two])[0]))


@given(own=actions(5), other=actions(5))
def test_detaching_undoes_a_merge(own, other):
    scoring = Scoring(models())
    mine, theirs = run(scoring, own)[0], run(scoring, other)[0]
    left, part = scoring.detached(scoring.merged(mine, scoring.exported(theirs, "anon:1")), "anon:1")
    assert close(lead(left), lead(mine))
    assert close(lead(part), lead(theirs))


@given(history=actions(), epochs=st.lists(st.integers(0, 3), max_size=4))
def test_landmarks_move_in_one_step_or_several_alike(history, epochs):
    score = lead(run(Scoring(models(HOUR_MS)), history)[0])
    stepwise = score
    for step in epochs:
        stepwise = at_epoch(stepwise, stepwise.epoch + step)
    whole = at_epoch(score, score.epoch + sum(epochs))
    assert stepwise.parts == whole.parts


@given(history=actions(), before=half_lives, after=half_lives, about=facts, idle_ms=ages)
def test_adapting_keeps_the_points_of_the_moment_and_is_done_once(history, before, after, about, idle_ms):
    old, new, now_ms = Scoring(models(before)), Scoring(models(after)), ended(history) + idle_ms
    scores, _ = old.on_traits(run(old, history)[0], about, START_MS)
    adapted = new.migrated(scores, about, now_ms)
    scale = sum(abs(share.points) for share in shares_at(lead(scores), now_ms))
    expected = points_at(lead(scores), now_ms)
    assert points_at(lead(adapted), now_ms) == pytest.approx(expected, abs=1e-9 * scale + 1e-12)
    assert new.migrated(adapted, about, now_ms + idle_ms) is adapted


@given(own=actions(6), other=actions(6), half_lives_ms=st.tuples(*[half_lives] * 3), idle_ms=ages)
def test_points_of_the_moment_stay_for_what_travels_while_the_half_life_changes(own, other, half_lives_ms, idle_ms):
    mine, theirs, new = (Scoring(models(half_life_ms)) for half_life_ms in half_lives_ms)
    now_ms = ended(own, other) + idle_ms
    held, parcel = run(mine, own)[0], theirs.exported(run(theirs, other)[0], "anon:1")
    both = new.merged(new.adapted(held, now_ms), new.adapted(parcel, now_ms))
    shares = [*shares_at(lead(held), now_ms), *shares_at(lead(parcel), now_ms)]
    scale = sum(abs(share.points) for share in shares)
    assert points_at(lead(both), now_ms) == pytest.approx(
        points_at(lead(held), now_ms) + points_at(lead(parcel), now_ms), abs=1e-9 * scale + 1e-12
    )


def announced(history: list[Event]) -> list[tuple[str, str, str]]:
    """What the default score announces, from the list of events alone (seed 002: warm 25, hot 40, MQL 50 until 40)."""
    worth, fired, tier, is_mql = [], [], "cold", False
    ranks = ["cold", "warm", "hot"]
    for event in history:
        before, at_ms = list(worth), max([event.at_ms, *(at for at, _ in worth)])
        worth.append((event.at_ms, DEFAULT_POINTS[event.name]))
        if event.received_ms - event.at_ms > DAY_MS:
            continue
        known, now = (
            sum(p * 0.5 ** ((at_ms - at) / (30 * DAY_MS)) for at, p in all_of) + 1e-9 for all_of in (before, worth)
        )
        reached = [ranks[(known >= 25) + (known >= 40)], ranks[(now >= 25) + (now >= 40)]]
        kept = min(tier, reached[0], key=ranks.index)
        was_mql = is_mql and known >= 40
        tier, is_mql = max(kept, reached[1], key=ranks.index), was_mql or now >= 50
        occurrence = f"{event.id}:{event.received_ms}"
        fired += [("lead_tier", f"{occurrence}:{tier}", kept)] * (tier != kept)
        fired += [("lead_mql", occurrence, kept)] * (is_mql and not was_mql)
    return fired


@given(history=actions(names=tuple(DEFAULT_POINTS)))
def test_the_default_score_announces_what_the_list_of_events_says(history):
    _, firings = run(Scoring(default_scores()), history)
    assert [(f.rule, f.occurrence, f.data["previous_tier"]) for f in firings] == announced(history)


OTHER = replace(
    MIXED, rules=(ScoreRule("a", "a", 4), ScoreRule("c", "c", 30), ScoreRule("d", "d", 9)), half_life_ms=7 * DAY_MS
)


@given(
    before=actions(6),
    merged=actions(4),
    after=actions(4),
    rules=st.sampled_from([MIXED, OTHER]),
    about=facts,
    idle_ms=ages,
)
def test_a_recompute_equals_a_run_of_its_rules_over_everything(before, merged, after, rules, about, idle_ms):
    old, new, now_ms = Scoring((MIXED,)), Scoring((rules,)), ended(before, merged) + idle_ms

    def upto_mark(by: Scoring):
        scores = run(by, before, about=about)[0]
        return by.merged(scores, by.exported(run(by, merged, about=about)[0], "anon:1"))

    live = new.marked(new.migrated(upto_mark(old), about, now_ms), "lead", "user:1", 1)
    live = run(new, after, live, about)[0]
    renewed = new.replaced(live, upto_mark(new), "user:1", "user:1", 1)
    expected = new.migrated(run(new, after, upto_mark(new), about)[0], about, now_ms)
    assert close(lead(renewed), lead(expected))
    assert lead(renewed).parts.keys() == lead(expected).parts.keys()
    if rules is MIXED:
        plain = old.migrated(run(old, after, upto_mark(old), about)[0], about, now_ms)
        assert close(lead(renewed), lead(plain))
        assert {s.rule: s.count for s in shares_at(lead(renewed), 0)} == {
            s.rule: s.count for s in shares_at(lead(plain), 0)
        }


@given(history=actions(), points=st.tuples(*[st.floats(-100, 100)] * 4), about=facts)
def test_what_if_equals_a_run_of_the_new_points(history, points, about):
    rules = tuple(replace(rule, points=worth) for rule, worth in zip(MIXED.rules, points, strict=True))
    new = replace(MIXED, rules=rules)
    at_ms = START_MS + 40_000 * DAY_MS
    scores = Scoring((MIXED,)).migrated(run(Scoring((MIXED,)), history)[0], about, START_MS)
    expected = lead(Scoring((new,)).migrated(run(Scoring((new,)), history)[0], about, START_MS))
    _, then = WhatIf(MIXED, new).standings(scores.get("lead"), about.traits, max(expected.at_ms, START_MS))
    scale = sum(abs(share.points) for share in shares_at(expected, at_ms)) + 1e3
    assert then.points == pytest.approx(points_at(expected, START_MS), abs=1e-9 * scale)
