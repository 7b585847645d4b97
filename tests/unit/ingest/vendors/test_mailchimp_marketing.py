"""Mailchimp's audiences: known by the secret in the address; subscribers, leavers, profiles, cleaned addresses."""

from urllib.parse import urlencode

import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.mailchimp_marketing import MailchimpMarketing
from streams.model.events import ProfileKeys

SOURCE = Source("src_audience", "ws", "mailchimp_marketing")
SECRET = "3c8a0f5be1d94d17a6f20c9b8e7d6a5f41c2"
URL = "https://events.example.com/webhooks/src_audience"
NOW_MS = 1_790_000_000_000
# After https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/
SUBSCRIBE = {
    "type": "subscribe",
    "fired_at": "2009-03-26 21:35:57",
    "data[id]": "8a25ff1d98",
    "data[list_id]": "a6b5da1054",
    "data[email]": "Api@mailchimp.com",
    "data[email_type]": "html",
    "data[ip_opt]": "10.20.10.30",
    "data[merges][EMAIL]": "api@mailchimp.com",
    "data[merges][FNAME]": "Mailchimp",
    "data[merges][LNAME]": "API",
    "data[merges][PHONE]": "+1 555 010 0199",
    "data[merges][BIRTHDAY]": "",
    "data[merges][ADDRESS][addr1]": "1 Main St",
    "data[merges][GROUPINGS][0][id]": "78830",
    "data[merges][INTERESTS]": "Group1,Group2",
}


def request(fields: dict[str, str], url: str = URL, method: str = "POST") -> WebhookRequest:
    return WebhookRequest(url, {}, urlencode(fields).encode(), method)


def parsed(changed: dict[str, str] | None = None, now_ms: int = NOW_MS):
    return MailchimpMarketing().parse(request(SUBSCRIBE | (changed or {})), SOURCE, now_ms)


def test_the_probe_is_answered_without_the_secret_and_no_post_is():
    vendor = MailchimpMarketing()
    assert vendor.handshake(request({}, method="GET"), []) is not None
    assert vendor.handshake(request({}, method="HEAD"), []) is not None
    assert vendor.handshake(request(SUBSCRIBE), [SECRET]) is None


@pytest.mark.parametrize(("query", "holds"), [(f"?secret={SECRET}", True), ("?secret=", False), ("", False)])
def test_a_post_must_carry_the_secret(query: str, holds: bool):
    verdict = MailchimpMarketing().verify(request(SUBSCRIBE, URL + query), [SECRET], 0)
    assert verdict.is_genuine is holds


def test_a_subscriber_is_known_with_names_and_interests():
    (event,) = parsed()
    assert (event.name, event.at_ms) == ("email_subscribed", 1238103357000)
    assert event.keys == ProfileKeys(
        email="api@mailchimp.com", phone="+15550100199", custom=(("mailchimp", "8a25ff1d98"),)
    )
    assert event.properties == {"list_id": "a6b5da1054"}
    assert event.traits == {
        "first_name": "Mailchimp",
        "last_name": "API",
        "phone": "+1 555 010 0199",
        "interests": "Group1,Group2",
    }


@pytest.mark.parametrize(
    ("kind", "action", "reason", "name"),
    [
        ("unsubscribe", "unsub", "manual", "unsubscribed"),
        ("unsubscribe", "unsub", "abuse", "email_marked_as_spam"),
        ("unsubscribe", "delete", "manual", "contact_deleted"),
        ("cleaned", "", "hard", "email_bounced"),
        ("cleaned", "", "abuse", "email_marked_as_spam"),
        ("profile", "", "", "identified"),
    ],
)
def test_each_kind_has_its_event(kind: str, action: str, reason: str, name: str):
    (event,) = parsed({"type": kind, "data[action]": action, "data[reason]": reason})
    assert (event.name, event.properties.get("bounce_type")) == (name, "hard" if name == "email_bounced" else None)


def test_a_new_address_says_which_it_replaces():
    fields = {
        "type": "upemail",
        "fired_at": "2009-03-26 22:15:09",
        "data[list_id]": "a6b5da1054",
        "data[new_id]": "51da8c3259",
        "data[new_email]": "api+new@mailchimp.com",
        "data[old_email]": "api+old@mailchimp.com",
    }
    (event,) = MailchimpMarketing().parse(request(fields), SOURCE, NOW_MS)
    assert event.keys == ProfileKeys(email="api+new@mailchimp.com", custom=(("mailchimp", "51da8c3259"),))
    assert (event.name, event.properties["old_email"]) == ("identified", "api+old@mailchimp.com")
    assert event.traits == {"email": "api+new@mailchimp.com"}


def test_news_of_campaigns_are_not_used():
    assert parsed({"type": "campaign", "data[status]": "sent"}) == []


def test_the_same_body_has_the_same_id():
    assert parsed()[0].id == parsed(now_ms=NOW_MS + 1)[0].id
    assert parsed()[0].id != parsed({"fired_at": "2009-03-26 21:35:58"})[0].id


@pytest.mark.parametrize("raw", [b"", b"\xff", b"type=subscribe", b"type=subscribe&data[email]=a@b.c&fired_at=soon"])
def test_a_body_that_names_nobody_or_no_time_is_refused(raw: bytes):
    with pytest.raises(IngestError):
        MailchimpMarketing().parse(WebhookRequest(URL, {}, raw), SOURCE, NOW_MS)
