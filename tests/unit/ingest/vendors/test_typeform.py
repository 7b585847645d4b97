"""Typeform: base64 and not hexadecimal, answers become traits and properties; links name nobody if an answer does."""

import hmac
from hashlib import sha256
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.typeform import Typeform
from streams.model.events import Event, Utm

NOW_MS = 1_790_000_000_000
SOURCE = Source("src_tf", "ws", "typeform")


def field(number: int, kind: str, title: str = "", **other: Any) -> dict[str, Any]:
    return {"id": f"f{number}", "type": kind, "ref": f"ref{number}", "title": title} | other


def answer(number: int, kind: str, value: Any, field_type: str = "short_text") -> dict[str, Any]:
    return {"type": kind, kind: value, "field": {"id": f"f{number}", "ref": f"ref{number}", "type": field_type}}


# After typeform.com/developers/webhooks/example-payload
FIELDS = [
    field(1, "long_text", "What's it like where you live?"),
    field(2, "email", "Please give us your email address."),
    field(3, "short_text", "What is your first name?"),
    field(4, "picture_choice", "Which pictures do you like?"),
    field(5, "legal", "You accept"),
    field(6, "opinion_scale", "How important is the weather?"),
]
ANSWERS = [
    answer(1, "text", "It's cold right now!", "long_text"),
    answer(2, "email", "Laura@Example.com", "email"),
    answer(3, "text", "Laura"),
    answer(4, "choices", {"labels": ["London", "Sydney"], "other": "Oslo"}, "picture_choice"),
    answer(5, "boolean", True, "legal"),
    answer(6, "number", 2, "opinion_scale"),
]
RESPONSE: dict[str, Any] = {
    "form_id": "lT4Z3j",
    "token": "a3a12ec67a1365927098a606107fac15",
    "submitted_at": "2018-01-18T18:17:02Z",
    "landed_at": "2018-01-18T18:07:02Z",
    "calculated": {"score": 9},
    "hidden": {"user_id": "abc123456", "utm_source": "mail", "utm_campaign": "winter"},
    "definition": {"id": "lT4Z3j", "title": "Webhooks example", "fields": FIELDS},
    "answers": ANSWERS,
}


def events(response: dict[str, Any], event_type: str = "form_response", event_id: str = "LtWXD3crgy") -> list[Event]:
    raw = orjson.dumps({"event_id": event_id, "event_type": event_type, "form_response": response})
    return Typeform().parse(WebhookRequest("https://x/", {}, raw), SOURCE, NOW_MS)


def one(**other: Any) -> Event:
    (event,) = events(RESPONSE | other)
    return event


@pytest.mark.parametrize("form", ["{hex}", "sha256={hex}", "{base64}"])
def test_a_signature_of_another_form_is_refused(form: str):
    digest = hmac.digest(b"secret", b"{}", sha256)
    given = form.format(hex=digest.hex(), base64="RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=")
    verdict = Typeform().verify(WebhookRequest("https://x/", {"typeform-signature": given}, b"{}"), ["secret"], 0)
    assert (verdict.is_genuine, "typeform-signature" in verdict.reason) == (False, True)


def test_a_form_is_submitted_by_whom_its_answers_name():
    event = one()
    assert (event.name, event.profile, event.keys.user_id) == ("form_submitted", "email:laura@example.com", None)
    assert event.traits == {"email": "Laura@Example.com", "first_name": "Laura"}
    assert event.utm == Utm("mail", None, "winter")


def test_other_answers_are_kept_by_their_reference():
    properties = one().properties
    assert properties["answers"] == {
        "ref1": "It's cold right now!", "ref4": ["London", "Sydney", "Oslo"], "ref5": True, "ref6": 2,
    }  # fmt: skip
    assert (properties["form_id"], properties["form_name"], properties["form_score"]) == (
        "lT4Z3j",
        "Webhooks example",
        9,
    )


def test_a_response_sent_again_counts_once_whatever_its_event_id():
    (first,), (again,) = events(RESPONSE, event_id="a"), events(RESPONSE, event_id="b")
    assert first.id == again.id
    assert one(token="another").id != first.id


@pytest.mark.parametrize(
    ("hidden", "profile"),
    [
        ({"user_id": "u7", "email": "a@x.example"}, "user:u7"),
        ({"anonymous_id": "b2"}, "anon:b2"),
        ({"email": "a@x.example"}, "email:a@x.example"),
        ({"user_id": "xxxxx" * 100}, "anon:typeform:a3a12ec67a1365927098a606107fac15"),
        ({"user_id": "null"}, "anon:typeform:a3a12ec67a1365927098a606107fac15"),
        (None, "anon:typeform:a3a12ec67a1365927098a606107fac15"),
    ],
)
def test_hidden_fields_identify_only_where_no_answer_does(hidden: Any, profile: str):
    assert one(hidden=hidden, answers=[]).profile == profile


@pytest.mark.parametrize(
    ("title", "trait"),
    [
        ("What is your first name?", "first_name"),
        ("Last name", "last_name"),
        ("Your company:", "company"),
        ("Name", "name"),
        ("What's your full name?", "name"),
        ("Your pet's name", ""),
        ("What name shall we give it?", ""),
    ],
)
def test_names_are_told_by_their_question(title: str, trait: str):
    definition = {"fields": [field(3, "short_text", title)]}
    event = one(definition=definition, answers=[answer(3, "text", "X")])
    assert event.traits == ({trait: "X"} if trait else {})


def test_contact_info_is_traits_and_an_address_is_not_copied():
    inner = [field(11, "short_text", "First", subfield_key="first_name"), field(12, "phone_number", "Phone")]
    street = [field(13, "short_text", "Address"), field(14, "short_text", "City")]
    definition = {
        "fields": [
            field(1, "contact_info", "You", properties={"fields": inner}),
            field(2, "address", "Where", properties={"fields": street}),
        ]
    }
    given = [
        answer(11, "text", "Ada"), answer(12, "phone_number", "+44 20 7946 0001", "phone_number"),
        answer(13, "text", "1 Main St"), answer(14, "text", "Oslo"),
    ]  # fmt: skip
    event = one(definition=definition, answers=given)
    assert (event.traits, event.profile) == ({"first_name": "Ada", "phone": "+44 20 7946 0001"}, "phone:+442079460001")
    assert "answers" not in event.properties


def test_files_and_payments_are_not_copied():
    given = [
        answer(1, "payment", {"amount": "1", "last4": "1234", "name": "A"}, "payment"),
        answer(2, "file_url", "https://x", "file_upload"),
    ]
    assert "answers" not in one(answers=given, definition=None).properties


def test_a_form_left_half_way_is_started_and_its_submission_another():
    (event,) = events(RESPONSE, "form_response_partial")
    assert (event.name, event.id == one().id) == ("form_started", False)


def test_other_kinds_become_nothing():
    assert events(RESPONSE, "form_closed") == []


@pytest.mark.parametrize("other", [{"answers": {"a": 1}}, {"answers": [1]}, {"hidden": []}, {"submitted_at": "soon"}])
def test_responses_that_can_not_be_used_are_refused(other: dict[str, Any]):
    with pytest.raises(IngestError):
        events(RESPONSE | other)
