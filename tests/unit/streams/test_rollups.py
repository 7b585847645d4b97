"""Totals: absolute, bucketed by event time, exact for what comes late."""

import pytest
from msgspec.structs import replace

from streams.model.events import Utm
from streams.model.rollups import Series
from streams.operators import rollups
from streams.operators.rollups import OTHER, Cell, Totals
from tests.unit.streams.builders import NOW_MS, event

BUCKET_MS = NOW_MS - NOW_MS % 10_000


def test_counts_and_values_add_up_in_their_bucket():
    totals = Totals(0)
    for _ in range(2):
        totals.add(event("order_completed", value=12.5, currency="USD"), 0, NOW_MS)
    [rollup] = totals.changed()
    assert (rollup.bucket_ms, rollup.count, rollup.value) == (BUCKET_MS, 2, 25.0)


def test_money_of_different_currencies_is_kept_apart():
    totals = Totals(0)
    for currency in ("USD", "EUR"):
        totals.add(event("order_completed", value=1.0, currency=currency), 0, NOW_MS)
    assert len(totals.changed()) == 2


def test_what_was_published_is_not_published_again_until_it_changes():
    totals = Totals(0)
    totals.add(event("page_viewed"), 0, NOW_MS)
    totals.mark_published()
    assert (totals.changed(), totals.is_dirty()) == ([], False)


def test_a_total_goes_on_growing_over_publications():
    totals = Totals(0)
    totals.add(event("page_viewed"), 0, NOW_MS)
    totals.mark_published()
    totals.add(event("page_viewed"), 1, NOW_MS)
    assert totals.changed()[0].count == 2


def test_an_event_for_a_bucket_that_left_memory_is_counted_in_a_part_of_its_own():
    totals = Totals(0, horizon_ms=60_000)
    totals.add(event("page_viewed"), 3, NOW_MS)
    totals.mark_published()
    totals.evict(NOW_MS + 100_000)
    totals.add(event("page_viewed"), 9, NOW_MS + 100_000)
    assert [(r.part, r.count) for r in totals.changed()] == [(9, 1)]


def test_buckets_leave_memory_only_after_their_horizon_and_publication():
    totals = Totals(0, horizon_ms=60_000)
    totals.add(event("page_viewed"), 0, NOW_MS)
    totals.evict(NOW_MS + 100_000)
    assert totals.evicted() == []
    totals.mark_published()
    totals.evict(NOW_MS + 200_000)
    assert [r.bucket_ms for r in totals.evicted()] == [BUCKET_MS]


@pytest.fixture
def few_series(monkeypatch):
    monkeypatch.setattr(rollups, "MAX_SERIES", 3)


def counted(totals: Totals) -> dict[str, int]:
    return {r.series.event: r.count for r in totals.changed()}


@pytest.mark.usefixtures("few_series")
def test_series_beyond_the_limit_of_a_bucket_are_counted_together():
    totals = Totals(0)
    for number in (*range(6), 1, 5):
        totals.add(event(f"n{number}", utm=Utm(campaign=f"c{number}"), value=2.0, currency="USD"), 0, NOW_MS)
    assert counted(totals) == {"n0": 1, "n1": 2, "n2": 1, OTHER: 4}
    assert totals.changed()[-1].series == Series("default", OTHER, "", "web")


@pytest.mark.usefixtures("few_series")
def test_each_bucket_and_workspace_has_its_own_limit():
    totals = Totals(0)
    for number in range(3):
        totals.add(event(f"n{number}"), 0, NOW_MS)
    totals.add(event("next bucket", NOW_MS + 10_000), 0, NOW_MS)
    totals.add(replace(event("elsewhere"), workspace="another"), 0, NOW_MS)
    assert OTHER not in counted(totals)


@pytest.mark.usefixtures("few_series")
def test_which_series_are_told_apart_is_the_same_after_a_restart():
    totals, again = Totals(0), Totals(0)
    for number in range(5):
        totals.add(event(f"n{number}"), 0, NOW_MS)
    again.restore([Cell(rollup, 0) for rollup in totals.changed()], 0)
    again.add(event("n2"), 1, NOW_MS)
    again.add(event("n9"), 1, NOW_MS)
    assert counted(again) == {"n2": 2, OTHER: 3}


@pytest.mark.usefixtures("few_series")
def test_a_bucket_that_left_memory_leaves_nothing_behind():
    totals = Totals(0)
    for number in range(5):
        totals.add(event(f"n{number}"), 0, NOW_MS)
    totals.mark_published()
    totals.evict(NOW_MS + 4_000_000)
    assert (totals._open, totals._told_apart) == ({}, {})


def test_the_limit_is_thousands():
    totals = Totals(0)
    for number in range(2_500):
        totals.add(event(f"n{number}"), 0, NOW_MS)
    assert (len(totals.changed()), counted(totals)[OTHER]) == (2_001, 500)
