"""From state to row: which nodes are persons, and what a person's or a company's row says."""

import pytest
from msgspec.structs import replace

from sinks.view.leads import account_row_of, aliases_of, bare, is_person, row_of, searchable
from streams.model.events import ProfileKeys
from streams.model.facts import Activity, FactsState, Trait
from streams.model.identity import AccountState, IdentityState, Member
from streams.model.products import ProductState
from streams.model.profile import ProfileState
from streams.model.rules.scoring import DAY_MS, ScoreModel
from streams.model.scores import ScoreState
from streams.model.windows import CartItem, Window, WindowsState, window_key
from streams.operators.accounts import score_of
from streams.state.codec import decode_profile
from tests.unit.sinks_view.fakes_view import scored

T0 = 1_700_000_000_000
MODEL = ScoreModel(half_life_ms=5_000)


def state(**parts: object) -> ProfileState:
    return ProfileState("w", "user:7", **parts)


def traits(**told: object) -> dict[str, Trait]:
    return {name: Trait(value, T0, "web") for name, value in told.items()}


def test_a_row_carries_the_profile_and_its_encoded_state():
    keys = ProfileKeys("7", "a7", "ada@example.com", "+49")
    profile = state(
        facts=FactsState(keys, traits(name="Ada"), 10, 20, 3, moved={"anon:a7": Activity(2, 1, 10, 11)}),
        scores={"lead": scored(61.5, T0, 5_000, tier="hot", is_mql=True)},
    )
    row = row_of(profile, MODEL)
    assert row[:6] == ("w", "user:7", "7", "a7", "ada@example.com", "Ada")
    assert row[6:9] == (pytest.approx(61.5), T0, 5_000)
    assert (row.events, row.first_seen_ms, row.last_seen_ms, row.is_mql) == (5, 10, 20, True)
    assert decode_profile(row.state) == profile


def test_points_that_do_not_decay_stand_beside_those_that_do():
    score = replace(scored(10, T0, 5_000), fit={"big": 20.0, "far": -5.0})
    row = row_of(state(scores={"lead": score}), MODEL)
    assert (row.score, row.fit) == (pytest.approx(10), 15.0)


def test_a_score_fades_by_its_own_half_life_until_the_engine_has_changed_it():
    row = row_of(state(scores={"lead": scored(10, T0, 30 * DAY_MS)}), MODEL)
    assert (row.score, row.score_at_ms, row.half_life_ms) == (pytest.approx(10), T0, 30 * DAY_MS)
    assert row_of(state(), MODEL).half_life_ms == 5_000


def test_the_listed_score_is_the_one_that_the_model_names():
    profile = state(scores={"lead": scored(10, T0, 5_000), "churn": scored(3, T0, 5_000)})
    assert row_of(profile, ScoreModel("churn", half_life_ms=5_000)).score == pytest.approx(3)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"name": " Ada Lovelace ", "first_name": "X"}, "Ada Lovelace"),
        ({"first_name": "Ada", "last_name": "Lovelace"}, "Ada Lovelace"),
        ({"last_name": "Lovelace"}, "Lovelace"),
        ({"name": 7, "first_name": None}, None),
        ({"name": "x" * 999}, "x" * 200),
        ({}, None),
    ],
)
def test_the_name_is_made_from_what_the_profile_told(told, name):
    assert row_of(state(facts=FactsState(traits=traits(**told))), MODEL).name == name


@pytest.mark.parametrize(("due_ms", "is_open"), [(T0, True), (0, False)])
def test_a_cart_is_open_while_its_window_runs(due_ms, is_open):
    items = (CartItem("p1", "Kettle", 2, 24.5),)
    cart = Window("cart_abandoned", "cart", "", items, "EUR", "", T0, T0, due_ms)
    row = row_of(state(windows=WindowsState({window_key("cart_abandoned", ""): cart}, due_ms)), MODEL)
    assert (row.cart_open, row.cart_value, row.cart_currency, row.cart_due_ms) == (is_open, 49.0, "EUR", due_ms)


def test_ids_and_name_can_be_searched_regardless_of_case():
    keys = ProfileKeys(None, None, "ada@example.com")
    profile = state(facts=FactsState(keys, traits(name="Ada STRASSE")), identity=IdentityState(ids=("device:D1",)))
    assert searchable(row_of(profile, MODEL)) == "ada@example.com\nada strasse\n7\nuser:7\ndevice:d1"


@pytest.mark.parametrize(
    ("node", "is_one"),
    [
        (state(facts=FactsState(last_seen_ms=T0)), True),
        (state(scores={"lead": ScoreState()}), True),
        (state(identity=IdentityState(claimed_by=("anon:a",))), False),
        (state(identity=IdentityState(moved_to="user:1")), False),
        (ProfileState("w", "group:acme", account=AccountState()), False),
        (ProfileState("w", "product:p1", product=ProductState(updated_ms=T0)), False),
    ],
)
def test_a_person_is_a_node_that_holds_what_somebody_did(node, is_one):
    assert is_person(node) is is_one


@pytest.mark.parametrize(
    ("profile", "name"),
    [("user:a:b", "a:b"), ("custom:crm:7", "7"), ("email:a@b.c", "a@b.c"), ("odd", "odd"), ("odd:7", "odd:7")],
)
def test_a_bare_id_is_the_id_without_its_kind(profile, name):
    assert bare(profile) == name


def test_a_profile_whose_own_id_is_no_field_of_its_row_is_an_alias_of_itself():
    device = ProfileState("w", "device:d1", identity=IdentityState(ids=("custom:crm:7",)))
    assert aliases_of(row_of(device, MODEL)) == ("device:d1", "custom:crm:7")
    assert aliases_of(row_of(state(), MODEL)) == ()


def test_a_row_shows_the_profile_s_own_id_and_not_that_of_one_merged_into_it():
    old = FactsState(ProfileKeys("old", "a1"), last_seen_ms=T0)
    assert row_of(state(facts=old, identity=IdentityState(ids=("user:old",))), MODEL)[2:4] == ("7", "a1")


def test_a_row_shows_the_own_id_of_a_profile_that_has_told_none():
    alone = ProfileState("w", "anon:an0", FactsState(last_seen_ms=T0), identity=IdentityState(detached=("user:7",)))
    assert row_of(alone, MODEL).anonymous_id == "an0"


def test_a_company_s_row_is_worth_what_its_members_are():
    members = {"user:1": Member(T0, 5_000, T0 // (256 * 5_000), 1.5, 7.0), "user:2": Member(T0 + 9, 0, 0, 0.0, 0.0)}
    account = ProfileState("w", "group:acme", account=AccountState("Acme", members, is_mql=True))
    row = account_row_of(account, MODEL)
    assert row[:4] == ("w", "group:acme", "Acme", 2)
    assert row.score + row.fit == pytest.approx(score_of(members.values(), T0 + 9))
    assert (row.score_at_ms, row.fit, row.is_mql) == (T0 + 9, 7.0, True)


def test_a_company_without_members_is_worth_nothing():
    row = account_row_of(ProfileState("w", "group:acme"), MODEL)
    assert (row.score, row.fit, row.members) == (0.0, 0.0, 0)


def test_contributions_of_merged_ids_count_in_the_score():
    score = scored(10, T0, 5_000)
    both = replace(score, total=2 * score.total, moved={"anon:a": score.parts})
    assert row_of(state(scores={"lead": both}), MODEL).score == pytest.approx(20)
