"""Facts: what is kept of a profile's traits, and how much at most."""

import msgspec
import pytest

from streams.model.profiles import FactsState
from streams.operators.facts import MAX_TRAIT_BYTES, MAX_TRAITS_BYTES, Facts
from tests.unit.streams.builders import NOW_MS, event


def told(*traits: dict) -> dict:
    state = FactsState()
    for number, one in enumerate(traits):
        state, _ = Facts().on_event(state, event("identified", traits=one, message_id=str(number)), NOW_MS)
    return state.traits


@pytest.mark.parametrize("text", ["a" * 60_000, "é" * 60_000, "🧑" * 300])
def test_long_text_is_cut_between_characters(text: str):
    kept = told({"bio": text})["bio"]
    assert text.startswith(kept)
    assert MAX_TRAIT_BYTES - 4 < len(kept.encode()) <= MAX_TRAIT_BYTES


@pytest.mark.parametrize("value", ["", "é" * 512, 7, None, True, ["a", {"b": 1}]])
def test_what_is_small_is_kept_as_it_is(value: object):
    assert told({"x": value}) == {"x": value}


@pytest.mark.parametrize("value", [["a"] * 500, {"a": "b" * 2_000}])
def test_another_value_that_is_large_is_dropped_and_the_known_one_stays(value: object):
    assert told({"x": 1, "y": 1}, {"x": value, "y": 2}) == {"x": 1, "y": 2}


def test_a_trait_with_a_name_like_a_novel_is_dropped():
    assert told({"n" * 9_000: 1, "x": 1}) == {"x": 1}


def test_the_traits_told_last_are_kept_together_below_their_limit():
    traits = told(*({f"t{number}": "x" * 5_000} for number in range(60)), {"t30": "again"}, {"new": 1})
    assert len(msgspec.json.encode(traits)) <= MAX_TRAITS_BYTES
    assert list(traits)[-3:] == ["t59", "t30", "new"]
    assert "t0" not in traits


def test_a_trait_told_again_is_new():
    many = [{f"t{number}": number} for number in range(99)]
    assert "email" in told({"email": "a@b.c"}, *many, {"email": "a@b.c"}, {"u": 1}, {"v": 1})
