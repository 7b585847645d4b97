"""Seen ids: a day's border inside a frame, growth, merging and memory that stay bounded."""

import numpy as np
import pytest

from streams.operators.seen_filter import SeenFilter
from streams.operators.seen_ids import DAY_MS, SeenIds, digest_of
from streams.operators.seen_runs import Run, runs_to_merge, total_of


def hashes(count, seed=1):
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def admit(seen, digests, clock_ms):
    return sorted(seen.admit(digests, [clock_ms] * len(digests), clock_ms))


def test_an_id_counts_for_seven_days_and_not_for_eight():
    seen = SeenIds()
    assert [admit(seen, [7], at) for at in (0, 8 * DAY_MS - 1, 8 * DAY_MS)] == [[], [0], []]


def test_an_id_may_expire_in_the_middle_of_a_frame():
    seen = SeenIds()
    seen.admit([7, 8], [0, DAY_MS], 0)
    times = [8 * DAY_MS - 1, 8 * DAY_MS, 8 * DAY_MS, 0]
    assert seen.admit([7, 7, 8, 7], times, DAY_MS) == {0, 2, 3}


def test_an_id_twice_in_a_frame_is_new_once():
    assert admit(SeenIds(), [5, 6, 5, 5], 0) == [2, 3]


def test_ids_of_other_workspaces_and_profiles_are_others():
    assert len({digest_of("a", "m"), digest_of("b", "m"), digest_of("a", "n")}) == 3


def test_old_ids_are_known_one_by_one_and_in_bulk():
    seen, ids = SeenIds(recent_ids=64), hashes(20_000).tolist()
    for start in range(0, len(ids), 100):
        assert not admit(seen, ids[start : start + 100], 0)
    assert all(len(admit(seen, ids[at : at + 300], DAY_MS)) == 300 for at in range(0, 20_000 - 300, 700))
    assert all(admit(seen, [id_], DAY_MS) for id_ in ids[::500])


def test_runs_stay_few():
    seen, ids = SeenIds(recent_ids=64), hashes(64 * 600).tolist()
    for start in range(0, len(ids), 64):
        admit(seen, ids[start : start + 64], 0)
    assert sum(len(day.runs) for day in seen._days.values()) < 25


def test_what_is_unwritten_is_told_once_in_order_of_arrival():
    seen = SeenIds(recent_ids=2)
    admit(seen, [9, 3, 7], 0)
    admit(seen, [3, 1], DAY_MS)
    told = seen.take_unwritten() + seen.take_unwritten()
    assert told == [(0, 0, b"".join(n.to_bytes(8, "big") for n in (9, 3, 7))), (1, 0, (1).to_bytes(8, "big"))]


def test_counts_tell_sums_whatever_the_order():
    seen = SeenIds(recent_ids=2)
    admit(seen, [2**64 - 1, 3, 7], 0)
    seen.take_unwritten()
    assert seen.counts() == {0: (3, 9)}


def test_a_gap_in_what_is_restored_is_told():
    seen = SeenIds()
    seen.restore(0, 1, bytes(8))
    assert seen.verify({0: (1, 0)}, 0) == [0]


@pytest.mark.parametrize("max_bytes", [1 << 16, 1 << 22])
def test_the_filter_never_denies_what_it_holds_and_keeps_its_bound(max_bytes):
    filter_, ids = SeenFilter(8, max_bytes), np.sort(hashes(50_000))
    filter_.add(3, ids)
    filter_.grow(100_000)
    assert set(range(3, 8 * len(ids), 8)) <= set(filter_.maybe(ids).tolist())
    assert filter_._words.nbytes <= max_bytes


def test_the_filter_lets_few_new_ids_pass():
    filter_ = SeenFilter(8, 1 << 24)
    filter_.grow(100_000)
    filter_.add(0, np.sort(hashes(100_000)))
    assert len(filter_.maybe(hashes(100_000, seed=2))) < 500


def runs_of(*sizes):
    return [Run(0, np.zeros(size, np.uint64), 0) for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "start"),
    [((), 0), ((1,) * 7, 7), ((1,) * 8, 0), ((64, *(1,) * 8), 1), ((8, *(1,) * 7), 8), ((64, *(8,) * 8, 1), 1)],
)
def test_runs_are_merged_when_their_tier_is_full(sizes, start):
    assert runs_to_merge(runs_of(*sizes), 1, 8) == start


def test_ids_that_cluster_are_found_too():
    ids = np.array([*range(1000), 2**64 - 2, 2**64 - 1], np.uint64)
    run = Run(0, ids, total_of(ids))
    assert all(run.has(n) for n in ids.tolist())
    assert not any(run.has(n) for n in (1000, 2**63, 2**64 - 3))
