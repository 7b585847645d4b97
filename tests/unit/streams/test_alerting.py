"""The alerts stage: outages and bursts become alerts in time, repeats and pauses of the platform do not."""

import random
import time
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.model.alerts import Alert, AlertRule, AlertState
from streams.model.rollups import Rollup, RollupBatch, Series
from streams.operators.alerting import AlertBook, AlertSettings, BookState

START_MS = 1_700_000_000_000
SECOND_MS = 1_000
DEMO = AlertSettings.for_demo()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(BookState).decode


class Traffic:
    """Events of one workspace as the batches of one events partition that flushes each second."""

    def __init__(self, partition: int = 0, workspace: str = "w") -> None:
        self.now_ms = START_MS
        self.partition = partition
        self._workspace = workspace
        self._totals: dict[tuple[Series, int], int] = {}

    def batch(self, rates: dict[tuple[str, str], int]) -> RollupBatch:
        """Send `rates[source, event]` events in this second, then tick."""
        changed = []
        bucket_ms = self.now_ms - self.now_ms % 10_000
        for (source, event), count in rates.items():
            key = (Series(self._workspace, event, "", source), bucket_ms)
            self._totals[key] = self._totals.get(key, 0) + count
            changed.append(Rollup(key[0], bucket_ms, self.partition, 0, self._totals[key], 0.0))
        self.now_ms += SECOND_MS
        return RollupBatch(self.partition, self.now_ms, tuple(changed))

    def seconds(self, count: int, rates: dict[tuple[str, str], int]) -> list[RollupBatch]:
        return [self.batch(rates) for _ in range(count)]


def run(batches: Iterable[RollupBatch], book: AlertBook | None = None, state: BookState | None = None) -> list[Alert]:
    book = book or AlertBook(1, DEMO)
    state, told = state or book.initial(), []
    for batch in batches:
        state, alerts = book.on_batch(state, batch)
        told += alerts
    return told


def seen(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    return [(a.subject, a.state.value) for a in alerts]


SHOP = {("shop", "page_viewed"): 2}


def test_an_outage_fires_within_40_seconds_and_resolves_after_the_source_is_back():
    traffic = Traffic()
    book = AlertBook(1)
    told = run(traffic.seconds(1_000, SHOP) + traffic.seconds(120, {}) + traffic.seconds(120, SHOP), book)
    states = [a for a in told if a.rule == AlertRule.SOURCE_SILENT]
    assert seen(states) == [("source:shop", s) for s in ("pending", "firing", "resolved")]
    assert states[1].at_ms - (START_MS + 1_000 * SECOND_MS) <= 40 * SECOND_MS


@pytest.mark.parametrize("phase_s", [0, 1, 5, 9])
def test_the_demo_learns_within_a_minute_and_tells_an_outage_in_half_a_minute(phase_s: int):
    traffic = Traffic()
    told = run(traffic.seconds(75 + phase_s, SHOP) + traffic.seconds(31, {}))
    assert ("source:shop", "firing") in seen(told)


def test_the_summary_says_what_is_missing_in_plain_words():
    traffic = Traffic()
    told = run(traffic.seconds(100, SHOP) + traffic.seconds(45, {}))
    firing = next(a for a in told if a.state is AlertState.FIRING)
    assert firing.summary == "No events from source 'shop' for 20 s; it usually sends 2.0 a second."


def test_a_fivefold_burst_fires_within_60_seconds():
    traffic, rng = Traffic(), random.Random(1)
    calm = [traffic.batch({("shop", "page_viewed"): rng.choice([1, 2, 3])}) for _ in range(2_000)]
    told = run(calm + traffic.seconds(60, {("shop", "page_viewed"): 10}), AlertBook(1))
    firing = {a.subject for a in told if a.state is AlertState.FIRING}
    assert firing == {"event:page_viewed", "all"}


def test_a_burst_resolves_and_its_episode_keeps_its_name():
    traffic = Traffic()
    burst = traffic.seconds(300, SHOP) + traffic.seconds(60, {("shop", "page_viewed"): 10}) + traffic.seconds(90, SHOP)
    told = [a for a in run(burst) if a.subject == "all"]
    assert seen(told) == [("all", s) for s in ("pending", "firing", "resolved")]
    assert len({(a.id, a.since_ms) for a in told}) == 1


def test_a_level_that_stays_is_taken_as_the_new_normal():
    traffic = Traffic()
    told = run(traffic.seconds(300, SHOP) + traffic.seconds(900, {("shop", "page_viewed"): 10}))
    assert [a.summary for a in told if a.subject == "all"][-1].endswith("taken as the new normal.")


def test_one_odd_bucket_is_pending_at_most_and_its_end_says_that_it_never_fired():
    traffic = Traffic()
    told = run(
        traffic.seconds(300, SHOP) + traffic.seconds(10, {("shop", "page_viewed"): 9}) + traffic.seconds(90, SHOP)
    )
    assert AlertState.FIRING not in {a.state for a in told}
    assert not any(a.fired for a in told)


def test_while_a_source_is_silent_the_rates_raise_nothing_anew():
    traffic = Traffic()
    both = {("shop", "page_viewed"): 4, ("app", "screen_viewed"): 2}
    told = run(traffic.seconds(300, both) + traffic.seconds(200, {("app", "screen_viewed"): 2}))
    assert {a.subject for a in told} == {"source:shop"}


def test_one_source_is_missed_while_another_goes_on():
    traffic = Traffic()
    both = {("shop", "page_viewed"): 2, ("app", "screen_viewed"): 2}
    told = run(traffic.seconds(100, both) + traffic.seconds(40, {("app", "screen_viewed"): 2}))
    assert ("source:shop", "firing") in seen(told)


@pytest.mark.parametrize("pause_s", [12, 25, 600, 100_000])
def test_a_pause_of_the_platform_is_no_silence_and_no_drop(pause_s: int):
    traffic = Traffic()
    before = traffic.seconds(305, SHOP)
    traffic.now_ms += pause_s * SECOND_MS
    told = run(before + traffic.seconds(300, SHOP))
    assert AlertState.FIRING not in {a.state for a in told}


def test_outcome_events_of_the_platform_are_not_watched():
    traffic = Traffic()
    told = run(traffic.seconds(200, {("campaigniq", "message_sent"): 5}) + traffic.seconds(100, {}))
    assert told == []


def test_buckets_wait_for_every_partition():
    first, second = Traffic(0), Traffic(1)
    book, state = AlertBook(2, DEMO), AlertBook(2, DEMO).initial()
    for batch in first.seconds(200, SHOP):
        state, _ = book.on_batch(state, batch)
    assert state.watermark_ms == 0
    state, _ = book.on_batch(state, second.batch({}))
    assert state.watermark_ms == START_MS + SECOND_MS


def test_partitions_add_up_so_an_outage_of_one_is_no_silence():
    first, second = Traffic(0), Traffic(1)
    batches = [b for pair in zip(first.seconds(200, SHOP), second.seconds(200, SHOP), strict=True) for b in pair]
    batches += [b for pair in zip(first.seconds(60, SHOP), second.seconds(60, {}), strict=True) for b in pair]
    assert AlertRule.SOURCE_SILENT not in {a.rule for a in run(batches, AlertBook(2, DEMO))}


def test_late_events_prove_that_their_source_is_alive():
    traffic = Traffic()
    batches = traffic.seconds(200, SHOP)
    late_ms = traffic.now_ms - 60_000
    for second in range(60):
        batch = traffic.batch({})
        cell = Rollup(Series("w", "page_viewed", "", "shop"), late_ms, 0, 77, 2 * (second + 1), 0.0)
        batches.append(RollupBatch(0, batch.clock_ms, (cell,)))
    assert AlertRule.SOURCE_SILENT not in {a.rule for a in run(batches)}


def test_events_from_the_future_are_not_counted():
    book = AlertBook(1, DEMO)
    cell = Rollup(Series("w", "e", "", "s"), START_MS + 3_600_000, 0, 0, 5, 0.0)
    state, _ = book.on_batch(book.initial(), RollupBatch(0, START_MS, (cell,)))
    assert state.cells == {}


def test_a_source_that_stays_away_is_let_go():
    traffic = Traffic()
    gone = [traffic.batch({}) for _ in range(400)]
    short = msgspec.structs.replace(DEMO, forget_ms=120_000)
    traffic.now_ms = START_MS
    told = run(traffic.seconds(200, SHOP) + traffic.seconds(len(gone), {}), AlertBook(1, short))
    assert told[-1].summary.endswith("is not expected to any more.")


def test_the_state_stays_bounded_under_ever_new_names():
    few = msgspec.structs.replace(DEMO, max_series=10)
    book, traffic = AlertBook(1, few), Traffic()
    state = book.initial()
    for second in range(400):
        state, _ = book.on_batch(state, traffic.batch({("shop", f"event_{second}"): 1}))
    assert len(state.watches["w"]) <= 10
    assert "source:shop" in state.watches["w"]
    assert len(state.cells) <= few.late_ms // few.bucket_ms + 2


def test_a_partition_that_hangs_does_not_fill_the_memory():
    few = msgspec.structs.replace(DEMO, max_open_buckets=20)
    book, first, second = AlertBook(2, few), Traffic(0), Traffic(1)
    state, _ = book.on_batch(book.initial(), second.batch({}))
    for batch in first.seconds(600, SHOP):
        state, _ = book.on_batch(state, batch)
    assert len(state.cells) <= 20


def test_a_batch_of_200_totals_takes_well_under_2_ms():
    book, traffic = AlertBook(1), Traffic()
    rates = {(f"source_{n % 5}", f"event_{n}"): 1 for n in range(200)}
    state, took = book.initial(), []
    for batch in traffic.seconds(100, rates):
        began = time.process_time()
        state, _ = book.on_batch(state, batch)
        took.append(time.process_time() - began)
    assert min(took) < 0.002


rates_per_bucket = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 2, 2, 2, 12]), st.sampled_from([0, 1, 1, 1])), min_size=8, max_size=30
)


def played(buckets: list[tuple[int, int]]) -> list[RollupBatch]:
    """Twelve steady buckets, so that there is something to miss, then the drawn ones; two partitions, 5 s a batch."""
    partitions = [Traffic(0), Traffic(1)]
    batches = []
    for shop, app in [(2, 1)] * 12 + buckets:
        rates = {("shop", "page_viewed"): 5 * shop, ("app", "screen_viewed"): 5 * app}
        for _ in range(2):
            for traffic in partitions:
                batches.append(traffic.batch({k: n for k, n in rates.items() if n}))
                traffic.now_ms += 4 * SECOND_MS
    return batches


@settings(max_examples=40, deadline=None)
@given(rates_per_bucket, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=30))
def test_repeated_batches_change_no_alert(buckets: list[tuple[int, int]], repeats: list[tuple[int, int]]):
    batches = played(buckets)
    repeated = list(enumerate(batches))
    for which, later in repeats:
        first = which % len(batches)
        repeated.insert(
            next(i for i, (n, _) in enumerate(repeated) if n == first) + 1 + later % 40, (-1, batches[first])
        )
    assert run([b for _, b in repeated], AlertBook(2, DEMO)) == run(batches, AlertBook(2, DEMO))


@settings(max_examples=30, deadline=None)
@given(rates_per_bucket)
def test_a_snapshot_at_any_point_changes_nothing(buckets: list[tuple[int, int]]):
    batches, book = played(buckets), AlertBook(2, DEMO)
    state, told = book.initial(), []
    for batch in batches:
        state, alerts = book.on_batch(_decode(_encode(state)), batch)
        told += alerts
    assert told == run(batches, AlertBook(2, DEMO))


@settings(max_examples=30, deadline=None)
@given(rates_per_bucket)
def test_neither_state_nor_batch_is_changed_in_place(buckets: list[tuple[int, int]]):
    book = AlertBook(2, DEMO)
    state = book.initial()
    for batch in played(buckets):
        before = _encode((state, batch))
        after, _ = book.on_batch(state, batch)
        assert _encode((state, batch)) == before
        state = after
