"""Laws of every operator and of the pipeline: purity, determinism, bounded state, score that forgets the order."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from streams.model.profiles import CartState, FactsState, ProfileState, ScoreState
from streams.operators.abandonment import AbandonmentRules, CartAbandonment
from streams.operators.facts import MAX_TRAITS_BYTES, Facts
from streams.operators.lead_score import LeadScore, ScoreRules
from streams.operators.pipeline import Pipeline, Rules
from streams.state.codec import decode_profile, encode_profile
from tests.strategies import START_MS, events

OPERATORS = [
    (Facts(), FactsState()),
    (LeadScore(ScoreRules()), ScoreState()),
    (CartAbandonment(AbandonmentRules()), CartState()),
]
operators = pytest.mark.parametrize(("operator", "initial"), OPERATORS, ids=lambda x: type(x).__name__)
event_lists = st.lists(events(START_MS), max_size=12)


def frozen(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def run(operator, state, history, step_ms=10_000):
    firings = []
    for number, event in enumerate(history):
        now_ms = START_MS + number * step_ms
        while 0 < operator.next_timer(state) <= now_ms:
            state, fired = operator.on_timer(state, operator.next_timer(state))
            firings += fired
        state, fired = operator.on_event(state, event, now_ms)
        firings += fired
    return state, firings


@operators
@given(history=event_lists)
def test_an_operator_gives_the_same_for_the_same(operator, initial, history):
    assert run(operator, initial, history) == run(operator, initial, history)


@operators
@given(history=event_lists, event=events(START_MS))
def test_an_operator_changes_nothing_it_was_given(operator, initial, history, event):
    state, _ = run(operator, initial, history)
    before = frozen((state, event))
    operator.on_event(state, event, START_MS)
    operator.on_timer(state, START_MS + 10**9)
    assert frozen((state, event)) == before


@operators
@given(history=event_lists, cut=st.integers(0, 12))
def test_a_state_written_and_read_back_goes_on_as_if_nothing_happened(operator, initial, history, cut):
    state, _ = run(operator, initial, history[:cut])
    restored = msgspec.msgpack.decode(frozen(state), type=type(state))
    assert run(operator, restored, history[cut:]) == run(operator, state, history[cut:])


@operators
@given(history=event_lists)
def test_a_timer_that_was_served_is_gone(operator, initial, history):
    state, _ = run(operator, initial, history)
    due_ms = operator.next_timer(state)
    if due_ms:
        after, _ = operator.on_timer(state, due_ms)
        assert not 0 < operator.next_timer(after) <= due_ms


@given(history=event_lists, data=st.data())
def test_the_score_does_not_depend_on_the_order_of_arrival(history, data):
    score = LeadScore(ScoreRules())
    shuffled = data.draw(st.permutations(history))
    one, _ = run(score, ScoreState(), history)
    two, _ = run(score, ScoreState(), shuffled)
    assert one.points == pytest.approx(two.points, rel=1e-9, abs=1e-9)


@given(history=event_lists)
def test_contributions_sum_to_the_score(history):
    state, _ = run(LeadScore(ScoreRules()), ScoreState(), history)
    assert sum(c.points for c in state.contributions) == pytest.approx(state.points, rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(history=st.lists(events(START_MS), min_size=5, max_size=12), profile=st.just("user:0"))
def test_a_profiles_state_stays_bounded(history, profile):
    """Within the traits' own limit and room for the few products that are drawn and 20 lines of history."""
    pipeline, state = Pipeline(Rules()), ProfileState("default", profile)
    for number in range(40 * len(history)):
        event = history[number % len(history)]
        state, _ = pipeline.on_event(state, event, START_MS + number * 1000)
        assert len(encode_profile(state)) < MAX_TRAITS_BYTES + 10_000


@given(history=event_lists)
def test_a_profile_survives_its_codec(history):
    pipeline, state = Pipeline(Rules()), ProfileState("default", "user:1")
    for number, event in enumerate(history):
        state, _ = pipeline.on_event(state, event, START_MS + number)
    assert decode_profile(encode_profile(state)) == state


def test_traits_are_bounded():
    state = FactsState()
    for number in range(300):
        event = Event("i", "w", "s", "p", "identified", 1, 1, ProfileKeys(user_id="1"), traits={f"t{number}": number})
        state, _ = Facts().on_event(state, event, 1)
    assert len(state.traits) == 100
