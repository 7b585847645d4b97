"""Intercom: SHA-1 signatures, pings, who the contact is among those who write, and what topics become."""

import hmac
from typing import Any

import orjson
import pytest

from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.intercom import Intercom
from streams.model.events import Event, ProfileKeys, Utm

NOW_MS = 1_800_000_000_000
SECRET = "3e4a5b6c-7d8e-4f90-a1b2-c3d4e5f60718"
URL = "https://events.example.com/webhooks/src_ic"
SOURCE = Source("src_ic", "ws", "intercom")
# developers.intercom.com/docs/references/webhooks/webhook-models, and notifications as they come
CONTACT: dict[str, Any] = {
    "type": "contact", "id": "6961d404", "external_id": "24", "role": "user", "email": "User@example.com",
    "phone": "+1 555-123-4567", "name": "Sample User", "created_at": "2026-01-10T04:22:28.240+00:00",
    "location": {"type": "location", "city": "Bengaluru"}, "browser": "chrome", "utm_campaign": "spring",
    "custom_attributes": {"plan": "pro", "seats": 3, "list": []}, "signed_up_at": None,
}  # fmt: skip
ADMIN = {"type": "admin", "id": "1957471", "name": "Agent", "email": "agent@shop.example"}
PART = {
    "type": "conversation_part",
    "id": "2824391734",
    "body": "<p>Well, I&nbsp;need <b>help</b>.</p>",
    "author": ADMIN,
}
OLD: dict[str, Any] = {
    "type": "conversation", "id": "21322009097", "assignee": ADMIN,
    "user": {"type": "user", "id": "5c9553cb", "user_id": "7", "name": "Rose", "email": "rose@example.com"},
    "conversation_message": {"subject": "", "body": "<p>Hello</p>", "author": {"type": "user", "id": "5c9553cb"}},
    "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [PART], "total_count": 1},
}  # fmt: skip
NEW: dict[str, Any] = {
    "type": "conversation", "id": "215472629311235",
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "5c9553cb", "external_id": "7"}]},
    "source": {
        "type": "email", "subject": "<p>Price?</p>", "body": "<p>Hello</p>", "url": "https://shop.example/pricing",
        "author": {"type": "user", "id": "5c9553cb", "email": "rose@example.com"},
    },
    "conversation_parts": {"conversation_parts": [PART], "total_count": 1},
}  # fmt: skip
TICKET: dict[str, Any] = {
    "type": "ticket", "id": "215", "ticket_id": "66040342",
    "ticket_attributes": {"_default_title_": "Cannot log in", "_default_description_": "..."},
    "ticket_state": {"category": "submitted"}, "ticket_type": {"name": "Tickets"},
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "696346bb", "external_id": "f7c0"}]},
    "ticket_parts": {"ticket_parts": [{"author": {"type": "bot", "id": "9608808", "email": "operator@intercom.io"}}]},
}  # fmt: skip


def notification(topic: str, item: object, **more: Any) -> bytes:
    told = {
        "type": "notification_event",
        "data": {"item": item},
        "id": "notif_1",
        "topic": topic,
        "created_at": 1553290198,
    }
    return orjson.dumps(told | more)


def events(topic: str, item: object, **more: Any) -> list[Event]:
    return Intercom().parse(WebhookRequest(URL, {}, notification(topic, item, **more)), SOURCE, NOW_MS)


def signed(raw: bytes, scheme: str = "sha1") -> WebhookRequest:
    return WebhookRequest(URL, {"x-hub-signature": f"{scheme}={hmac.digest(SECRET.encode(), raw, scheme).hex()}"}, raw)


def test_ping_is_judged_as_all_others_and_takes_no_events():
    ping = notification("ping", {"type": "ping", "message": "something something interzen"}, id=None)
    assert Intercom().verify(signed(ping), [SECRET], 0).is_genuine
    assert not Intercom().verify(signed(ping)._replace(headers={}), [SECRET], 0).is_genuine
    assert Intercom().parse(signed(ping), SOURCE, NOW_MS) == []


def test_only_sha1_is_what_intercom_signs_with():
    assert not Intercom().verify(signed(b"{}", "sha256"), [SECRET], 0).is_genuine


def test_head_request_is_told_that_somebody_is_here_and_nothing_else():
    assert Intercom().handshake(WebhookRequest(URL, {}, b"", "HEAD"), []) == (b"", "application/json", 200)
    assert Intercom().handshake(WebhookRequest(URL, {}, b"", "GET"), [SECRET]) is None


@pytest.mark.parametrize("topic", ["contact.user.created", "contact.lead.updated", "contact.email.updated"])
def test_contact_is_identified_by_id_email_and_phone(topic: str):
    event = events(topic, CONTACT)[0]
    assert (event.name, event.utm) == ("identified", Utm(campaign="spring"))
    assert event.keys == ProfileKeys(email="user@example.com", phone="+15551234567", custom=(("intercom", "6961d404"),))
    assert event.traits == {"plan": "pro", "seats": 3, "name": "Sample User", "role": "user", "external_id": "24"}


def test_notification_sent_again_has_the_same_id():
    first, second = (events("contact.user.created", CONTACT, delivery_attempts=one)[0] for one in (1, 2))
    assert first.id == second.id
    assert first.id != events("contact.user.created", CONTACT, id="notif_2")[0].id


def test_visitor_who_signs_up_is_told_so():
    user = {"type": "user", "id": "6961e6de", "user_id": "u1", "email": "f@example.com", "anonymous": False}
    assert [(one.name, one.keys.email) for one in events("visitor.signed_up", user)] == [("signed_up", "f@example.com")]


def test_deleted_contact_is_known_by_its_id():
    event = events("contact.deleted", {"id": "6961", "external_id": "1", "type": "contact", "deleted": True})[0]
    assert (event.name, event.profile) == ("contact_deleted", "custom:intercom:6961")


@pytest.mark.parametrize(("topic", "name"), [("created", "contact_tagged"), ("deleted", "contact_untagged")])
def test_tags_are_told(topic: str, name: str):
    item = {"type": "contact_tag", "tag": {"id": "1", "name": "Feature Request"}, "contact": CONTACT}
    event = events(f"contact.user.tag.{topic}", item)[0]
    assert (event.name, event.properties, event.keys.email) == (name, {"tag": "Feature Request"}, "user@example.com")


def test_unsubscribing_from_everything_is_about_mail():
    item = {"type": "contact_unsubscribe", "contact": CONTACT, "subscription_types": {"type": "list", "data": []}}
    assert [one.name for one in events("contact.unsubscribed", item)] == ["unsubscribed"]


def test_unsubscribing_from_some_says_from_what():
    kind = {"default_translation": {"name": "Offers"}, "content_types": ["email", "sms_message"]}
    item = {"type": "granular_unsubscribe", "contact": CONTACT, "subscription_types": {"data": [kind]}}
    by_mail, by_sms = events("granular.unsubscribe", item)
    assert (by_mail.name, by_mail.properties) == ("unsubscribed", {"subscriptions": ["Offers"]})
    assert (by_sms.name, by_sms.properties["channel"]) == ("message_unsubscribed", "sms")
    assert by_mail.id != by_sms.id


@pytest.mark.parametrize("item", [OLD, NEW])
def test_conversation_is_the_contact_s_in_both_forms(item: dict[str, Any]):
    event = events("conversation.user.created", item)[0]
    assert (event.name, event.keys) == (
        "conversation_started",
        ProfileKeys(email="rose@example.com", custom=(("intercom", "5c9553cb"),)),
    )
    assert (event.properties["by"], event.properties["text"]) == ("customer", "Hello")


@pytest.mark.parametrize("item", [OLD, NEW])
def test_reply_of_the_team_is_not_of_the_team_s_address(item: dict[str, Any]):
    event = events("conversation.admin.replied", item)[0]
    assert (event.keys.email, event.properties["by"]) == ("rose@example.com", "team")
    assert event.properties["text"] == "Well, I need help ."


def test_ticket_is_the_contact_s_and_not_the_bot_s():
    event = events("ticket.created", TICKET)[0]
    assert (event.name, event.keys) == ("ticket_created", ProfileKeys(custom=(("intercom", "696346bb"),)))
    assert event.properties == {
        "ticket_id": "66040342", "subject": "Cannot log in", "status": "submitted", "kind": "Tickets",
    }  # fmt: skip


def test_reply_to_a_ticket_knows_the_contact_s_address():
    own = {"type": "user", "id": "696346bb", "email": "ada@example.com"}
    ticket = TICKET | {"ticket_parts": {"ticket_parts": [{"author": ADMIN}, {"author": own}]}}
    item = {"type": "ticket_ticket_part", "ticket": ticket, "ticket_part": {"body": "<p>asfsf</p>", "author": own}}
    event = events("ticket.contact.replied", item)[0]
    assert (event.name, event.keys.email) == ("conversation_replied", "ada@example.com")
    assert (event.properties["ticket_id"], event.properties["text"]) == ("66040342", "asfsf")


@pytest.mark.parametrize("topic", ["admin.logged_in", "company.created", "conversation.read", "article.created"])
def test_other_topics_are_not_used(topic: str):
    assert events(topic, {"type": "x", "id": "1"}) == []
