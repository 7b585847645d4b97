"""What a lead's and a company's answers say beyond the list: ids, scores, fit, windows, members."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import lead_shapes
from streams.model.facts import Activity
from streams.model.identity import IdentityState
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel, TierRule
from streams.model.scores import ScoreState, points_at
from streams.model.windows import Window, WindowsState, window_key
from streams.state.codec import encode_profile
from tests.unit.api.fakes_api import (
    DAY_MS,
    NOW,
    Installation,
    make_account,
    make_cart,
    make_lead,
    make_score,
    make_state,
)

CHURN = ScoreModel("churn", "Churn risk", half_life_ms=DAY_MS, tiers=(TierRule("at_risk", 10),), mql_at=None)
RULES = RuleSet(scores=(ScoreModel(tiers=(TierRule("curious", 10), TierRule("keen", 60)), mql_at=70), CHURN))
points = st.floats(-100, 100).map(lambda n: round(n, 3))


async def get(here: Installation, path: str) -> dict:
    answer = await here.with_token().get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_fit(score: ScoreState, **fit: float) -> ScoreState:
    return msgspec.structs.replace(score, fit=fit)


def show(here: Installation, state: ProfileState, **changes: object) -> None:
    here.view.rows = [make_lead(state=encode_profile(state), **changes)]


def use_rules(here: Installation, rules: RuleSet = RULES) -> None:
    here.app.state.deps = replace(here.deps, rules=lambda _workspace: rules)


async def test_a_lead_tells_all_its_ids_sessions_and_whether_its_id_is_shared(here: Installation):
    state = make_state(identity=IdentityState(ids=("anon:a-1", "email:anna@example.com"), is_shared=True))
    moved = {"anon:a-1": Activity(4, 3, NOW - DAY_MS, NOW)}
    show(here, msgspec.structs.replace(state, facts=msgspec.structs.replace(state.facts, moved=moved)))
    answer = await get(here, "/api/leads/anna")
    assert answer["ids"] == ["user:anna", "anon:a-1", "email:anna@example.com"]
    assert (answer["sessions"], answer["is_shared"]) == (5, True)


async def test_a_lead_tells_its_companies_by_name(here: Installation):
    here.view.companies = [make_account()]
    show(here, make_state(identity=IdentityState(groups=("group:acme", "group:new"))))
    answer = await get(here, "/api/leads/anna")
    assert answer["groups"] == [{"id": "group:acme", "name": "Acme"}, {"id": "group:new", "name": ""}]


async def test_traits_are_plain_and_their_sources_stand_beside_them(here: Installation):
    answer = await get(here, "/api/leads/anna")
    assert answer["traits"] == {"name": "Anna"}
    assert answer["trait_sources"] == {"name": {"at_ms": NOW - 9, "source": "web"}}


async def test_windows_of_all_kinds_are_shown_the_next_due_first(here: Installation):
    form = Window("form_abandoned", "form", "f1", opened_ms=NOW - 9, updated_ms=NOW - 9, due_ms=NOW + 5, step=1)
    done = Window("browse", "browse", "", updated_ms=NOW, step=1)
    windows = {window_key(w.rule, w.subject): w for w in (done, *make_cart().windows.values(), form)}
    show(here, make_state(windows=WindowsState(windows, NOW + 5)))
    found = (await get(here, "/api/leads/anna"))["windows"]
    assert [(w["rule"], w["open"], w["due_ms"]) for w in found] == [
        ("form_abandoned", True, NOW + 5),
        ("cart_abandoned", True, NOW + 1000),
        ("browse", False, 0),
    ]
    assert (found[0]["kind"], found[0]["subject"], found[0]["step"]) == ("form", "f1", 1)
    assert (found[1]["value"], found[1]["currency"], len(found[1]["items"])) == (39.0, "USD", 1)


async def test_fit_is_marked_and_does_not_fade(here: Installation):
    here.clock.ms = NOW + 300 * DAY_MS
    show(here, make_state(scores={"lead": with_fit(make_score(demo_requested=50.0), big=30.0, far=-5.0)}), fit=25.0)
    answer = await get(here, "/api/leads/anna")
    fit = {c["rule"]: (c["points"], c["count"]) for c in answer["contributions"] if c["is_fit"]}
    assert fit == {"big": (30.0, 0), "far": (-5.0, 0)}
    assert answer["score"] == pytest.approx(25 + 50 / 2**10)


async def test_the_list_adds_fit_to_what_fades(here: Installation):
    here.view.rows = [make_lead(score=20.0, fit=15.0), make_lead("user:bo", score=30.0)]
    here.clock.ms = NOW + 30 * DAY_MS
    leads = (await get(here, "/api/leads"))["leads"]
    assert [(lead["id"], lead["score"], lead["tier"]) for lead in leads] == [
        ("user:anna", 25.0, "warm"),
        ("user:bo", 15.0, "cold"),
    ]


async def test_tiers_and_qualification_are_the_workspace_s(here: Installation):
    use_rules(here)
    here.view.rows = [make_lead(score=s) for s in (9.0, 10.0, 60.0, 70.0)]
    leads = (await get(here, "/api/leads"))["leads"]
    assert [lead["tier"] for lead in leads] == ["keen", "keen", "curious", "cold"]
    assert [lead["is_mql"] for lead in leads] == [True, True, False, False]  # 60: announced when 50 were enough


async def test_nobody_qualifies_by_a_score_without_qualification(here: Installation):
    use_rules(here, RuleSet(scores=(ScoreModel(mql_at=None),)))
    assert not (await get(here, "/api/leads"))["leads"][0]["is_mql"]


async def test_a_workspace_without_scores_has_cold_leads(here: Installation):
    use_rules(here, RuleSet())
    here.view.rows = [make_lead(score=0.0)]
    show(here, make_state(scores={}), score=0.0)
    answer = await get(here, "/api/leads/anna")
    assert (answer["score"], answer["tier"], answer["contributions"]) == (0.0, "cold", [])


async def test_a_lead_shows_every_score_of_its_workspace(here: Installation):
    use_rules(here)
    churn = make_score(NOW, DAY_MS, cancelled=12.0)
    show(here, make_state(scores={"lead": make_score(demo_requested=50.0), "churn": churn}))
    here.clock.ms = NOW + DAY_MS
    lead, risk = (await get(here, "/api/leads/anna"))["scores"]
    assert (lead["id"], lead["tier"], lead["half_life_days"]) == ("lead", "curious", 30.0)
    assert (risk["name"], risk["score"], risk["tier"], risk["is_mql"]) == ("Churn risk", 6.0, "cold", False)
    assert [c["rule"] for c in risk["contributions"]] == ["cancelled"]


async def test_a_score_that_nobody_has_earned_yet_is_nought(here: Installation):
    use_rules(here)
    risk = (await get(here, "/api/leads/anna"))["scores"][1]
    assert (risk["score"], risk["tier"], risk["contributions"]) == (0.0, "cold", [])


@given(points, points, points, points, st.integers(0, 400))
def test_contributions_sum_to_the_score_with_fit_merged_ids_and_less_than_nothing(own, merged, other, fit, days):
    mine, theirs = make_score(a=own, b=other), make_score(a=merged)
    score = msgspec.structs.replace(
        mine, moved={"anon:x": theirs.parts}, total=mine.total + theirs.total, fit={"fit": fit}
    )
    row, state = make_lead(), make_state(scores={"lead": score})
    now = NOW + days * DAY_MS
    answer = lead_shapes.lead_detail(row, state, now, RULES, {})
    assert answer.score == pytest.approx(sum(c.points for c in answer.contributions), abs=1e-9)
    assert answer.score == pytest.approx(points_at(score, now), abs=1e-6)
    assert answer.score == answer.scores[0].score == lead_shapes.lead_score(row, state, now, RULES.scores[0]).score


async def test_companies_come_best_first_with_their_number(here: Installation):
    here.view.companies = [make_account("low", 20.0), make_account("acme", 65.0)]
    answer = await get(here, "/api/accounts?limit=1&offset=&search=")
    assert [account["id"] for account in answer["accounts"]] == ["group:acme"]
    assert (answer["total"], answer["as_of_ms"]) == (2, NOW)
    assert answer["accounts"][0] == {
        "id": "group:acme",
        "name": "Acme",
        "score": 65.0,
        "tier": "hot",
        "is_mql": True,
        "member_count": 2,
    }


@pytest.mark.parametrize("key", ["group:acme", "acme"])
async def test_a_company_s_score_is_the_sum_of_its_members(here: Installation, key: str):
    here.view.companies = [make_account()]
    here.clock.ms = NOW + 30 * DAY_MS
    answer = await get(here, f"/api/accounts/{key}")
    assert (answer["score"], answer["tier"]) == (35.0, "warm")
    assert answer["members"] == [
        {"id": "user:anna", "name": "Anna", "email": "anna@example.com", "points": 30.0},
        {"id": "user:gone", "name": None, "email": None, "points": 5.0},
    ]


async def test_members_left_out_still_count_in_the_score(here: Installation):
    here.view.companies = [make_account()]
    answer = await get(here, "/api/accounts/acme?members=1")
    assert (len(answer["members"]), answer["member_count"], answer["score"]) == (1, 2, 65.0)


async def test_a_company_that_is_not_there_is_a_json_404(here: Installation):
    answer = await here.with_token().get("/api/accounts/nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_companies_are_for_those_who_signed_in(here: Installation):
    assert (await here.client().get("/api/accounts")).status_code == 401


def test_a_score_of_another_half_life_than_the_rules_fades_by_its_own_in_list_and_detail():
    row, state = make_lead(half_life_ms=DAY_MS, score=64), make_state(scores={"lead": make_score(NOW, DAY_MS, a=64)})
    now = NOW + 5 * DAY_MS
    listed, shown = (
        lead_shapes.lead(row, now, RULES.scores[0]),
        lead_shapes.lead_detail(row, state, now, RULES, {}),
    )
    assert (listed.score, shown.score, shown.scores[0].half_life_days) == (2, 2, 1)
