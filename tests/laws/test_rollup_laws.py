"""Laws of rollups: flushes and restarts change nothing published; sketches merge; estimates keep their error."""

import math
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.frames import Frame
from streams.model.events import Event
from streams.model.rollups import MICROS, Rollup, Sketch, SketchKind
from streams.operators import rollups, sketch_book
from streams.operators.rollups import STATE_PREFIXES, Rollups
from streams.operators.sketches import UniqueSketch, UniqueUnion, value_quantiles
from tests.strategies import DAY_MS, frame_lists
from tests.unit.streams.sketches_kit import DECILES, SIGMA, unique_estimate, uniques, values

profiles = st.lists(st.integers(0, 3_000).map("user:{}".format), max_size=400)
amounts = st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60)


@pytest.fixture(autouse=True, scope="module")
def few_sketches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketch_book, "MAX_SKETCHES", 3)
        yield


class Engine:
    """Rollups over a state topic, flushed and restarted as told, and what was published last of each key."""

    def __init__(self) -> None:
        self.rollups = Rollups(0)
        self.clock_ms = 0
        self.state: dict[bytes, bytes] = {}
        self.totals: dict[tuple, Rollup] = {}
        self.sketches: dict[tuple, Sketch] = {}

    def apply(self, offset: int, frame: Frame) -> None:
        self.rollups.add_all(frame.events, offset, self.clock_ms)
        self.clock_ms = max(self.clock_ms, frame.clock_ms, *(e.received_ms for e in frame.events), 0)

    def flush(self, clock_ms: int = 0) -> None:
        changes = self.rollups.take_changes(max(clock_ms, self.clock_ms))
        for key, value in changes.records:
            assert key.startswith(STATE_PREFIXES)
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.totals |= {(r.series, r.bucket_ms, r.part): r for r in changes.rollups}
        self.sketches |= {(s.workspace, s.kind, s.dimension, s.name, s.hour_ms, s.part): s for s in changes.sketches}

    def restart(self) -> None:
        self.rollups = Rollups(0)
        self.rollups.restore(self.state)

    def end(self) -> tuple:
        """Return all that was published in the end, and what a later restart would find."""
        self.flush()
        self.flush(self.clock_ms + sketch_book.PUBLISH_MS)
        state = dict(self.state)
        self.flush(self.clock_ms + 9 * DAY_MS)
        assert self.state == {}
        return self.totals, self.sketches, state


def run(frames: list[Frame], flushes: set[int] = frozenset(), restarts: set[int] = frozenset()) -> Engine:
    engine = Engine()
    for offset, frame in enumerate(frames):
        engine.apply(offset, frame)
        if offset in flushes or offset in restarts:
            engine.flush()
        if offset in restarts:
            engine.restart()
    return engine


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists(), cuts=st.sets(st.integers(0, 11)))
def test_where_flushes_fall_changes_nothing_that_is_published(frames, cuts):
    assert run(frames, flushes=cuts).end() == run(frames).end()


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists(), restarts=st.sets(st.integers(0, 11)))
def test_a_restart_after_any_flush_changes_nothing(frames, restarts):
    assert run(frames, restarts=restarts).end() == run(frames, flushes=restarts).end()


def summed(totals: dict[tuple, Rollup]) -> dict[tuple, tuple[int, float]]:
    found: defaultdict[tuple, list[float]] = defaultdict(lambda: [0, 0])
    for (series, bucket_ms, _), rollup in totals.items():
        found[series, bucket_ms][0] += rollup.count
        found[series, bucket_ms][1] += round(rollup.value * MICROS)
    return {key: (count, micros / MICROS) for key, (count, micros) in found.items()}


@settings(max_examples=100, deadline=None)
@given(frames=frame_lists(), cuts=st.sets(st.integers(0, 11)))
def test_totals_and_visitors_are_those_of_a_plain_count(frames, cuts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "MAX_SERIES", 2_000)
        patch.setattr(rollups, "MAX_HOUR_SERIES", 10_000)
        patch.setattr(sketch_book, "MAX_SKETCHES", 200)
        totals, sketches, _ = run(frames, flushes=cuts).end()
    counts: defaultdict[tuple, list[float]] = defaultdict(lambda: [0, 0])
    visitors = defaultdict(set)
    for event in [e for f in frames for e in f.events]:
        at_ms = event.at_ms - event.at_ms % 10_000
        tags = (event.workspace, event.name, event.campaign, event.source, event.currency or "", at_ms)
        counts[tags][0] += 1
        counts[tags][1] += round((event.value or 0) * MICROS)
        visitors[event.name, event.at_ms // 3_600_000].add(event.profile)
    found = summed(totals)
    assert {
        (s.workspace, s.event, s.campaign, s.source, s.currency, at_ms): total for (s, at_ms), total in found.items()
    } == {tags: (count, micros / MICROS) for tags, (count, micros) in counts.items()}
    bodies = defaultdict(list)
    for sketch in sketches.values():
        if (sketch.kind, sketch.dimension) == (SketchKind.UNIQUES, "event"):
            bodies[sketch.name, sketch.hour_ms // 3_600_000].append(sketch.body)
    assert {key: round(unique_estimate(b)) for key, b in bodies.items()} == {k: len(v) for k, v in visitors.items()}


@given(numbers=amounts, data=st.data())
def test_sums_do_not_depend_on_the_order(numbers, data):
    def total(ordered: list[float]) -> float:
        made = Rollups(0)
        made.add_all([_order(number) for number in ordered], 0, 0)
        return made.take_changes(0).rollups[0].value

    assert total(numbers) == total(data.draw(st.permutations(numbers)))


def _order(value: float) -> Event:
    return Event("m", "default", "web", "user:1", "order_completed", 0, 0, None, value=value, currency="EUR")


@settings(deadline=None)
@given(parts=st.lists(profiles, min_size=1, max_size=6))
def test_visitors_of_all_parts_are_those_of_one_sketch_of_all(parts):
    bodies = [uniques(part).body() for part in parts]
    every = uniques([profile for part in parts for profile in part]).body()
    assert unique_estimate(bodies) == unique_estimate(reversed(bodies)) == unique_estimate([every])
    assert unique_estimate([UniqueUnion(bodies).body()]) == unique_estimate([every])


@settings(deadline=None)
@given(ids=profiles, cut=st.integers(0, 400))
def test_visitors_go_on_after_a_restart_to_the_same_bytes(ids, cut):
    again = UniqueSketch(uniques(ids[:cut]).image())
    again.absorb(ids[cut:])
    assert (again.image(), again.body()) == (uniques(ids).image(), uniques(ids).body())


@given(parts=st.lists(amounts, min_size=1, max_size=6))
def test_values_of_all_parts_are_those_of_one_sketch_of_all(parts):
    bodies = [values(part).body() for part in parts]
    every = values([number for part in parts for number in part]).body()
    assert value_quantiles(bodies, DECILES) == value_quantiles([every], DECILES)


@given(numbers=amounts, quantile=st.floats(0, 1))
def test_a_quantile_is_within_a_percent(numbers, quantile):
    _, [found] = value_quantiles([values(numbers).body()], [quantile])
    exact = sorted(numbers)[math.floor(quantile * (len(numbers) - 1))]
    assert found == pytest.approx(exact, rel=0.01 + 1e-9, abs=1e-9)


def test_estimates_of_random_visitors_lie_within_three_sigma():
    draw = random.Random(20)
    errors = []
    for _ in range(300):
        many = draw.randrange(300, 20_000)
        estimate = unique_estimate([uniques([f"{draw.getrandbits(64):x}" for _ in range(many)]).body()])
        errors.append(abs(estimate / many - 1) / SIGMA)
    assert sum(error > 3 for error in errors) <= 3  # 0.8 are to be expected of 300
    assert max(errors) < 4.5
