"""Lead score: seed 002's matrix, decay, tiers and the MQL."""

import pytest

from streams.model.profiles import ScoreState, Tier
from streams.operators.lead_score import DAY_MS, LeadScore, ScoreRules
from tests.unit.streams.builders import NOW_MS, event

SCORE = LeadScore(ScoreRules())


def after(*events, state: ScoreState | None = None) -> tuple[ScoreState, list[tuple[str, str]]]:
    state, fired = state or ScoreState(), []
    for one in events:
        state, firings = SCORE.on_event(state, one, one.received_ms)
        fired += [(f.rule, f.data["tier"]) for f in firings]
    return state, fired


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("demo_requested", 50), ("call_booked", 40), ("form_submitted", 20), ("pricing_viewed", 15),
        ("case_study_viewed", 12), ("whitepaper_downloaded", 10), ("email_clicked", 8), ("email_opened", 5),
        ("page_viewed", 0),
    ],
)  # fmt: skip
def test_an_action_is_worth_its_points(name, points):
    assert after(event(name))[0].points == points


@pytest.mark.parametrize(
    ("properties", "points"),
    [
        ({"path": "/pricing"}, 15),
        ({"path": "/pricing/teams"}, 15),
        ({"path": "/shop/pricing"}, 15),
        ({"url": "https://x.example/pricing?a=1"}, 15),
        ({"path": "/case-studies/acme"}, 12),
        ({"path": "/blog"}, 0),
        ({"url": "http://[broken"}, 0),
    ],
)
def test_a_page_view_counts_as_what_its_path_says(properties, points):
    assert after(event("page_viewed", properties=properties))[0].points == points


def test_points_halve_in_a_half_life():
    later = event("email_opened", NOW_MS + 30 * DAY_MS)
    assert after(event("demo_requested"), later)[0].points == pytest.approx(25 + 5)


def test_an_event_that_comes_late_adds_what_is_left_of_it():
    early = event("demo_requested", NOW_MS - 30 * DAY_MS, received_ms=NOW_MS)
    assert after(event("email_opened"), early)[0].points == pytest.approx(5 + 25)


def test_each_tier_is_announced_when_it_is_entered():
    steps = [event("email_opened", message_id=f"m{n}") for n in range(10)]
    assert after(*steps)[1] == [("lead_tier", "warm"), ("lead_tier", "hot"), ("lead_mql", "hot")]


def test_a_leap_announces_the_tier_reached_and_the_mql():
    assert after(event("demo_requested"))[1] == [("lead_tier", "hot"), ("lead_mql", "hot")]


def test_a_tier_lost_to_decay_is_announced_again_when_it_is_entered_again():
    state, _ = after(event("demo_requested"))
    _, fired = after(event("call_booked", NOW_MS + 60 * DAY_MS), state=state)
    assert fired == [("lead_tier", "hot"), ("lead_mql", "hot")]


def test_a_little_decay_does_not_announce_the_mql_again():
    state, _ = after(event("demo_requested"))
    _, fired = after(event("email_opened", NOW_MS + 2 * DAY_MS), state=state)
    assert fired == []


def test_history_scores_but_announces_nothing():
    old = event("demo_requested", NOW_MS - 3 * DAY_MS, received_ms=NOW_MS)
    state, fired = after(old)
    assert (state.points, fired, state.tier) == (50, [], Tier.COLD)


def test_contributions_say_how_often_and_how_much():
    state, _ = after(event("email_opened"), event("email_opened"), event("pricing_viewed"))
    assert [(c.rule, c.count, c.points) for c in state.contributions] == [
        ("email_opened", 2, 10),
        ("pricing_viewed", 1, 15),
    ]


def test_an_id_that_comes_again_after_it_was_forgotten_names_another_firing():
    state, before = SCORE.on_event(ScoreState(), event("demo_requested"), NOW_MS)
    again_ms = NOW_MS + 400 * DAY_MS
    late = SCORE.on_event(state, event("demo_requested", again_ms), again_ms).firings
    assert len({f.occurrence for f in (*before, *late)}) == 4
