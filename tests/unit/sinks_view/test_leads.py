"""From state to row, and the law that lets a view index scores that decay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.view.leads import rank_of, row_of, searchable
from streams.model.events import ProfileKeys
from streams.model.profiles import CartItem, CartState, FactsState, ProfileState, ScoreState, Tier, decayed
from streams.state.codec import decode_profile

T0 = 1_700_000_000_000
half_lives = st.sampled_from([60_000, 86_400_000, 30 * 86_400_000])
scores = st.tuples(st.floats(0.001, 10_000), st.integers(T0 - 10**10, T0))


def state(**parts: object) -> ProfileState:
    return ProfileState("w", "user:7", **parts)


@given(half_lives, scores, scores, st.integers(0, 10**10))
def test_the_higher_rank_has_the_higher_score_at_any_later_time(half_life, one, other, passed):
    higher, lower = sorted((one, other), key=lambda s: rank_of(*s, half_life), reverse=True)
    now = T0 + passed
    later = [decayed(points, now - at, half_life) for points, at in (higher, lower)]
    assert later[0] >= later[1] * (1 - 1e-6)


@given(half_lives, st.floats(0, 10_000), st.integers(T0 - 10**10, T0))
def test_no_score_ranks_below_every_score(half_life, points, at):
    assert rank_of(0.0, T0, half_life) <= rank_of(points, at, half_life)


def test_a_row_carries_the_profile_and_its_encoded_state():
    keys = ProfileKeys("7", "a7", "ada@example.com", "+49")
    profile = state(
        facts=FactsState(keys, {"name": "Ada"}, 10, 20, 3), score=ScoreState(61.5, T0, Tier.HOT, is_mql=True)
    )
    row = row_of(profile, 5)
    assert row[:9] == ("w", "user:7", "7", "a7", "ada@example.com", "Ada", 61.5, T0, 5)
    assert (row.events, row.first_seen_ms, row.last_seen_ms, row.is_mql) == (3, 10, 20, True)
    assert decode_profile(row.state) == profile


@pytest.mark.parametrize(
    ("traits", "name"),
    [
        ({"name": " Ada Lovelace ", "first_name": "X"}, "Ada Lovelace"),
        ({"first_name": "Ada", "last_name": "Lovelace"}, "Ada Lovelace"),
        ({"last_name": "Lovelace"}, "Lovelace"),
        ({"name": 7, "first_name": None}, None),
        ({"name": "x" * 999}, "x" * 200),
        ({}, None),
    ],
)
def test_the_name_is_made_from_what_the_profile_told(traits, name):
    assert row_of(state(facts=FactsState(traits=traits)), 5).name == name


@pytest.mark.parametrize(("due_ms", "is_open"), [(T0, True), (0, False)])
def test_a_cart_is_open_while_its_window_runs(due_ms, is_open):
    items = (CartItem("p1", "Kettle", 2, 24.5),)
    row = row_of(state(cart=CartState(items, "EUR", "", T0, T0, due_ms)), 5)
    assert (row.cart_open, row.cart_value, row.cart_currency, row.cart_due_ms) == (is_open, 49.0, "EUR", due_ms)


def test_keys_and_name_can_be_searched_regardless_of_case():
    keys = ProfileKeys("U7", None, "ada@example.com")
    row = row_of(state(facts=FactsState(keys, {"name": "Ada STRASSE"})), 5)
    assert searchable(row) == "ada@example.com\nada strasse\nu7\nuser:7"
