"""Rollups: absolute totals and sketches by event time, exact for what comes late, over flushes and restarts."""

import msgspec
import pytest
from msgspec.structs import replace

from streams.model.errors import FrameError
from streams.model.events import Utm
from streams.model.rollups import Rollup, RollupBatch, Series, SketchKind
from streams.operators import rollups, sketch_book
from streams.operators.rollups import Changes, Rollups
from streams.operators.sketch_book import OTHER, PUBLISH_MS
from streams.operators.sketches import value_quantiles
from tests.unit.streams.builders import NOW_MS, event
from tests.unit.streams.sketches_kit import unique_estimate

BUCKET_MS = NOW_MS - NOW_MS % 10_000
HOUR_MS = 3_600_000


def book(*events_at, **options) -> Rollups:
    made = Rollups(0, **options)
    for number, one in enumerate(events_at):
        made.add(one, number, one.received_ms)
    return made


def kept(changes: Changes, state: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """The state topic after a flush."""
    state = {} if state is None else state
    for key, value in changes.records:
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value
    return state


def counted(found: list[Rollup]) -> dict[str, int]:
    return {r.series.event: r.count for r in found}


def test_counts_and_values_add_up_in_their_bucket():
    made = book(*[event("order_completed", value=12.5, currency="USD")] * 2)
    [rollup] = made.take_changes(NOW_MS).rollups
    assert (rollup.bucket_ms, rollup.count, rollup.value) == (BUCKET_MS, 2, 25.0)


def test_money_of_different_currencies_is_kept_apart():
    made = book(*[event("order_completed", value=1.0, currency=c) for c in ("USD", "EUR")])
    assert len(made.take_changes(NOW_MS).rollups) == 2


def test_sums_of_cents_do_not_drift():
    made = book(*[event("order_completed", value=0.1, currency="USD")] * 10)
    assert made.take_changes(NOW_MS).rollups[0].value == 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_what_can_be_no_amount_is_counted_and_not_summed(value):
    changes = book(event("order_completed", value=value, currency="USD")).take_changes(NOW_MS)
    assert [(r.count, r.value) for r in changes.rollups] == [(1, 0.0)]
    assert SketchKind.VALUES not in {s.kind for s in changes.sketches}


def test_sums_beyond_64_bits_survive_a_restart():
    made = book(*[event("order_completed", value=1e15, currency="IDR")] * 50)
    again = Rollups(0)
    again.restore(kept(made.take_changes(NOW_MS)))
    again.add(event("order_completed", value=1e15, currency="IDR"), 50, NOW_MS)
    assert again.take_changes(NOW_MS).rollups[0].value == 51e15


def test_what_was_taken_is_not_taken_again_until_it_changes():
    made = book(event("page_viewed"))
    made.take_changes(NOW_MS)
    assert not made.is_dirty(NOW_MS)
    assert made.take_changes(NOW_MS) == Changes([], [], [])


def test_a_total_goes_on_growing_over_flushes():
    made = book(event("page_viewed"))
    made.take_changes(NOW_MS)
    made.add(event("page_viewed"), 1, NOW_MS)
    assert counted(made.take_changes(NOW_MS).rollups) == {"page_viewed": 2}


def test_an_event_for_a_bucket_that_left_memory_is_counted_in_a_part_of_its_own():
    made = book(event("page_viewed"), horizon_ms=60_000)
    state = kept(made.take_changes(NOW_MS))
    made.add(event("page_viewed"), 9, NOW_MS + 100_000)
    changes = made.take_changes(NOW_MS + 100_000)
    assert [(r.part, r.count) for r in changes.rollups] == [(9, 1)]
    assert not [key for key in kept(changes, state) if key.startswith(b"t:")]


def test_late_events_of_one_frame_are_counted_together():
    made = book(horizon_ms=60_000)
    made.add_all([event("page_viewed")] * 3, 9, NOW_MS + 100_000)
    assert [(r.part, r.count) for r in made.take_changes(NOW_MS + 100_000).rollups] == [(9, 3)]


def test_all_that_was_written_is_forgotten_after_the_horizon():
    made = book(event("order_completed", value=2.0, currency="USD"), event("page_viewed"))
    state = kept(made.take_changes(NOW_MS))
    made.add(event("page_viewed"), 3, NOW_MS)
    kept(made.take_changes(NOW_MS), state)
    assert len(state) > 3
    assert kept(made.take_changes(NOW_MS + 3 * HOUR_MS), state) == {}
    assert (made._hours, made._buckets, made._late_buckets) == ({}, {}, {})


def test_a_session_counts_as_an_event_of_the_campaign_that_began_it():
    made = Rollups(0)
    made.add_session(event("order_completed", utm=Utm(campaign="spring"), value=5.0, currency="USD"), 0, NOW_MS)
    [rollup] = made.take_changes(NOW_MS).rollups
    assert (rollup.series, rollup.value) == (Series("default", "(sessions)", "spring", "web"), 0.0)


@pytest.fixture
def few_series(monkeypatch):
    monkeypatch.setattr(rollups, "MAX_SERIES", 3)


@pytest.mark.usefixtures("few_series")
def test_series_beyond_the_limit_of_a_bucket_are_counted_together():
    named = [event(f"n{n}", utm=Utm(campaign=f"c{n}"), value=2.0, currency="USD") for n in (*range(6), 1, 5)]
    found = book(*named).take_changes(NOW_MS).rollups
    assert counted(found) == {"n0": 1, "n1": 2, "n2": 1, OTHER: 4}
    assert (found[-1].series, found[-1].value) == (Series("default", OTHER, "", "web"), 0.0)


@pytest.mark.usefixtures("few_series")
def test_each_bucket_and_workspace_has_its_own_limit():
    named = [event(f"n{n}") for n in range(3)]
    made = book(*named, event("next bucket", NOW_MS + 10_000), replace(event("elsewhere"), workspace="another"))
    assert OTHER not in counted(made.take_changes(NOW_MS).rollups)


@pytest.mark.usefixtures("few_series")
def test_which_series_are_told_apart_is_the_same_after_a_restart():
    again = Rollups(0)
    again.restore(kept(book(*[event(f"n{n}") for n in range(5)]).take_changes(NOW_MS)))
    again.add_all([event("n2"), event("n9")], 1, NOW_MS)
    assert counted(again.take_changes(NOW_MS).rollups) == {"n2": 2, OTHER: 3}


@pytest.mark.parametrize("restart", [False, True])
def test_the_buckets_of_an_hour_have_a_limit_together(monkeypatch, restart):
    monkeypatch.setattr(rollups, "MAX_HOUR_SERIES", 3)
    at_ms = NOW_MS - NOW_MS % HOUR_MS
    made = book(*[event(f"n{n}", at_ms + n * 10_000) for n in range(3)])
    state = kept(made.take_changes(NOW_MS))
    if restart:
        made = Rollups(0)
        made.restore(state)
    made.add_all([event(name, at_ms + 30_000) for name in ("n0", "new", "newer")], 1, NOW_MS)
    made.add_session(event("n0", at_ms + 30_000), 1, NOW_MS)
    made.add(event("next hour", at_ms + HOUR_MS), 1, NOW_MS)
    assert counted(made.take_changes(NOW_MS).rollups) == {"n0": 1, OTHER: 2, "(sessions)": 1, "next hour": 1}


def test_the_limit_is_thousands():
    found = book(*[event(f"n{n}") for n in range(2_500)]).take_changes(NOW_MS).rollups
    assert (len(found), counted(found)[OTHER]) == (2_001, 500)


def uniques(changes: Changes, dimension: str) -> dict[str, int]:
    found = [s for s in changes.sketches if (s.kind, s.dimension) == (SketchKind.UNIQUES, dimension)]
    return {s.name: round(unique_estimate([s.body])) for s in found}


def test_visitors_are_told_apart_by_event_campaign_and_source():
    visits = [event("page_viewed", profile=f"user:{n % 3}", utm=Utm(campaign=f"c{n % 2}")) for n in range(12)]
    changes = book(*visits, event("signed_up", profile="user:9")).take_changes(NOW_MS)
    assert uniques(changes, "event") == {"page_viewed": 3, "signed_up": 1}
    assert uniques(changes, "campaign") == {"c0": 3, "c1": 3, "": 1}
    assert uniques(changes, "source") == {"web": 4}


def test_values_are_sketched_by_event_and_currency():
    orders = [event("order_completed", value=float(n), currency="EUR") for n in range(1, 100)]
    [sketch] = [s for s in book(*orders).take_changes(NOW_MS).sketches if s.kind is SketchKind.VALUES]
    assert (sketch.name, sketch.currency) == ("order_completed", "EUR")
    assert value_quantiles([sketch.body], [0.5]) == (99, [pytest.approx(50, rel=0.01)])


def test_sketches_are_published_now_and_then_but_never_lost():
    made = book(event("page_viewed"))
    state = kept(made.take_changes(NOW_MS))
    made.add(event("page_viewed", profile="user:bob"), 1, NOW_MS)
    changes = made.take_changes(NOW_MS)
    assert changes.sketches == []
    again = Rollups(0)
    again.restore(kept(changes, state))
    assert again.is_dirty(NOW_MS + PUBLISH_MS)
    assert uniques(again.take_changes(NOW_MS + PUBLISH_MS), "event") == {"page_viewed": 2}


def test_a_little_news_of_large_sketches_is_written_as_a_delta():
    made = book(*[event("page_viewed", profile=f"user:{n}") for n in range(500)])
    state = kept(made.take_changes(NOW_MS))
    for number in range(3):
        made.add(event("page_viewed", profile=f"user:new{number}"), 1, NOW_MS)
        changes = made.take_changes(NOW_MS)
        kept(changes, state)
        assert sum(len(value or b"") for _, value in changes.records) < 500
    assert [key for key in state if key.startswith(b"d:")] == [b"d:0", b"d:1", b"d:2"]
    kept(made.take_changes(NOW_MS + PUBLISH_MS), state)
    assert not [key for key in state if key.startswith(b"d:")]


def test_an_hour_that_has_left_memory_has_a_sketch_for_each_late_frame():
    made = book(event("page_viewed"))
    made.take_changes(NOW_MS)
    later_ms = NOW_MS + 5 * HOUR_MS
    for offset in (7, 8):
        made.add(event("page_viewed", profile=f"user:{offset}"), offset, later_ms)
    changes = made.take_changes(later_ms)
    assert {s.part for s in changes.sketches} == {7, 8}
    assert made.take_changes(later_ms).sketches == []


def test_the_last_state_of_an_hour_is_published_when_it_leaves_memory():
    made = book(event("page_viewed"))
    made.take_changes(NOW_MS)
    made.add(event("page_viewed", profile="user:bob"), 1, NOW_MS)
    assert uniques(made.take_changes(NOW_MS + 5 * HOUR_MS), "event") == {"page_viewed": 2}


def test_names_beyond_the_limit_share_a_sketch(monkeypatch):
    monkeypatch.setattr(sketch_book, "MAX_SKETCHES", 2)
    made = book(*[event(f"n{n}", profile=f"user:{n}") for n in range(5)])
    state = kept(made.take_changes(NOW_MS))
    again = Rollups(0)
    again.restore(state)
    again.add(event("n7", profile="user:7"), 9, NOW_MS)
    again.add(event("n1", profile="user:7"), 9, NOW_MS)
    assert uniques(again.take_changes(NOW_MS + PUBLISH_MS), "event") == {OTHER: 4, "n1": 2}


# What this build wrote; every later one must read it.
SAMPLE_V1 = {
    b"h:1789999200000:0": bytes.fromhex(
        "019195a764656661756c74af6f726465725f636f6d706c65746564a6737072696e67a3776562a3455552"
    ),
    b"t:1790000000000:0": bytes.fromhex("01930002ce017d7840"),
    b"u:1789999200000:8c66b7e4706f648f718eb4822d62edc5": bytes.fromhex(
        "019495a7756e6971756573a764656661756c74a56576656e74af6f726465725f636f6d706c65746564a0cf000001a0c4"
        "443700c3c4280201070b030001043160f70500000000000000000000000000000000000000000000000000000000"
    ),
    b"u:1789999200000:c2776be154f09e3ea2617b3611407161": bytes.fromhex(
        "019495a7756e6971756573a764656661756c74a863616d706169676ea6737072696e67a0cf000001a0c4443700c3c428"
        "0201070b030001043160f70500000000000000000000000000000000000000000000000000000000"
    ),
    b"u:1789999200000:e0e3570aadd2fea4903a7cb956478511": bytes.fromhex(
        "019495a7756e6971756573a764656661756c74a6736f75726365a3776562a0cf000001a0c4443700c3c4280201070b03"
        "0001043160f70500000000000000000000000000000000000000000000000000000000"
    ),
    b"u:1789999200000:4c7ba8fb805ad5eb713518efb2686e5c": bytes.fromhex(
        "019495a676616c756573a764656661756c74a56576656e74af6f726465725f636f6d706c65746564a3455552cf000001"
        "a0c4443700c3c4069192cd048c01"
    ),
    b"d:0": bytes.fromhex(
        "01949395a7756e6971756573a764656661756c74a56576656e74af6f726465725f636f6d706c65746564a0cf000001a0"
        "c444370091a8757365723a626f629395a7756e6971756573a764656661756c74a863616d706169676ea6737072696e67"
        "a0cf000001a0c444370091a8757365723a626f629395a7756e6971756573a764656661756c74a6736f75726365a37765"
        "62a0cf000001a0c444370091a8757365723a626f629395a676616c756573a764656661756c74a56576656e74af6f7264"
        "65725f636f6d706c65746564a3455552cf000001a0c444370091cb4029000000000000"
    ),
}


def test_state_of_the_first_version_is_read():
    made = Rollups(0)
    made.restore(SAMPLE_V1)
    made.add(event("order_completed", value=1.0, currency="EUR", utm=Utm(campaign="spring")), 2, NOW_MS)
    changes = made.take_changes(NOW_MS + PUBLISH_MS)
    assert [(r.count, r.value) for r in changes.rollups] == [(3, 26.0)]
    assert uniques(changes, "campaign") == {"spring": 2}
    assert kept(changes, dict(SAMPLE_V1)).keys() == {key for key in SAMPLE_V1 if not key.startswith(b"d:")}


def test_state_of_an_unknown_version_is_refused():
    for key, value in SAMPLE_V1.items():
        with pytest.raises(FrameError, match="version"):
            Rollups(0).restore(SAMPLE_V1 | {key: b"\x09" + value[1:]})


def test_batches_from_before_there_were_sketches_are_read():
    old = msgspec.msgpack.encode((0, NOW_MS, ()))
    assert msgspec.msgpack.decode(old, type=RollupBatch).sketches == ()
