"""Laws of the whole pipeline over a profile: purity, determinism, bounded state. Operators have their own beside."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState
from streams.model.profile import ProfileState
from streams.model.rules.abandonment_defaults import default_abandonment, example_products, example_rules
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import DEFAULT_PAGES, default_scores
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import FitRule, ScoreModel, ScoreRule
from streams.model.scores import points_at
from streams.operators.history import History
from streams.operators.history_parts import MAX_TRAITS_BYTES
from streams.operators.pipeline import Pipeline
from streams.state.codec import decode_profile, encode_profile
from tests.strategies import START_MS, events

PIPELINE = Pipeline(
    RuleSet(
        scores=default_scores(),
        abandonment=(*default_abandonment(), *example_rules()),
        products=example_products(),
        pages=DEFAULT_PAGES,
    )
)
EMPTY = ProfileState("default", "user:0")
event_lists = st.lists(events(START_MS), max_size=12)


def frozen(value: object) -> bytes:
    return msgspec.msgpack.encode(value)


def run(state, history, step_ms=10_000):
    triggers, moves = [], []
    for number, event in enumerate(history):
        now_ms = START_MS + number * step_ms
        while 0 < state.windows.due_ms <= now_ms:
            state, fired, _ = PIPELINE.on_timer(state, state.windows.due_ms)
            triggers += fired
        state, fired, told = PIPELINE.on_event(state, event, now_ms)
        triggers += fired
        moves += told
    return state, triggers, moves


@given(history=event_lists)
def test_the_pipeline_gives_the_same_for_the_same(history):
    assert frozen(run(EMPTY, history)) == frozen(run(EMPTY, history))


@given(history=event_lists, event=events(START_MS))
def test_the_pipeline_changes_nothing_it_was_given(history, event):
    state, _, _ = run(EMPTY, history)
    before = frozen((state, event))
    PIPELINE.on_event(state, event, START_MS)
    PIPELINE.on_timer(state, START_MS + 10**9)
    assert frozen((state, event)) == before


@given(history=event_lists, cut=st.integers(0, 12))
def test_a_profile_written_and_read_back_goes_on_as_if_nothing_happened(history, cut):
    state, _, _ = run(EMPTY, history[:cut])
    restored = decode_profile(encode_profile(state))
    assert run(restored, history[cut:]) == run(state, history[cut:])


@given(history=event_lists)
def test_a_timer_that_was_served_is_gone(history):
    state, _, _ = run(EMPTY, history)
    due_ms = state.windows.due_ms
    if due_ms:
        after, _, _ = PIPELINE.on_timer(state, due_ms)
        assert not 0 < after.windows.due_ms <= due_ms


@settings(max_examples=20)
@given(history=st.lists(events(START_MS), min_size=5, max_size=12))
def test_a_profiles_state_stays_bounded(history):
    """Within the traits' own limit and room for the few products that are drawn, under each rule, and the history."""
    state = EMPTY
    for number in range(40 * len(history)):
        event = history[number % len(history)]
        state, _, _ = PIPELINE.on_event(state, event, START_MS + number * 1000)
        assert len(encode_profile(state)) < MAX_TRAITS_BYTES + 60_000


@given(history=event_lists)
def test_rules_that_did_not_change_migrate_nothing(history):
    state, _, _ = run(EMPTY, history)
    assert PIPELINE.migrated(state, START_MS) is state or not history


FITTING = Pipeline(
    RuleSet(
        scores=(
            ScoreModel(
                rules=(ScoreRule("asked", "asked", 30), ScoreRule("left", "left", -20)),
                fit=(
                    FitRule("boss", 20, (Condition("traits.title", Op.EQ, "boss"),)),
                    FitRule("student", -40, (Condition("traits.title", Op.EQ, "student"),)),
                ),
            ),
        ),
    )
)
told = st.tuples(st.sampled_from(["asked", "left", "seen"]), st.sampled_from([None, "boss", "student", "clerk"]))


@given(history=st.lists(told, max_size=8))
def test_what_an_event_announces_is_where_the_lead_stands_after_it(history):
    state = EMPTY
    for number, (name, title) in enumerate(history):
        traits, at_ms = {"title": title} if title else {}, START_MS + number
        event = Event(f"e{number}", "default", "web", "user:0", name, at_ms, at_ms, ProfileKeys(), traits=traits)
        state, fired, _ = FITTING.on_event(state, event, at_ms)
        assert len({trigger.rule for trigger in fired}) == len(fired)
        if fired:
            lead = state.scores["lead"]
            stands = (lead.tier, round(points_at(lead, at_ms), 2))
            assert {(trigger.data["tier"], trigger.data["score"]) for trigger in fired} == {stands}


def test_traits_are_bounded():
    state = FactsState()
    for number in range(300):
        event = Event("i", "w", "s", "p", "identified", 1, 1, ProfileKeys(user_id="1"), traits={f"t{number}": number})
        state, _ = History().on_event(state, event, 1)
    assert len(state.traits) == 100
