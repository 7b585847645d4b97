"""Calendly: signed times both ways within three minutes, one event for a call that is moved, no links."""

import hmac
from hashlib import sha256
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.calendly import Calendly
from streams.model.events import Event, Utm

NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000
KEY = "5mEzn9C-I28UtwOjZJtFoob0sAAFZ95GbZkqj4y3i0I"
SOURCE = Source("src_cal", "ws", "calendly")
CALLS = "https://api.calendly.com/scheduled_events/E1"
# After developer.calendly.com, "Webhook Payload"
INVITEE: dict[str, Any] = {
    "cancel_url": "https://calendly.com/cancellations/1",
    "reschedule_url": "https://calendly.com/reschedulings/1",
    "created_at": "2020-11-23T17:51:18.327602Z",
    "email": "Ada@x.example",
    "event": CALLS,
    "first_name": None,
    "last_name": None,
    "name": "Ada King",
    "new_invitee": None,
    "old_invitee": None,
    "payment": None,
    "questions_and_answers": [{"answer": "Radio", "position": 0, "question": "How did you hear of us?"}],
    "rescheduled": False,
    "scheduled_event": {
        "event_type": "https://api.calendly.com/event_types/T1",
        "name": "Intro",
        "start_time": "2020-11-25T10:00:00.000000Z",
        "end_time": "2020-11-25T10:30:00.000000Z",
        "location": {"type": "zoom", "join_url": "https://zoom.example/j/1?pwd=x"},
        "event_memberships": [{"user_email": "host@x.example"}],
    },
    "status": "active",
    "text_reminder_number": "+1 404-555-1234",
    "timezone": "Europe/London",
    "tracking": {"utm_source": "mail", "utm_campaign": "winter", "utm_medium": None, "salesforce_uuid": None},
    "uri": f"{CALLS}/invitees/I1",
}


def events(kind: str, **other: Any) -> list[Event]:
    raw = orjson.dumps({"created_at": "2020-11-23T17:51:19.000000Z", "event": kind, "payload": INVITEE | other})
    return Calendly().parse(WebhookRequest("https://x/", {}, raw), SOURCE, NOW_MS)


def one(kind: str, **other: Any) -> Event:
    (event,) = events(kind, **other)
    return event


def signature(at_s: int, raw: bytes = b"{}") -> str:
    return hmac.digest(KEY.encode(), f"{at_s}.".encode() + raw, sha256).hex()


def is_genuine(header: str, now_s: float = NOW_S) -> bool:
    request = WebhookRequest("https://x/", {"calendly-webhook-signature": header}, b"{}")
    return Calendly().verify(request, ["another", KEY], now_s).is_genuine


@pytest.mark.parametrize("seconds", [-181, 181])
def test_signed_times_are_judged_both_ways(seconds: int):
    header = f"t={NOW_S + seconds},v1={signature(NOW_S + seconds)}"
    assert not is_genuine(header)
    assert is_genuine(header, NOW_S + seconds)


def test_one_of_several_signatures_is_enough():
    assert is_genuine(f"t={NOW_S},v1={'0' * 64},v1={signature(NOW_S)}")
    assert is_genuine(f"t={NOW_S}, v1={signature(NOW_S)}")


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW_S + 1},v1={signature(NOW_S)}",
        f"t={NOW_S},v0={signature(NOW_S)}",
        f"v1={signature(NOW_S)}",
        f"t={NOW_S + 1},t={NOW_S},v1={signature(NOW_S)}",
        f"t={NOW_S}",
        "",
    ],
)
def test_headers_of_another_form_are_refused(header: str):
    assert not is_genuine(header)


def test_a_booking_is_a_booked_call():
    event = one("invitee.created")
    assert (event.name, event.keys.email, event.keys.phone) == ("call_booked", "ada@x.example", "+14045551234")
    assert event.properties == {
        "call_id": "I1", "call_name": "Intro", "call_type_id": "T1", "starts_at": "2020-11-25T10:00:00.000000Z",
        "ends_at": "2020-11-25T10:30:00.000000Z", "place": "zoom", "answers": {"How did you hear of us?": "Radio"},
    }  # fmt: skip
    assert (event.utm, event.traits["name"]) == (Utm("mail", None, "winter"), "Ada King")


def test_no_links_and_no_hosts_are_copied():
    told = repr(one("invitee.created"))
    assert not any(part in told for part in ("https://", "pwd", "host@x.example"))


def test_a_payment_is_the_calls_value():
    payment = {"provider": "stripe", "amount": 1234.56, "currency": "USD", "terms": "t", "successful": True}
    event = one("invitee.created", payment=payment)
    assert (event.value, event.currency) == (1234.56, "USD")
    assert one("invitee.created", payment=payment | {"successful": False}).value is None


def test_a_cancellation_says_who_and_why():
    cancellation = {
        "canceled_by": "Ada King",
        "reason": "ill",
        "canceler_type": "invitee",
        "created_at": "2020-11-24T00:00:00Z",
    }
    event = one("invitee.canceled", cancellation=cancellation, status="canceled")
    assert (event.name, event.properties["cancelled_by"], event.properties["reason"]) == (
        "call_cancelled",
        "invitee",
        "ill",
    )
    assert event.at_ms == 1_606_176_000_000


def test_a_moved_call_is_one_event_and_no_second_booking():
    assert events("invitee.canceled", rescheduled=True, new_invitee=f"{CALLS}/invitees/I2") == []
    event = one("invitee.created", old_invitee=f"{CALLS}/invitees/I0")
    assert (event.name, event.properties["previous_call_id"]) == ("call_rescheduled", "I0")


def test_a_call_that_nobody_came_to_is_missed():
    no_show = {"uri": "https://api.calendly.com/invitee_no_shows/1", "created_at": "2020-11-25T12:00:00Z"}
    assert one("invitee_no_show.created", no_show=no_show).name == "call_missed"
    assert events("invitee_no_show.deleted", no_show=None) == []


def test_what_is_sent_again_counts_once():
    assert one("invitee.created").id == one("invitee.created", updated_at="later").id
    assert one("invitee.created").id != one("invitee.canceled").id


def test_a_routing_form_is_of_the_address_in_its_answers():
    form = {
        "uri": "https://api.calendly.com/routing_form_submissions/S1",
        "routing_form": "https://api.calendly.com/routing_forms/F1",
        "questions_and_answers": [
            {"question_uuid": "q1", "question": "Email", "answer": "Ada@x.example"},
            {"question_uuid": "q2", "question": "Size", "answer": "10-50"},
        ],
    }
    event = one("routing_form_submission.created", **form)
    assert (event.name, event.profile) == ("form_submitted", "email:ada@x.example")
    assert event.properties == {"form_id": "F1", "response_id": "S1", "answers": {"Size": "10-50"}}
    assert events("routing_form_submission.created", **(form | {"questions_and_answers": []})) == []


def test_other_kinds_become_nothing():
    assert events("event_type.created") == []


@pytest.mark.parametrize(
    "other", [{"email": None, "text_reminder_number": None}, {"payment": 1}, {"created_at": "soon"}]
)
def test_payloads_that_can_not_be_used_are_refused(other: dict[str, Any]):
    with pytest.raises(IngestError):
        events("invitee.created", **other)
