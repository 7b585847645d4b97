"""Infobip: secrets that requests carry, reports of messages and mails, and who the person is in each."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.infobip import Infobip
from streams.model.events import Event, ProfileKeys

NOW_MS = 1_800_000_000_000
URL = "https://events.example.com/webhooks/src_ib"
TOKEN = "zJt4mQ1sV8xN2bK7cR5dF0gH3lP6wY9a"
SOURCE = Source("src_ib", "ws", "infobip")
# infobip.com/docs/api/channels/sms/sms-messaging/logs-and-status-reports/receive-outbound-sms-message-report
REPORT: dict[str, Any] = {
    "bulkId": "BULK-1", "messageId": "MSG-1", "to": "41793026727", "sentAt": "2019-11-09T16:00:00.000+0000",
    "doneAt": "2019-11-09T16:00:01.500+0000", "smsCount": 1, "price": {"pricePerMessage": 0.01, "currency": "EUR"},
    "callbackData": "d-1", "campaignReferenceId": "spring",
    "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
    "error": {"groupId": 0, "groupName": "Ok", "id": 0, "name": "NO_ERROR", "permanent": False},
}  # fmt: skip
FAILED = {"groupId": 5, "groupName": "REJECTED", "id": 8, "name": "REJECTED_PREFIX_MISSING"}
BOUNCED = {"groupId": 2, "groupName": "UNDELIVERABLE", "id": 4, "name": "UNDELIVERABLE_REJECTED_OPERATOR"}
# .../sms/inbound-sms/receive-inbound-sms-messages
SMS: dict[str, Any] = {
    "messageId": "817790313235066447", "from": "385916242493", "to": "385921004026",
    "text": "QUIZ Correct answer is Paris",
    "cleanText": "Correct answer is Paris", "keyword": "QUIZ", "receivedAt": "2016-10-06T09:28:39.220+0000",
}  # fmt: skip
# .../whatsapp/whatsapp-inbound-messages/receive-whatsapp-inbound-messages
WHATSAPP: dict[str, Any] = {
    "from": "385919998888", "to": "41793026731", "integrationType": "WHATSAPP", "messageId": "wamid.1",
    "receivedAt": "2025-01-01T10:10:00.000+0000", "pairedMessageId": "MSG-1",
    "message": {"type": "TEXT", "text": "Hello"},
    "contact": {"name": "Frank", "phoneNumber": "385919998888", "userId": "HR.123123123"},
}  # fmt: skip
# .../email/email-logs-and-reports: tracking
TRACKED = {
    "notificationType": "CLICKED", "domain": "example.com", "recipient": "Joan@example.com", "messageId": "MAIL-1",
    "url": "https://shop.example/", "callbackData": "d-2", "geoLocation": {"city": "Zagreb"},
    "sendDateTime": 1704106800000,
}  # fmt: skip


def parsed(payload: object, query: str = "") -> list[Event]:
    return Infobip().parse(WebhookRequest(URL + query, {}, orjson.dumps(payload)), SOURCE, NOW_MS)


def events(*results: object, query: str = "") -> list[Event]:
    return parsed({"results": list(results)}, query)


def test_only_requests_that_show_the_secret_are_believed():
    basic = {"authorization": "Basic " + b64encode(b"infobip:long password").decode()}
    secrets = ["infobip:long password", TOKEN]
    for headers, query in ((basic, ""), ({}, f"?secret={TOKEN}"), ({"x-webhook-secret": TOKEN}, "")):
        assert Infobip().verify(WebhookRequest(URL + query, headers, b"{}"), secrets, 0).is_genuine
        assert not Infobip().verify(WebhookRequest(URL + query, headers, b"{}"), ["other"], 0).is_genuine
    assert not Infobip().verify(WebhookRequest(URL, {}, b"{}"), secrets, 0).is_genuine


def test_delivered_message_is_told_with_what_its_sender_gave_it():
    event = events(REPORT)[0]
    assert (event.name, event.profile, event.at_ms) == ("message_delivered", "phone:+41793026727", 1_573_315_201_500)
    assert event.properties == {
        "channel": "sms", "message_id": "MSG-1", "delivery_id": "d-1", "campaign": "spring", "bulk_id": "BULK-1",
    }  # fmt: skip


def test_handed_to_the_operator_is_not_yet_delivered():
    told = REPORT | {"status": REPORT["status"] | {"id": 2, "name": "DELIVERED_TO_OPERATOR"}}
    assert [one.name for one in events(told, REPORT)] == ["message_sent", "message_delivered"]


@pytest.mark.parametrize("group", ["UNDELIVERABLE", "EXPIRED", "REJECTED"])
def test_failure_says_why_and_whether_for_good(group: str):
    error = {"id": 51, "name": "EC_INVALID_DESTINATION_ADDRESS", "permanent": True}
    event = events(REPORT | {"status": FAILED | {"groupName": group}, "error": error})[0]
    told = {key: event.properties[key] for key in ("error_code", "error", "is_permanent")}
    assert event.name == "message_failed"
    assert told == {"error_code": 51, "error": "EC_INVALID_DESTINATION_ADDRESS", "is_permanent": True}


@pytest.mark.parametrize("group", ["PENDING", "", None])
def test_messages_on_their_way_are_not_used(group: object):
    assert events(REPORT | {"status": {"groupName": group}}) == []


def test_report_sent_again_counts_once():
    assert events(REPORT)[0].id == events(REPORT | {"bulkId": "other"}, SMS)[0].id


def test_channel_may_stand_in_the_address_or_the_report():
    assert events(REPORT, query="?channel=viber")[0].properties["channel"] == "viber"
    assert events(REPORT | {"channel": "WHATSAPP"}, query="?channel=viber")[0].properties["channel"] == "whatsapp"


@pytest.mark.parametrize(
    ("status", "error", "name", "bounce"),
    [
        (REPORT["status"], {}, "email_delivered", None),
        (BOUNCED, {"permanent": True, "name": "EC_EMAIL_INVALID"}, "email_bounced", "hard"),
        (BOUNCED, {"permanent": False}, "email_bounced", "soft"),
        (BOUNCED, {}, "email_bounced", "undetermined"),
        (FAILED, {}, "email_dropped", None),
        (FAILED | {"groupName": "EXPIRED"}, {}, "email_deferred", None),
    ],
)
def test_reports_of_mails_are_outcomes_of_mails(status: object, error: object, name: str, bounce: str | None):
    event = events(REPORT | {"to": "Joan@example.com", "status": status, "error": error})[0]
    assert (event.name, event.profile) == (name, "email:joan@example.com")
    assert (event.properties.get("bounce_type"), event.properties["delivery_id"]) == (bounce, "d-1")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("OPENED", "email_opened"),
        ("CLICKED", "email_clicked"),
        ("COMPLAINED", "email_marked_as_spam"),
        ("UNSUBSCRIBED", "unsubscribed"),
    ],
)
def test_tracked_mails_are_told(kind: str, name: str):
    event = parsed(TRACKED | {"notificationType": kind})[0]
    assert (event.name, event.profile) == (name, "email:joan@example.com")
    assert (event.properties["message_id"], event.properties["delivery_id"]) == ("MAIL-1", "d-2")


def test_incoming_sms_is_its_sender_s():
    event = events(SMS)[0]
    assert (event.name, event.profile, event.at_ms) == ("message_received", "phone:+385916242493", 1_475_746_119_220)
    assert (event.properties["text"], event.properties["keyword"]) == ("QUIZ Correct answer is Paris", "QUIZ")


def test_incoming_whatsapp_knows_those_who_hide_their_number():
    keys = events(WHATSAPP)[0].keys
    hidden = events(WHATSAPP | {"from": "HR.123123123", "contact": {"userId": "HR.123123123"}})[0].keys
    assert keys == ProfileKeys(phone="+385919998888", custom=(("whatsapp", "HR.123123123"),))
    assert hidden == ProfileKeys(custom=(("whatsapp", "HR.123123123"),))


def test_incoming_whatsapp_keeps_text_and_what_it_answers():
    event = events(WHATSAPP)[0]
    assert event.properties == {
        "channel": "whatsapp", "message_id": "wamid.1", "text": "Hello", "type": "TEXT", "reply_to": "MSG-1",
    }  # fmt: skip


def test_seen_report_is_of_its_sender_and_not_of_the_business():
    seen = {"messageId": "MSG-1", "from": "385919998888", "to": "41793026731", "seenAt": "2018-12-12T11:21:58.251+0000"}
    event = events(seen)[0]
    assert (event.name, event.profile) == ("message_read", "phone:+385919998888")


def test_report_that_cannot_be_used_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        events(REPORT | {"doneAt": "?"}, REPORT, REPORT | {"to": ""})
    assert (len(caught.value.events), len(caught.value.unusable)) == (1, 2)


def test_other_payloads_are_not_used():
    assert parsed({"event": "CALL_FINISHED"}) == []
    assert events({"messageId": "MSG-1", "deletedAt": "2018-12-12T11:21:58.251+0000"}) == []
