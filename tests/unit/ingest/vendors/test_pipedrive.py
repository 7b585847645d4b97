"""Pipedrive: credentials that requests carry, two versions of payloads, retries that differ in a counter."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.pipedrive import Pipedrive
from streams.model.events import Event

NOW_MS = 1_790_000_000_000
SOURCE = Source("src_pd", "ws", "pipedrive")
# pipedrive.readme.io/docs/guide-for-webhooks-v2 and guide-for-webhooks
META_2: dict[str, Any] = {
    "action": "change", "entity": "deal", "company_id": "1", "correlation_id": "c", "entity_id": "7", "id": "ev-1",
    "is_bulk_edit": False, "timestamp": "2026-01-31T12:00:00.000Z", "type": "general", "user_id": "9",
    "version": "2.0", "webhook_id": "3", "webhook_owner_id": "9", "change_source": "app", "attempt": 1,
    "host": "company.pipedrive.com", "permitted_user_ids": ["123"],
}  # fmt: skip
META_1: dict[str, Any] = {
    "v": 1, "action": "updated", "object": "deal", "change_source": "app", "id": 7, "company_id": 1, "user_id": 9,
    "host": "company.pipedrive.com", "timestamp": 1523440213, "timestamp_micro": 1523440213384700,
    "permitted_user_ids": [], "is_bulk_update": False, "webhook_id": 3,
}  # fmt: skip
DEAL: dict[str, Any] = {
    "id": 7, "title": "Fleet", "status": "open", "person_id": 5, "value": 900, "currency": "EUR", "stage_id": 2,
}  # fmt: skip
PERSON: dict[str, Any] = {
    "id": 5, "name": "Ada King", "first_name": "Ada", "last_name": "King",
    "emails": [{"label": "home", "value": "old@x.example"}, {"value": "Ada@x.example", "primary": True}],
    "phones": [{"label": "work", "value": "+44 20 7946 0001", "primary": True}], "postal_address": "1 Main St",
}  # fmt: skip


def events(payload: dict[str, Any]) -> list[Event]:
    request = WebhookRequest("https://events.example.com/webhooks/src_pd", {}, orjson.dumps(payload))
    return Pipedrive().parse(request, SOURCE, NOW_MS)


def second(entity: str, action: str, data: object, previous: object = None, **meta: Any) -> list[Event]:
    return events({"meta": META_2 | {"entity": entity, "action": action} | meta, "data": data, "previous": previous})


def first(kind: str, action: str, current: object, previous: object = None, **other: Any) -> list[Event]:
    meta = META_1 | {"object": kind, "action": action}
    return events({"v": 1, "meta": meta, "current": current, "previous": previous, "retry": 0} | other)


def test_basic_credentials_are_believed_and_their_parts_are_not():
    def genuine(credentials: str) -> bool:
        headers = {"authorization": "Basic " + b64encode(credentials.encode()).decode()}
        return Pipedrive().verify(WebhookRequest("https://x/", headers, b"{}"), ["hook:long-password"], 0).is_genuine

    assert [genuine(told) for told in ("hook:long-password", "hook:", ":long-password", "hook:long-passwor")] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "previous", "names"),
    [
        ("won", {"status": "open"}, ["deal_won"]),
        ("lost", {"status": "open"}, ["deal_lost"]),
        ("won", {"title": "Flee"}, ["deal_updated"]),
        ("open", {"stage_id": 1}, ["deal_updated"]),
    ],
)
def test_a_deal_is_won_or_lost_when_its_status_changes(status: str, previous: dict[str, Any], names: list[str]):
    found = second("deal", "change", DEAL | {"status": status}, previous)
    assert [event.name for event in found] == names


def test_version_1_tells_all_that_was_before():
    assert [event.name for event in first("deal", "updated", DEAL | {"status": "won"}, DEAL)] == ["deal_won"]
    won = DEAL | {"status": "won"}
    assert [event.name for event in first("deal", "updated", won, won)] == ["deal_updated"]


def test_a_deal_is_of_its_person_and_has_its_value():
    (event,) = second("deal", "create", DEAL)
    assert (event.name, event.profile, event.value, event.currency) == (
        "deal_created",
        "custom:pipedrive:5",
        900,
        "EUR",
    )
    assert event.properties == {"deal_id": "7", "deal_name": "Fleet", "status": "open", "stage_id": 2}


def test_a_deal_of_nobody_is_its_own_profile():
    assert second("deal", "create", DEAL | {"person_id": None})[0].profile == "custom:pipedrive_deal:7"
    assert second("deal", "create", DEAL | {"person_id": {"value": 6}})[0].profile == "custom:pipedrive:6"


def test_a_deal_that_is_created_as_won_is_both():
    names = [event.name for event in second("deal", "create", DEAL | {"status": "won"})]
    assert names == ["deal_created", "deal_won"]


@pytest.mark.parametrize(("sent", "again"), [({"attempt": 1}, {"attempt": 2})])
def test_retries_of_version_2_count_once(sent: dict[str, Any], again: dict[str, Any]):
    assert second("deal", "create", DEAL, **sent)[0].id == second("deal", "create", DEAL, **again)[0].id
    assert second("deal", "create", DEAL)[0].id != second("deal", "create", DEAL, id="ev-2")[0].id


def test_retries_of_version_1_count_once():
    assert first("deal", "added", DEAL, retry=0)[0].id == first("deal", "added", DEAL, retry=2)[0].id


def test_a_person_is_known_by_the_primary_address_and_no_street():
    (event,) = second("person", "create", PERSON, entity_id="5")
    assert (event.name, event.keys.email, event.keys.phone) == ("identified", "ada@x.example", "+442079460001")
    assert event.keys.custom == (("pipedrive", "5"),)
    assert event.traits == {
        "name": "Ada King", "first_name": "Ada", "last_name": "King", "email": "ada@x.example",
        "phone": "+442079460001",
    }  # fmt: skip


def test_version_1_persons_are_read_too():
    current = {
        "id": 7,
        "name": "Ada",
        "email": [{"value": "", "primary": True}],
        "phone": [{"value": "", "primary": True}],
    }
    (event,) = first("person", "added", current)
    assert (event.profile, event.traits, event.at_ms) == ("custom:pipedrive:7", {"name": "Ada"}, 1523440213000)


def test_a_merged_person_has_not_gone():
    (event,) = second("person", "delete", None, PERSON, entity_id="5", merged_to_id="4")
    assert (event.name, event.keys.custom) == ("identified", (("pipedrive", "4"), ("pipedrive", "5")))


def test_a_deleted_person_is_told():
    (event,) = second("person", "delete", None, PERSON, entity_id="5")
    assert (event.name, event.profile) == ("contact_deleted", "custom:pipedrive:5")


def test_who_unsubscribes_is_told():
    now = PERSON | {"marketing_status": "unsubscribed"}
    found = second("person", "change", now, {"marketing_status": "subscribed"}, entity_id="5")
    assert [event.name for event in found] == ["identified", "unsubscribed"]
    assert len(second("person", "change", now, {"name": "A"}, entity_id="5")) == 1


def test_a_lead_of_a_person_is_told():
    lead = {"id": "u-u-i-d", "title": "Asked", "person_id": 5, "value": {"amount": 5, "currency": "EUR"}}
    (event,) = second("lead", "create", lead, entity_id="u-u-i-d")
    assert (event.name, event.profile, event.value) == ("lead_created", "custom:pipedrive:5", 5)
    assert second("lead", "create", lead | {"person_id": None}) == []


@pytest.mark.parametrize("entity", ["organization", "activity", "note", "product", "user", "stage"])
def test_other_objects_become_nothing(entity: str):
    assert second(entity, "change", {"id": 1}, {"name": "x"}) == []
    assert first(entity, "updated", [{"id": 1}], [{"id": 1}]) == []


@pytest.mark.parametrize(
    "payload",
    [{"meta": []}, {"meta": META_2 | {"timestamp": "soon"}, "data": DEAL}, {"meta": META_2 | {"entity_id": 0}}],
)
def test_payloads_that_can_not_be_used_are_refused(payload: dict[str, Any]):
    with pytest.raises(IngestError):
        events(payload)
