"""Postmark: known by what its requests carry; outcomes, and those that two webhooks tell counted once."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.postmark import Postmark

SOURCE = Source("src_mail", "ws", "postmark")
NOW_MS = 1_790_000_000_000
SECRET = "hooks:3c8a0f5be1d94d17a6f20c9b8e7d6a5f41c2"
# After the pages of https://postmarkapp.com/developer/webhooks/webhooks-overview
BOUNCE: dict[str, Any] = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "Tag": "welcome",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {"campaign": "winter", "delivery_id": "d1"},
    "ServerID": 1234,
    "MessageStream": "outbound",
    "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
    "Details": "smtp;550 5.1.1 no such user",
    "Email": "John@example.com",
    "From": "sender@example.com",
    "BouncedAt": "2019-11-05T16:33:54.9070259Z",
    "Inactive": True,
    "Subject": "Test subject",
    "Content": "<Full dump of bounce>",
}
CHANGE: dict[str, Any] = {
    "RecordType": "SubscriptionChange",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 1234,
    "MessageStream": "outbound",
    "ChangedAt": "2020-02-01T10:53:34.416071Z",
    "Recipient": "john@example.com",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "ManualSuppression",
    "Tag": "welcome",
    "Metadata": {},
}
CLICK: dict[str, Any] = {
    "RecordType": "Click",
    "ClickLocation": "HTML",
    "Client": {"Name": "Chrome"},
    "UserAgent": "Mozilla/5.0",
    "OriginalLink": "https://example.com/click/me",
    "Geo": {"City": "Novi Sad", "IP": "8.8.8.8"},
    "MessageID": "f4830d10-9c35-4f0c-bca3-3d9b459821f8",
    "ReceivedAt": "2017-10-25T15:21:11.9065619Z",
    "Tag": "welcome-email",
    "Recipient": "recipient@example.com",
}


def request(payload: object, **headers: str) -> WebhookRequest:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return WebhookRequest("https://events.example.com/webhooks/src_mail", headers, raw)


def parsed(payload: object, now_ms: int = NOW_MS):
    return Postmark().parse(request(payload), SOURCE, now_ms)


@pytest.mark.parametrize(
    ("header", "value"),
    [("authorization", "Basic " + b64encode(SECRET.encode()).decode()), ("x-webhook-secret", SECRET)],
)
def test_the_secret_comes_as_credentials_or_in_a_header(header: str, value: str):
    assert Postmark().verify(request(CLICK, **{header: value}), [SECRET], 0).is_genuine
    assert not Postmark().verify(request(CLICK, **{header: value[:-4]}), [SECRET], 0).is_genuine


def test_a_hard_bounce_tells_message_campaign_and_reason():
    (event,) = parsed(BOUNCE)
    assert (event.name, event.profile, event.at_ms) == ("email_bounced", "email:john@example.com", 1572971634907)
    assert event.properties == {
        "message_id": BOUNCE["MessageID"],
        "delivery_id": "d1",
        "campaign": "winter",
        "tags": ["welcome"],
        "metadata": {"campaign": "winter", "delivery_id": "d1"},
        "bounce_type": "hard",
        "reason": "smtp;550 5.1.1 no such user",
        "stream": "outbound",
    }


@pytest.mark.parametrize(
    ("kind", "name", "bounce_type"),
    [
        ("BadEmailAddress", "email_bounced", "hard"),
        ("SoftBounce", "email_bounced", "soft"),
        ("Blocked", "email_bounced", "blocked"),
        ("DMARCPolicy", "email_bounced", "blocked"),
        ("SpamNotification", "email_bounced", "blocked"),
        ("Transient", "email_deferred", None),
        ("VirusNotification", "email_dropped", None),
        ("SpamComplaint", "email_marked_as_spam", None),
        ("Unsubscribe", "unsubscribed", None),
        ("Subscribe", "email_subscribed", None),
    ],
)
def test_the_type_of_a_bounce_says_what_it_was(kind: str, name: str, bounce_type: str | None):
    (event,) = parsed({**BOUNCE, "Type": kind})
    assert (event.name, event.properties.get("bounce_type")) == (name, bounce_type)


@pytest.mark.parametrize("kind", ["AutoResponder", "AddressChange", "ChallengeVerification", "SomethingNew"])
def test_automatic_replies_are_no_bounces(kind: str):
    assert parsed({**BOUNCE, "Type": kind}) == []


def test_a_click_has_its_link_and_no_trace_of_place_or_program():
    (event,) = parsed(CLICK)
    assert event.name == "email_clicked"
    assert event.properties == {
        "message_id": CLICK["MessageID"],
        "tags": ["welcome-email"],
        "url": "https://example.com/click/me",
    }


@pytest.mark.parametrize(("record", "name"), [("Delivery", "email_delivered"), ("Open", "email_opened")])
def test_deliveries_and_opens_are_told(record: str, name: str):
    (event,) = parsed({**CLICK, "RecordType": record, "OriginalLink": None})
    assert event.name == name


@pytest.mark.parametrize(
    ("suppressed", "reason", "name"),
    [
        (True, "ManualSuppression", "unsubscribed"),
        (True, "HardBounce", "email_bounced"),
        (True, "SpamComplaint", "email_marked_as_spam"),
        (False, None, "email_subscribed"),
    ],
)
def test_a_subscription_change_says_why(suppressed: bool, reason: str | None, name: str):
    (event,) = parsed({**CHANGE, "SuppressSending": suppressed, "SuppressionReason": reason})
    assert (event.name, event.properties["origin"]) == (name, "Recipient")


@pytest.mark.parametrize(("kind", "record"), [("HardBounce", "Bounce"), ("SpamComplaint", "SpamComplaint")])
def test_what_two_webhooks_tell_counts_once(kind: str, record: str):
    first = parsed({**BOUNCE, "RecordType": record, "Type": kind})[0]
    second = parsed({**CHANGE, "SuppressionReason": kind})[0]
    assert first.id == second.id


def test_without_a_message_two_complaints_are_two():
    nameless = {**CHANGE, "SuppressionReason": "SpamComplaint", "MessageID": None}
    assert parsed(nameless)[0].id != parsed({**nameless, "ChangedAt": "2020-02-02T10:53:34Z"})[0].id


def test_repeats_have_the_same_id_and_another_click_has_not():
    assert parsed(CLICK)[0].id == parsed(CLICK, NOW_MS + 1)[0].id
    assert parsed(CLICK)[0].id != parsed({**CLICK, "OriginalLink": "https://example.com/other"})[0].id


def test_inbound_mail_is_not_used():
    assert parsed({"FromFull": {"Email": "from@example.org"}, "TextBody": "hello"}) == []


def test_a_bounce_without_address_is_refused():
    """Seen at https://github.com/anymail/django-anymail/issues/447."""
    with pytest.raises(IngestError):
        parsed({key: value for key, value in BOUNCE.items() if key != "Email"} | {"Type": "Unsubscribe"})
