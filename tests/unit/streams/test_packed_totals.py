"""Totals that are packed for want of events go on as if they had not been."""

from hypothesis import given
from hypothesis import strategies as st

from streams.model.events import Event, ProfileKeys
from streams.operators import rollups as module
from streams.operators.rollup_cells import CELLS_PREFIX
from streams.operators.rollups import Rollups

HOUR_MS = 1_800_000_000_000
MINUTE_MS = 60_000
ADDED = st.lists(
    st.tuples(st.integers(0, 59), st.integers(0, 300), st.sampled_from((None, 0.25, 1e14, 1e18))), max_size=40
)


def event(number: int, at_ms: int, received_ms: int, name: str, value: float | None) -> Event:
    keys = ProfileKeys(user_id="1")
    return Event(
        id=str(number),
        workspace="w",
        source="web",
        profile="user:1",
        keys=keys,
        name=name,
        at_ms=at_ms,
        received_ms=received_ms,
        value=value,
    )


def outcome(after_ms: int, added: list[tuple[int, int, float | None]]) -> list[object]:
    """Return what a run makes when totals are packed after `after_ms`."""
    held, module._PACKED_AFTER_MS = module._PACKED_AFTER_MS, after_ms
    try:
        rollups, changes = Rollups(0), []
        for number, (minute, name, value) in enumerate(added):
            clock_ms = HOUR_MS + number * MINUTE_MS
            at_ms = max(HOUR_MS, clock_ms - minute * MINUTE_MS)
            rollups.add(event(number, at_ms, clock_ms, f"n{name}", value), number, clock_ms)
            changes.append(rollups.take_changes(clock_ms))
        return changes
    finally:
        module._PACKED_AFTER_MS = held


@given(ADDED)
def test_packing_shows_nowhere(added):
    assert outcome(0, added) == outcome(1 << 60, added)


def test_a_packed_bucket_of_many_series_is_the_same_when_it_is_asked_for():
    rollups, clock_ms = Rollups(0), HOUR_MS
    names = [f"n{n}" for n in range(300)]
    rollups.add_all([event(n, clock_ms, clock_ms, name, 1.0) for n, name in enumerate(names)], 0, clock_ms)
    first = rollups.take_changes(clock_ms)
    clock_ms += 10 * MINUTE_MS
    rollups.take_changes(clock_ms)
    rollups.add_all([event(n, HOUR_MS, clock_ms, name, 1.0) for n, name in enumerate(names)], 1, clock_ms)
    again = rollups.take_changes(clock_ms)
    assert [total.series for total in again.rollups] == [total.series for total in first.rollups]
    assert {(total.count, total.value) for total in again.rollups} == {(2, 2.0)}


def test_the_records_of_a_packed_bucket_go_once_it_takes_no_more_events():
    rollups = Rollups(0)
    keys: list[tuple[bytes, bool]] = []
    for minutes, is_used in ((0, True), (10, False), (12, True), (30, False), (59, False), (70, False)):
        clock_ms = HOUR_MS + minutes * MINUTE_MS
        if is_used:
            rollups.add(event(minutes, HOUR_MS, clock_ms, "n", None), minutes, clock_ms)
        records = rollups.take_changes(clock_ms).records
        keys += [(key, value is None) for key, value in records if key.startswith(CELLS_PREFIX)]
    key = CELLS_PREFIX + b"%d:0" % HOUR_MS
    assert keys == [(key, False), (key, False), (key, True)]
