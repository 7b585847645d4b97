"""Laws of settling: how much waits when profiles are settled shows nowhere, not even when rules fail on the way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.frames import Frame
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.scoring import ScoreRule
from streams.model.rules.standard import default_rules
from streams.operators import conditions, score_model, windows_rules
from streams.state import codec
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape, new_partition
from tests.strategies import frame_lists

NEWS = ("triggers", "dead_letters", "alerts")
EVENTS = ("page_viewed", "email_opened", "cart_viewed")


def fails_when(field: str, value: object) -> tuple[Condition, ...]:
    return (Condition(field, Op.EQ, value), Condition("properties.brittle", Op.EXISTS))


BASE = default_rules()
RULES = replace(
    BASE,
    scores=(
        replace(
            BASE.scores[0],
            rules=(
                *BASE.scores[0].rules,
                *(ScoreRule(f"brittle_{name}", name, 3, fails_when("source", "app")) for name in EVENTS),
            ),
        ),
    ),
    abandonment=tuple(
        replace(rule, opens=tuple(replace(one, when=fails_when("properties.price", 80)) for one in rule.opens))
        for rule in BASE.abandonment
    ),
)


@pytest.fixture(autouse=True)
def brittle(monkeypatch):
    """Let conditions on properties.brittle raise where those before them hold, as a fault of the engine would."""

    def compile_when(when, *others):
        if not any("brittle" in condition.field for condition in when):
            return conditions.compile_when(when, *others)
        holds = conditions.compile_when(when[:-1], *others)
        return lambda event, facts: 1 // (not holds(event, facts)) > 0

    for module in (score_model, windows_rules):
        monkeypatch.setattr(module, "compile_when", compile_when)


def outcome(frames: list[Frame], cuts: set[int]) -> tuple:
    partition = new_partition(0, MemoryCopy(), Shape(1, RULES))
    for offset, frame in enumerate(frames):
        partition.apply(offset, frame)
        if offset in cuts:
            partition.settle()
    partition.settle()
    told = [getattr(partition, name) for name in NEWS]
    moves = partition.outbox.take_frames(0)
    profiles = {key: codec.decode_profile(value or b"") for key, value in partition.profiles.take_dirty().items()}
    totals = {(r.series, r.bucket_ms, r.part): (r.count, r.value) for r in partition.totals.take_changes(0).rollups}
    return profiles, told, moves, partition.rules.quarantined("default"), totals


@settings(max_examples=200, deadline=None)
@given(frames=frame_lists(), cuts=st.sets(st.integers(0, 11)))
def test_when_profiles_are_settled_shows_nowhere(frames, cuts):
    assert outcome(frames, cuts) == outcome(frames, set())


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists())
def test_events_together_do_what_they_do_one_by_one(frames):
    single = [
        one
        for frame in frames
        for one in [Frame(frame.kind, frame.clock_ms, [event]) for event in frame.events] or [frame]
    ]
    together, alone = outcome(frames, set()), outcome(single, set(range(len(single))))
    # Late totals are named by the frames they came in.
    assert together[:-1] == alone[:-1]
