"""The sender's own times are kept; what is corrected, clamped or old says so; the order of a client is kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.normalise import normalise
from ingest.provenance import Arrival, as_history_when_old, in_client_order, with_flag
from ingest.sources import Source
from streams.model.events import BOT, CLAMPED, HISTORICAL, INVALID, SKEWED, Event, Provenance
from tests.unit.streams.windows_kit import after

NOW = 1_800_000_000_000
DAY = 86_400_000
WEB = Source("src_web", "ws", "web", write_key="wk")


def tracked(*, is_import: bool = False, sequence: object = None, **fields: Any) -> Event:
    message = {"type": "track", "event": "Seen", "userId": "u1", "messageId": "m1", "context": {"sequence": sequence}}
    return normalise(message | fields, WEB, Arrival(NOW, is_import=is_import))


def test_all_four_times_are_kept_where_the_clock_was_off():
    event = tracked(timestamp=NOW - 7_260_000, sentAt=NOW - 7_200_000)
    assert event.provenance == Provenance(NOW - 7_260_000, NOW - 7_200_000, None, (SKEWED,))
    assert (event.at_ms, event.received_ms) == (NOW - 60_000, NOW)


@pytest.mark.parametrize("off_ms", [-30_000, 0, 30_000])
def test_a_clock_that_is_right_but_for_the_network_is_left_alone(off_ms):
    event = tracked(timestamp=NOW - 60_000, sentAt=NOW + off_ms)
    assert event.at_ms == NOW - 60_000
    assert not event.is_flagged(SKEWED)


def test_the_future_is_clamped_and_says_so():
    event = tracked(timestamp=NOW + 400_000)
    assert (event.at_ms, event.provenance) == (NOW, Provenance(NOW + 400_000, None, None, (CLAMPED,)))


TODAY, MIDNIGHT = "2027-01-15", NOW - NOW % DAY


@pytest.mark.parametrize("said", [TODAY, f" {TODAY} ", "20270115", "2027-W02-5"])
def test_todays_date_alone_means_when_it_came_in_and_is_kept_as_it_was_said(said):
    event = tracked(timestamp=said)
    assert (event.at_ms, event.provenance) == (NOW, Provenance(MIDNIGHT))


@pytest.mark.parametrize("fields", [{"originalTimestamp": TODAY}, {"timestamp": TODAY, "sentAt": NOW - 100}])
def test_it_is_the_same_in_every_field(fields):
    assert tracked(**fields).at_ms == NOW


@pytest.mark.parametrize("sent", [NOW - 60_000, NOW + 60_000])
def test_a_date_from_a_clock_that_is_off_is_still_of_today(sent):
    event = tracked(timestamp=TODAY, sentAt=sent)
    assert (event.at_ms, event.provenance) == (NOW, Provenance(MIDNIGHT, sent, None, (SKEWED,)))


def test_a_date_as_the_time_of_sending_corrects_nothing():
    event = tracked(timestamp=NOW - 60_000, sentAt=TODAY)
    assert (event.at_ms, event.provenance) == (NOW - 60_000, Provenance(NOW - 60_000, MIDNIGHT))


@pytest.mark.parametrize(
    ("said", "at_ms", "flags"),
    [
        ("2027-01-14", MIDNIGHT - DAY, (HISTORICAL,)),
        ("2027-01-15T00:00", MIDNIGHT, ()),
        ("2027-01-15T00", MIDNIGHT, ()),
        ("2027-01-16", NOW, (CLAMPED,)),
    ],
    ids=["another day", "a moment", "an hour", "a day to come"],
)
def test_all_other_dates_and_times_mean_what_they_say(said, at_ms, flags):
    event = tracked(timestamp=said)
    assert event.provenance is not None
    assert (event.at_ms, event.provenance.flags) == (at_ms, flags)


def test_an_order_of_today_keeps_what_was_added_before_it_out_of_new_carts():
    add = {"event": "Product Added", "properties": {"product_id": "kettle", "price": 40}, "timestamp": NOW - 60_000}
    order = tracked(event="Order Completed", properties={"revenue": 40}, timestamp=TODAY)
    assert after(tracked(**add)).windows
    assert after(order, tracked(**add)).windows == {}


def test_what_segment_had_corrected_keeps_the_word_of_the_client():
    event = tracked(timestamp=NOW - 60_000, originalTimestamp=NOW - 7_260_000, sentAt=NOW - 7_200_000)
    assert event.at_ms == NOW - 60_000
    assert event.provenance == Provenance(NOW - 7_260_000, NOW - 7_200_000)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"sentAt": "soon"}, "sentAt: not an ISO 8601 time. Send e.g. 2026-01-31T12:00:00Z"),
        ({"sentAt": {}}, "sentAt: is an object, not an ISO 8601 time. Send an ISO 8601 time"),
        ({"sentAt": -5}, "sentAt: lies before 1970. Send e.g. 2026-01-31T12:00:00Z"),
        (
            {"sentAt": 1e300, "timestamp": None},
            "sentAt: lies too far ahead to be a time. Send e.g. 2026-01-31T12:00:00Z",
        ),
        (
            {"timestamp": NOW, "originalTimestamp": [], "sentAt": False},
            (
                "sentAt: is a boolean, not an ISO 8601 time. Send an ISO 8601 time; "
                "originalTimestamp: is a list, not an ISO 8601 time. Send an ISO 8601 time"
            ),
        ),
    ],
)
def test_a_time_that_the_event_can_do_without_flags_it_when_it_is_none(given: dict[str, Any], fault: str):
    event = tracked(**given)
    assert (event.at_ms, event.provenance) == (NOW, Provenance(flags=(INVALID,), fault=fault))


def test_an_import_is_history_whenever_it_happened():
    assert tracked(is_import=True).is_flagged(HISTORICAL)
    assert not tracked().is_flagged(HISTORICAL)


def test_what_is_older_than_a_day_is_history():
    assert tracked(timestamp=NOW - DAY - 1).is_flagged(HISTORICAL)
    assert not tracked(timestamp=NOW - DAY).is_flagged(HISTORICAL)


def test_a_message_that_says_nothing_of_time_has_no_provenance():
    assert tracked().provenance is None


@pytest.mark.parametrize(("given", "kept"), [(0, 0), (7, 7), ("7", None), (True, None), (-1, None), (1 << 60, None)])
def test_only_a_count_is_taken_as_sequence(given, kept):
    event = tracked(timestamp=NOW, sequence=given)
    assert event.provenance is not None
    assert event.provenance.sequence == kept


def test_a_batch_is_taken_in_its_clients_order_though_the_clock_jumped():
    events = [tracked(timestamp=NOW - n, sequence=9 - n, messageId=f"m{n}") for n in range(4)]
    assert [e.id for e in in_client_order(events)] == ["m3", "m2", "m1", "m0"]


def test_a_batch_that_is_not_wholly_numbered_stays_as_it_came():
    events = [tracked(sequence=2), tracked(messageId="m2"), tracked(sequence=1)]
    assert in_client_order(events) is events


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20)), max_size=20))
def test_each_client_in_a_mixed_batch_keeps_its_own_order(numbered):
    ordered = in_client_order([tracked(userId=user, sequence=n, messageId=f"{user}{n}") for user, n in numbered])
    for user in "ab":
        numbers = [e.provenance.sequence for e in ordered if e.profile == f"user:{user}"]
        assert len(numbered) < 2 or numbers == sorted(numbers)


def test_old_events_of_vendors_become_history_and_keep_other_flags():
    young, old = with_flag(tracked(), BOT), with_flag(tracked(timestamp=NOW - DAY), BOT)
    assert as_history_when_old([young, old], DAY) == [young, old]
    [_, flagged] = as_history_when_old([young, old], DAY - 1)
    assert flagged.provenance.flags == (BOT, HISTORICAL)
