"""Totals: absolute, bucketed by event time, exact for what comes late."""

from streams.operators.rollups import Totals
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
