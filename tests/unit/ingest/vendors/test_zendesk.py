"""Zendesk: signed ISO times, event webhooks and triggers' own JSON, customers but no staff."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.zendesk import Zendesk
from streams.model.events import Event, ProfileKeys

NOW_MS = 1_800_000_000_000
# developer.zendesk.com/documentation/webhooks/verifying: what unsaved webhooks are tested with
SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
STATED = "2026-07-22T10:00:00Z"
NOW_S = datetime(2026, 7, 22, 10, tzinfo=UTC).timestamp()
URL = "https://events.example.com/webhooks/src_zd"
SOURCE = Source("src_zd", "ws", "zendesk")
# developer.zendesk.com/api-reference/webhooks/event-types/ticket-events and user-events
TICKET: dict[str, Any] = {
    "actor_id": "8447388090495", "description": "The app says no", "id": "5158", "is_public": True, "priority": "HIGH",
    "requester_id": "8447388090494", "status": "OPEN", "subject": "Cannot login", "tags": ["mobile", "login"],
    "type": "PROBLEM", "via": {"channel": "web_service"},
}  # fmt: skip
USER: dict[str, Any] = {
    "email": "ada@example.com", "external_id": "", "id": "6596848315901", "organization_id": "0", "role": "end-user",
}  # fmt: skip
TRIGGER = {
    "ticket_id": "35436", "event": "ticket_created", "email": "Ada@example.com", "requester_id": "20978392",
    "subject": "Help", "status": "New", "updated_at": "2026-07-22T09:59:58Z", "name": "Ada",
}  # fmt: skip


def signed(raw: bytes, stated: str = STATED) -> WebhookRequest:
    signature = b64encode(hmac.digest(SECRET.encode(), stated.encode() + raw, "sha256")).decode()
    names = ("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp")
    return WebhookRequest(URL, dict(zip(names, (signature, stated), strict=True)), raw)


def parsed(payload: dict[str, Any]) -> list[Event]:
    return Zendesk().parse(signed(orjson.dumps(payload)), SOURCE, NOW_MS)


def events(kind: str, detail: dict[str, Any], event: object = None, **more: Any) -> list[Event]:
    told = {
        "type": f"zen:event-type:{kind}", "id": "cbe4028c", "time": "2025-01-08T10:12:07.672717030Z", "detail": detail,
        "event": event or {}, "subject": "zen:ticket:5158", "zendesk_event_version": "2022-11-06",
    }  # fmt: skip
    return parsed(told | more)


@pytest.mark.parametrize("late_s", [-299, 0, 299])
def test_request_of_now_is_genuine(late_s: float):
    assert Zendesk().verify(signed(b"{}"), [SECRET], NOW_S + late_s).is_genuine


@pytest.mark.parametrize(("late_s", "reason"), [(301, "ago"), (-301, "future")])
def test_request_of_another_time_is_refused_either_way(late_s: float, reason: str):
    verdict = Zendesk().verify(signed(b"{}"), [SECRET], NOW_S + late_s)
    assert not verdict.is_genuine
    assert reason in verdict.reason


def test_times_may_have_an_offset():
    assert Zendesk().verify(signed(b"{}", "2026-07-22T12:00:00+02:00"), [SECRET], NOW_S).is_genuine


@pytest.mark.parametrize("stated", ["", "1784714400", "soon", "2026-07-22T10:00:00Z" * 10])
def test_what_is_no_time_is_refused_though_it_is_signed(stated: str):
    assert not Zendesk().verify(signed(b"{}", stated), [SECRET], NOW_S).is_genuine


def test_body_is_signed_after_the_time():
    swapped = b64encode(hmac.digest(SECRET.encode(), b"{}" + STATED.encode(), "sha256")).decode()
    request = signed(b"{}")
    headers = {**request.headers, "x-zendesk-webhook-signature": swapped}
    assert not Zendesk().verify(request._replace(headers=headers), [SECRET], NOW_S).is_genuine


def test_new_ticket_is_the_requester_s():
    event = events("ticket.created", TICKET)[0]
    assert (event.name, event.keys) == ("ticket_created", ProfileKeys(custom=(("zendesk", "8447388090494"),)))
    assert event.at_ms == 1_736_331_127_673
    assert event.properties == {
        "ticket_id": "5158", "subject": "Cannot login", "status": "OPEN", "priority": "HIGH", "type": "PROBLEM",
        "tags": ["mobile", "login"], "channel": "web_service",
    }  # fmt: skip


def test_change_says_what_it_was_before():
    event = events("ticket.status_changed", TICKET, {"current": "OPEN", "previous": "NEW"})[0]
    told = {key: event.properties[key] for key in ("change", "status", "previous")}
    assert (event.name, told) == ("ticket_updated", {"change": "status_changed", "status": "OPEN", "previous": "NEW"})


@pytest.mark.parametrize(("is_staff", "by"), [(True, "team"), (False, "customer")])
def test_public_comment_is_a_reply(is_staff: bool, by: str):
    comment = {"id": "9", "body": "We look into it", "is_public": True, "author": {"id": "1", "is_staff": is_staff}}
    event = events("ticket.comment_added", TICKET, {"comment": comment})[0]
    assert (event.name, event.properties["by"], event.properties["text"]) == (
        "conversation_replied", by, "We look into it",
    )  # fmt: skip
    assert event.profile == "custom:zendesk:8447388090494"


def test_private_notes_are_not_used():
    assert events("ticket.comment_added", TICKET, {"comment": {"body": "VIP!", "is_public": False}}) == []


def test_user_is_identified():
    event = events("user.name_changed", USER | {"external_id": "u1"}, {"current": "Ada", "previous": ""})[0]
    assert (event.name, event.traits) == ("identified", {"external_id": "u1", "name": "Ada"})
    assert event.keys == ProfileKeys(email="ada@example.com", custom=(("zendesk", "6596848315901"),))


def test_deleted_user_is_told():
    assert [one.name for one in events("user.deleted", USER)] == ["contact_deleted"]


@pytest.mark.parametrize("role", ["agent", "admin"])
def test_staff_are_no_customers(role: str):
    assert events("user.created", USER | {"role": role}) == []


@pytest.mark.parametrize("kind", ["organization.created", "article.published", "user.password_changed", "ticket.x"])
def test_other_kinds_are_not_used(kind: str):
    assert events(kind, USER | TICKET) == []


def test_webhook_sent_again_has_the_same_id():
    assert events("ticket.created", TICKET)[0].id == events("ticket.created", TICKET)[0].id
    assert events("ticket.created", TICKET)[0].id != events("ticket.created", TICKET, id="d4f5c389")[0].id


def test_trigger_knows_the_address():
    event = parsed(TRIGGER)[0]
    assert (event.name, event.traits) == ("ticket_created", {"name": "Ada"})
    assert event.keys == ProfileKeys(email="ada@example.com", custom=(("zendesk", "20978392"),))
    assert event.properties == {"ticket_id": "35436", "subject": "Help", "status": "New"}


@pytest.mark.parametrize("name", ["Order Completed", "", "unmerged", 1])
def test_trigger_tells_of_tickets_alone(name: object):
    assert [one.name for one in parsed(TRIGGER | {"event": name})] == ["ticket_updated"]


@pytest.mark.parametrize("without", [{"ticket_id": None}, {"email": "", "requester_id": ""}])
def test_trigger_that_names_no_ticket_or_nobody_is_not_used(without: dict[str, Any]):
    assert parsed(TRIGGER | without) == []


def test_trigger_s_time_of_no_known_form_is_refused():
    with pytest.raises(IngestError, match="updated_at"):
        parsed(TRIGGER | {"updated_at": "yesterday"})
