"""What SES says of e-mails: whom it is about, what became of the message, and what is nobody's."""

import json
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.ses import Ses

SOURCE = Source("src_ses", "ws", "ses")
NOW_MS = 1_800_000_000_000
# After https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
MAIL: dict[str, Any] = {
    "timestamp": "2016-10-19T23:20:52.240Z",
    "source": "sender@example.com",
    "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com",
    "sendingAccountId": "123456789012",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "headersTruncated": False,
    "headers": [{"name": "From", "value": "sender@example.com"}, {"name": "X-CampaignIQ-Delivery", "value": "d1"}],
    "commonHeaders": {"from": ["sender@example.com"], "subject": "Message sent from Amazon SES"},
    "tags": {"ses:configuration-set": ["ConfigSet"], "ses:source-ip": ["192.0.2.0"], "campaign": ["winter"]},
}
DELIVERY: dict[str, Any] = {
    "eventType": "Delivery",
    "mail": MAIL,
    "delivery": {
        "timestamp": "2016-10-19T23:21:04.133Z",
        "processingTimeMillis": 11893,
        "recipients": ["recipient@example.com"],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "mta.example.com",
    },
}
BOUNCE: dict[str, Any] = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {"emailAddress": "recipient@example.com", "action": "failed", "status": "5.1.1",
             "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
            {"emailAddress": "Other@example.com"},
        ],
        "timestamp": "2017-08-05T00:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
    },
    "mail": MAIL,
}  # fmt: skip
CLICK: dict[str, Any] = {
    "eventType": "Click",
    "click": {
        "ipAddress": "192.0.2.1",
        "link": "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html",
        "linkTags": {"samplekey0": ["samplevalue0"]},
        "timestamp": "2017-08-09T23:51:25.570Z",
        "userAgent": "Mozilla/5.0",
    },
    "mail": MAIL,
}
SUBSCRIPTION: dict[str, Any] = {
    "eventType": "Subscription",
    "mail": MAIL,
    "subscription": {
        "contactList": "ContactListName",
        "timestamp": "2022-01-12T01:00:17.910Z",
        "source": "UnsubscribeHeader",
        "newTopicPreferences": {
            "unsubscribeAll": True,
            "topicSubscriptionStatus": [{"topicName": "ExampleTopicName", "subscriptionStatus": "OptOut"}],
        },
        "oldTopicPreferences": {
            "unsubscribeAll": False,
            "topicSubscriptionStatus": [{"topicName": "ExampleTopicName", "subscriptionStatus": "OptOut"}],
        },
    },
}


def parsed(told: object, now_ms: int = NOW_MS):
    text = told if isinstance(told, str) else json.dumps(told)
    raw = orjson.dumps({"Type": "Notification", "Message": text})
    return Ses().parse(WebhookRequest("https://events.example.com/webhooks/src_ses", {}, raw), SOURCE, now_ms)


def test_a_delivery_tells_message_campaign_and_delivery():
    (event,) = parsed(DELIVERY)
    assert (event.name, event.profile, event.at_ms) == ("email_delivered", "email:recipient@example.com", 1476919264133)
    assert event.properties == {
        "message_id": MAIL["messageId"],
        "delivery_id": "d1",
        "campaign": "winter",
        "tags": ["ConfigSet"],
        "metadata": {"delivery_id": "d1", "campaign": "winter"},
    }


def test_a_bounce_is_told_of_each_recipient_that_bounced():
    first, second = parsed(BOUNCE)
    assert (first.name, first.properties["bounce_type"], first.properties["reason"]) == (
        "email_bounced",
        "hard",
        "smtp; 550 5.1.1 user unknown",
    )
    assert (second.profile, second.properties["reason"]) == ("email:other@example.com", "General")


@pytest.mark.parametrize(("told", "bounce_type"), [("Transient", "soft"), ("Undetermined", "undetermined")])
def test_a_bounce_says_whether_it_is_final(told: str, bounce_type: str):
    event = parsed({**BOUNCE, "bounce": BOUNCE["bounce"] | {"bounceType": told}})[0]
    assert event.properties["bounce_type"] == bounce_type


def test_both_forms_of_news_of_one_thing_count_once():
    notification = {key: value for key, value in BOUNCE.items() if key != "eventType"} | {"notificationType": "Bounce"}
    assert [event.id for event in parsed(BOUNCE)] == [event.id for event in parsed(notification, NOW_MS + 1)]


@pytest.mark.parametrize(
    ("kind", "key", "what", "name", "reason"),
    [
        ("Send", "send", {}, "email_sent", None),
        ("Reject", "reject", {"reason": "Bad content"}, "email_dropped", "Bad content"),
        ("Rendering Failure", "failure", {"errorMessage": "no name"}, "email_dropped", "no name"),
        ("Open", "open", {"ipAddress": "192.0.2.1"}, "email_opened", None),
        (
            "DeliveryDelay",
            "deliveryDelay",
            {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "recipient@example.com"}]},
            "email_deferred",
            "MailboxFull",
        ),
    ],
)
def test_each_kind_has_its_event(kind: str, key: str, what: dict[str, Any], name: str, reason: str | None):
    (event,) = parsed({"eventType": kind, "mail": MAIL, key: what})
    assert (event.name, event.profile, event.properties.get("reason")) == (name, "email:recipient@example.com", reason)


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"complaintFeedbackType": "abuse"}, ["email_marked_as_spam"]),
        ({}, ["email_marked_as_spam"]),
        ({"complaintFeedbackType": "not-spam"}, []),
        ({"complaintSubType": "OnAccountSuppressionList"}, ["email_dropped"]),
    ],
)
def test_not_every_complaint_is_one(more: dict[str, str], names: list[str]):
    complaint = {"complainedRecipients": [{"emailAddress": "recipient@example.com"}], **more}
    assert [event.name for event in parsed({"eventType": "Complaint", "mail": MAIL, "complaint": complaint})] == names


def test_a_click_has_its_link_and_no_trace_of_place_or_program():
    (event,) = parsed(CLICK)
    assert event.properties["url"] == CLICK["click"]["link"]
    assert "192.0.2" not in repr(event.properties)
    assert "Mozilla" not in repr(event.properties)


def test_a_click_on_a_mail_to_two_is_nobodys():
    assert parsed({**CLICK, "mail": MAIL | {"destination": ["a@example.com", "b@example.com"]}}) == []


def test_leaving_everything_and_leaving_a_topic_are_told_apart():
    (everything,) = parsed(SUBSCRIPTION)
    assert (everything.name, "topics" in everything.properties) == ("unsubscribed", False)
    now = {"topicSubscriptionStatus": [{"topicName": "A", "subscriptionStatus": "OptOut"},
                                       {"topicName": "B", "subscriptionStatus": "OptIn"}]}  # fmt: skip
    before = {"topicSubscriptionStatus": [{"topicName": "A", "subscriptionStatus": "OptIn"}]}
    what = SUBSCRIPTION["subscription"] | {"newTopicPreferences": now, "oldTopicPreferences": before}
    told = parsed({**SUBSCRIPTION, "subscription": what})
    assert [(event.name, event.properties["topics"]) for event in told] == [
        ("unsubscribed", ["A"]),
        ("email_subscribed", ["B"]),
    ]


@pytest.mark.parametrize(
    "told",
    ["Successfully validated SNS topic for Amazon SES event publishing.", "[]", {"notificationType": "Received"}, {}],
)
def test_what_ses_says_besides_is_not_used(told: object):
    assert parsed(told) == []


@pytest.mark.parametrize("people", ["a@example.com", None, ["a@example.com"] * 101])
def test_people_that_are_no_short_list_are_refused(people: object):
    with pytest.raises(IngestError):
        parsed({**DELIVERY, "delivery": {"recipients": people}})
