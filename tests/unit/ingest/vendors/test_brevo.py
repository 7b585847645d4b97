"""Brevo: known by what its requests carry; mail, SMS and contacts, one at a time or in batches."""

from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.brevo import Brevo
from streams.model.events import ProfileKeys

SOURCE = Source("src_brevo", "ws", "brevo")
NOW_MS = 1_790_000_000_000
SECRET = "3c8a0f5be1d94d17a6f20c9b8e7d6a5f41c2"
# After https://developers.brevo.com/docs/transactional-webhooks
CLICK: dict[str, Any] = {
    "event": "click",
    "email": "Example@domain.com",
    "id": 26224,
    "date": "2020-10-09 00:00:00",
    "ts": 1604933619,
    "message-id": "<201798300811.5787683@relay.domain.com>",
    "ts_event": 1604933654,
    "subject": "My first Transactional",
    "X-Mailin-custom": '{"campaign": "winter", "delivery_id": "d1"}',
    "sending_ip": "185.41.28.109",
    "template_id": 22,
    "tags": ["transac_messages"],
    "link": "https://domain.com/offer",
    "contact_id": 8,
}
# After https://developers.brevo.com/docs/marketing-webhooks
SPAM = {
    "id": 26224,
    "camp_id": 7,
    "email": "example@domain.com",
    "campaign name": "My First Campaign ",
    "event": "spam",
    "reason": "undesired",
    "tag": "",
    "ts_sent": 1604933619,
    "ts_event": 1604933737,
    "ts": 1604937337,
}


def request(payload: object, **headers: str) -> WebhookRequest:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return WebhookRequest("https://events.example.com/webhooks/src_brevo", headers, raw)


def parsed(payload: object, now_ms: int = NOW_MS):
    return Brevo().parse(request(payload), SOURCE, now_ms)


@pytest.mark.parametrize(
    ("header", "value"), [("authorization", f"Bearer {SECRET}"), ("x-webhook-secret", SECRET)], ids=["token", "header"]
)
def test_the_secret_comes_as_a_token_or_in_a_header(header: str, value: str):
    assert Brevo().verify(request(CLICK, **{header: value}), [SECRET], 0).is_genuine
    assert not Brevo().verify(request(CLICK, **{header: value + "0"}), [SECRET], 0).is_genuine


def test_a_click_tells_message_campaign_and_contact():
    (event,) = parsed(CLICK)
    assert (event.name, event.at_ms) == ("email_clicked", 1604933654000)
    assert event.keys == ProfileKeys(email="example@domain.com", custom=(("brevo", "8"),))
    assert event.properties == {
        "message_id": CLICK["message-id"],
        "delivery_id": "d1",
        "campaign": "winter",
        "tags": ["transac_messages"],
        "metadata": {"campaign": "winter", "delivery_id": "d1"},
        "url": "https://domain.com/offer",
    }


def test_a_marketing_event_names_its_campaign():
    (event,) = parsed(SPAM)
    assert (event.name, event.properties) == (
        "email_marked_as_spam",
        {"campaign": "My First Campaign", "reason": "undesired"},
    )


@pytest.mark.parametrize(
    ("kind", "name", "bounce_type"),
    [
        ("request", "email_sent", None),
        ("delivered", "email_delivered", None),
        ("deferred", "email_deferred", None),
        ("hard_bounce", "email_bounced", "hard"),
        ("soft_bounce", "email_bounced", "soft"),
        ("invalid_email", "email_bounced", "hard"),
        ("blocked", "email_dropped", None),
        ("error", "email_dropped", None),
        ("unique_opened", "email_opened", None),
        ("complaint", "email_marked_as_spam", None),
        ("unsubscribed", "unsubscribed", None),
        ("unsubscribe", "unsubscribed", None),
    ],
)
def test_each_kind_has_its_event(kind: str, name: str, bounce_type: str | None):
    (event,) = parsed({**CLICK, "event": kind})
    assert (event.name, event.properties.get("bounce_type")) == (name, bounce_type)


def test_an_open_by_a_program_is_marked():
    assert parsed({**CLICK, "event": "unique_proxy_open"})[0].properties["is_machine"] is True


def test_a_first_open_that_is_told_twice_counts_once():
    assert parsed({**CLICK, "event": "unique_opened"})[0].id == parsed({**CLICK, "event": "opened"})[0].id


def test_a_time_in_the_accounts_own_zone_gives_way_to_the_later_one_in_utc():
    """Both as received in live testing, see https://github.com/anymail/django-anymail/blob/main/tests/test_brevo_webhooks.py."""
    (event,) = parsed({**CLICK, "ts": 1520331023, "ts_event": 1520331023, "ts_epoch": 1520363423000})
    assert event.at_ms == 1520363423000


def test_our_own_message_id_tells_the_delivery():
    (event,) = parsed({**CLICK, "X-Mailin-custom": "plan:pro|lang:de", "message-id": f"<{'0f' * 16}@mail.example.com>"})
    assert event.properties["delivery_id"] == "0f" * 16
    assert event.properties["metadata"] == {"plan": "pro", "lang": "de"}


def test_a_batch_has_an_event_an_item_and_a_bad_one_spoils_no_other():
    assert [event.name for event in parsed([CLICK, SPAM])] == ["email_clicked", "email_marked_as_spam"]
    with pytest.raises(PartlyUnusableError) as caught:
        parsed([CLICK, {**SPAM, "email": None}])
    assert (len(caught.value.events), len(caught.value.unusable)) == (1, 1)


def test_a_contact_without_id_is_known_by_its_address_alone():
    assert parsed({**CLICK, "contact_id": 0})[0].keys == ProfileKeys(email="example@domain.com")


def test_an_updated_contact_brings_its_traits():
    content = [{"NAME": "John", "LASTNAME": "Doe"}]
    (event,) = parsed({"event": "contact_updated", "email": "a@example.com", "content": content, "ts": 1604937111})
    assert (event.name, event.traits) == ("identified", {"name": "John", "lastname": "Doe"})


def test_being_put_on_a_list_is_no_subscription():
    (event,) = parsed({"event": "list_addition", "email": "a@example.com", "list_id": [34, 12], "ts": 1604937111})
    assert (event.name, event.properties) == ("identified", {"change": "list_addition", "lists": ["34", "12"]})


def test_contacts_deleted_together_are_told_apart():
    told = parsed({"event": "contact_deleted", "email": ["a@example.com", "b@example.com"], "ts": 1604937111})
    assert [(event.name, event.profile) for event in told] == [
        ("contact_deleted", "email:a@example.com"),
        ("contact_deleted", "email:b@example.com"),
    ]
    assert told[0].id != told[1].id


@pytest.mark.parametrize(
    ("status", "name"),
    [("sent", "message_sent"), ("delivered", "message_delivered"), ("hard_bounce", "message_failed")],
)
def test_a_text_message_is_known_by_its_number(status: str, name: str):
    payload = {"id": 26570, "to": "918076001713", "messageId": 123, "msg_status": status, "date": "2023-01-05 09:04:18"}
    (event,) = parsed(payload)
    assert (event.name, event.profile) == (name, "phone:+918076001713")
    assert event.properties == {"channel": "sms", "message_id": "123"}


def test_repeats_have_the_same_id_and_another_time_another():
    assert parsed(CLICK)[0].id == parsed(CLICK, NOW_MS + 1)[0].id
    assert parsed(CLICK)[0].id != parsed({**CLICK, "ts_event": 1604933655})[0].id


def test_other_kinds_are_not_used():
    assert parsed({"event": "conversationStarted"}) == []


@pytest.mark.parametrize("raw", [b"", b"1", b"[1]", b'{"event":"click"}'])
def test_a_body_without_anything_usable_is_refused(raw: bytes):
    with pytest.raises(IngestError):
        parsed(raw)
