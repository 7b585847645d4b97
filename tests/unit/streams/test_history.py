"""History: what is kept of an event, how much at most, and what two profiles' histories are together."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.events import ProfileKeys
from streams.model.facts import MAX_RECENT, Activity, FactsState, Interaction, newest
from streams.operators.history import SESSION_GAP_MS, History, activity_of, without_key
from streams.operators.history_parts import MAX_TRAIT_BYTES, MAX_TRAITS, MAX_TRAITS_BYTES
from tests.unit.streams.builders import NOW_MS, event

HISTORY = History()


def after(*events, state=None) -> FactsState:
    state = state or FactsState()
    for one in events:
        state, _ = HISTORY.on_event(state, one, NOW_MS)
    return state


def told(*traits: dict) -> dict:
    state = after(*(event("identified", NOW_MS + number, traits=one) for number, one in enumerate(traits)))
    return {name: trait.value for name, trait in state.traits.items()}


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


def test_traits_are_bounded_in_number():
    assert len(told(*({f"t{number}": number} for number in range(300)))) == MAX_TRAITS


def test_a_late_event_does_not_replace_what_was_told_after_it():
    state = after(event("identified", traits={"x": "new"}), event("identified", NOW_MS - 1, traits={"x": "old"}))
    assert state.traits["x"].value == "new"


def test_a_trait_says_when_and_through_which_source_it_was_told():
    trait = after(event("identified", traits={"x": 1})).traits["x"]
    assert (trait.at_ms, trait.source) == (NOW_MS, "web")


def test_recent_history_is_in_order_of_time_and_bounded():
    times = [NOW_MS + (7 * number) % 41 for number in range(41)]
    recent = after(*(event("did", at) for at in times)).recent
    assert [line.at_ms for line in recent] == [NOW_MS + number for number in range(41 - MAX_RECENT, 41)]


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from("abc"), st.none() | st.integers(0, 2)), max_size=60))
def test_recent_history_is_that_of_the_newest_lines_in_whatever_order_they_came(did):
    recent = after(*(event(name, at_ms, value=value) for at_ms, name, value in did)).recent
    lines = [Interaction(name, at_ms, "web", value, "") for at_ms, name, value in did]
    assert recent == newest(lines, MAX_RECENT)


@pytest.mark.parametrize(
    ("properties", "detail"),
    [
        ({}, ""),
        ({"path": "/x", "title": "T"}, "T"),
        ({"title": "", "name": "n" * 200}, "n" * 120),
        ({"order_id": 7}, "7"),
    ],
)
def test_a_line_says_what_it_was_about(properties, detail):
    assert after(event("did", properties=properties)).recent[0].detail == detail


@pytest.mark.parametrize(
    ("gaps", "sessions"), [((), 1), ((SESSION_GAP_MS,), 1), ((SESSION_GAP_MS + 1,), 2), ((-2 * SESSION_GAP_MS,), 1)]
)
def test_a_session_begins_after_half_an_hour_without_events(gaps, sessions):
    assert after(event("did"), *(event("did", NOW_MS + gap) for gap in gaps)).sessions == sessions


def test_an_address_told_later_replaces_the_one_before_and_a_late_word_does_not():
    keys = [ProfileKeys("u", email=email) for email in ("old@x.y", "new@x.y", "older@x.y")]
    times = (NOW_MS, NOW_MS + 2, NOW_MS + 1)
    state = after(*(event("did", at, keys=one) for at, one in zip(times, keys, strict=True)))
    assert state.keys == ProfileKeys("u", email="new@x.y")


def test_known_keys_stay_the_same_object():
    first = after(event("did", keys=ProfileKeys("u", "a", "e@x.y")))
    assert after(event("did", NOW_MS + 1, keys=ProfileKeys("u")), state=first).keys is first.keys


def test_counts_travel_under_the_id_that_had_them_and_come_back():
    browser = after(event("did"), event("did", NOW_MS + 5))
    user = after(event("did", NOW_MS + 9))
    both = HISTORY.merged(user, HISTORY.exported(browser, "anon:a"))
    rest, part = HISTORY.detached(both, "anon:a")
    assert both.moved == {"anon:a": Activity(2, 1, NOW_MS, NOW_MS + 5)}
    assert activity_of(both) == Activity(3, 2, NOW_MS, NOW_MS + 9)
    assert (activity_of(rest).events, activity_of(part).events) == (1, 2)


def test_of_two_addresses_that_meet_the_one_learnt_later_stays():
    old = HISTORY.exported(after(event("did", keys=ProfileKeys(None, "a", "old@x.y"))), "anon:a")
    new = after(event("did", NOW_MS + 1, keys=ProfileKeys("u", None, "new@x.y")))
    assert HISTORY.merged(new, old).keys == ProfileKeys("u", "a", "new@x.y")


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("anon", "a", ProfileKeys("u", None, "e@x.y", custom=(("crm", "7"),))),
        ("custom:crm", "7", ProfileKeys("u", "a", "e@x.y")),
        ("email", "other@x.y", ProfileKeys("u", "a", "e@x.y", custom=(("crm", "7"),))),
    ],
)
def test_a_key_that_is_not_the_profiles_can_be_taken_out(kind, value, left):
    state = after(event("did", keys=ProfileKeys("u", "a", "e@x.y", custom=(("crm", "7"),))))
    assert without_key(state, kind, value).keys == left
