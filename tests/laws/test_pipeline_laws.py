"""Laws of the whole pipeline over a profile: purity, determinism, bounded state. Operators have their own beside."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.abandonment_defaults import default_abandonment, example_products, example_rules
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.defaults import DEFAULT_PAGES, default_scores
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import FitRule, ScoreModel, ScoreRule
from streams.model.scores import ScoreState, points_at, shares_at
from streams.operators.history import History
from streams.operators.history_parts import MAX_TRAITS_BYTES
from streams.operators.identity.parcels import SCORES, Recomputed
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


OLD = RuleSet(scores=(ScoreModel(rules=(ScoreRule("asked", "asked", 30),)),))
NEW = RuleSet(scores=(ScoreModel(rules=(ScoreRule("asked", "asked", 10), ScoreRule("saw", "seen", 3))),))
MARK = 7
USER, BROWSER = "user:0", "anon:b"
acts = st.tuples(st.sampled_from([USER, BROWSER]), st.sampled_from(["asked", "seen", "other"]))


class Pair:
    """A user and a browser; what they tell each other arrives at once."""

    def __init__(self, rules: RuleSet) -> None:
        self.pipeline = Pipeline(rules)
        self.nodes = {name: ProfileState("default", name) for name in (USER, BROWSER)}
        self.at_ms = START_MS

    def act(self, profile: str, name: str) -> None:
        self.at_ms += 1
        told = Event(f"e{self.at_ms}", "default", "web", profile, name, self.at_ms, self.at_ms, ProfileKeys())
        held = self.nodes[profile].identity.moved_to or profile
        self.nodes[held], _, moves = self.pipeline.on_event(self.nodes[held], told, self.at_ms)
        self.deliver(*moves)

    def deliver(self, *moves: Move) -> None:
        for move in moves:
            self.nodes[move.target], _, more = self.pipeline.on_move(self.nodes[move.target], move, self.at_ms)
            self.deliver(*more)

    def join(self) -> None:
        self.deliver(Move(MoveKind.CLAIM, "default", BROWSER, USER, self.at_ms))

    def rescore(self, profile: str, scores: dict[str, ScoreState]) -> None:
        body = SCORES.packed(Recomputed(MARK, profile, scores))
        self.deliver(Move(MoveKind.RESCORE, "default", profile, profile, self.at_ms, body))

    def earned(self) -> dict[tuple[str, str], tuple[int, float]]:
        scored = ((name, state.scores["lead"]) for name, state in self.nodes.items() if "lead" in state.scores)
        shares = ((name, share) for name, score in scored for share in shares_at(score, self.at_ms))
        return {(name, share.rule): (share.count, round(share.points, 6)) for name, share in shares}


@given(before=st.lists(acts, max_size=5), after=st.lists(acts, max_size=6), data=st.data())
def test_a_recompute_gives_what_its_rules_would_have_given_whoever_joins_meanwhile(before, after, data):
    live, reference = Pair(OLD), Pair(NEW)
    for act in before:
        live.act(*act)
        reference.act(*act)
    live.pipeline = Pipeline(NEW, {"lead": MARK})
    found = {name: state.scores for name, state in reference.nodes.items()}
    for step in data.draw(st.permutations([*after, "join", *found])):
        if step == "join":
            live.join()
            reference.join()
        elif isinstance(step, str):
            live.rescore(step, found[step])
        else:
            live.act(*step)
            reference.act(*step)
    assert live.earned() == reference.earned()


@given(history=st.lists(st.sampled_from(["seen", "other"]), max_size=5))
def test_whoever_earns_nothing_carries_nothing_of_a_recompute(history):
    pair = Pair(OLD)
    pair.pipeline = Pipeline(OLD, {"lead": MARK})
    for name in history:
        pair.act(USER, name)
    pair.rescore(USER, {})
    assert pair.nodes[USER].scores == {}


def test_traits_are_bounded():
    state = FactsState()
    for number in range(300):
        event = Event("i", "w", "s", "p", "identified", 1, 1, ProfileKeys(user_id="1"), traits={f"t{number}": number})
        state, _ = History().on_event(state, event, 1)
    assert len(state.traits) == 100
