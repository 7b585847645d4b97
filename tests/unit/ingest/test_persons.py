"""Who an event is about: every key that a message names, and no placeholder."""

from typing import Any

import httpx
import pytest

from ingest.errors import IngestError
from ingest.normalise import normalise
from ingest.provenance import Arrival
from ingest.sources import Source
from streams.model.events import Event, ProfileKeys
from tests.unit.ingest.fake_log import FakeLog

NOW = 1_800_000_000_000
ARRIVED = Arrival(NOW)
WEB = Source("src_web", "ws", "web", write_key="wk")
SERVER = Source("src_crm", "ws", "server", write_key="wk_crm")


def identified(context: dict[str, Any] | None = None, /, **fields: Any) -> Event:
    return normalise({"type": "identify", "context": context or {}, "messageId": "m", **fields}, WEB, ARRIVED)


def external(*pairs: tuple[object, object], **more: object) -> dict[str, Any]:
    return {"externalIds": [{"type": kind, "id": value, **more} for kind, value in pairs]}


def refusal(context: dict[str, Any]) -> IngestError:
    with pytest.raises(IngestError) as caught:
        identified(context, userId="u")
    return caught.value


def test_every_key_is_kept_and_the_strongest_is_the_profile():
    context = {"device": {"id": "d1"}, **external(("crm", 12), ("loyalty", "L-1"), collection="users", encoding="none")}
    event = identified(context, userId="u", anonymousId="a", traits={"email": "A@b.c", "phone": "+49 30 1234567"})
    assert event.keys == ProfileKeys("u", "a", "a@b.c", "+49301234567", "d1", (("crm", "12"), ("loyalty", "L-1")))
    assert event.profile == "user:u"


def test_a_visitor_who_types_an_address_stays_who_the_browser_is():
    event = identified(anonymousId="a1", traits={"email": "ada@example.com"})
    assert (event.profile, event.keys.email) == ("anon:a1", "ada@example.com")


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({"traits": {"email": "a@b.c", "phone": "0301234567"}}, "email:a@b.c"),
        ({"properties": {"phone": "0301234567"}}, "phone:0301234567"),
        ({}, "device:d1"),
    ],
)
def test_without_user_and_browser_the_next_key_is_the_profile(fields: dict[str, Any], profile: str):
    assert identified({"device": {"id": "d1"}, **external(("crm", "7"))}, **fields).profile == profile


def test_a_custom_id_alone_is_somebody():
    assert identified(external(("crm", "7"), ("erp", "8"))).profile == "custom:crm:7"


@pytest.mark.parametrize(
    ("device", "key"),
    [
        ({"advertisingId": "ad-1"}, "ad-1"),
        ({"id": " ", "advertisingId": "ad-1"}, "ad-1"),
        ({"id": "unknown", "advertisingId": "00000000-0000-0000-0000-000000000000"}, None),
        ({"id": "d" * 257}, None),
        ({"id": 5}, None),
        ("phone", None),
    ],
)
def test_a_device_is_known_by_a_sound_id_only(device: object, key: str | None):
    assert identified({"device": device}, userId="u").keys.device_id == key


def test_placeholders_repeats_and_other_collections_are_no_custom_ids():
    context = external(("crm", "null"), ("crm", "7"), ("crm", "7"))
    context["externalIds"].append({"type": "crm", "id": "acme", "collection": "accounts"})
    assert identified(context, userId="u").keys.custom == (("crm", "7"),)


def test_an_address_among_external_ids_is_an_address():
    keys = identified(external(("email", "A@b.c"), ("phone", "0301234567"), ("crm", "7"))).keys
    assert (keys.email, keys.phone, keys.custom) == ("a@b.c", "0301234567", (("crm", "7"),))


@pytest.mark.parametrize(
    ("context", "code", "field"),
    [
        (external(*(("crm", n) for n in range(10_000))), "too_large", ""),
        (external(*(("crm", n) for n in range(11))), "too_large", ""),
        ({"externalIds": {"crm": "7"}}, "wrong_type", ""),
        ({"externalIds": ["7"]}, "wrong_type", ".0"),
        (external(("crm", "7"), ("crm", None)), "missing_field", ".1.id"),
        (external(("crm", ["7"])), "wrong_type", ".0.id"),
        (external(("crm", "7" * 257)), "too_large", ".0.id"),
        (external(("crm", "7\x1f1")), "invalid_field", ".0.id"),
        (external((None, "7")), "missing_field", ".0.type"),
        (external((5, "7")), "wrong_type", ".0.type"),
        (external(("a:b", "7")), "invalid_field", ".0.type"),
    ],
)
def test_an_unusable_external_id_is_named(context: dict[str, Any], code: str, field: str):
    error = refusal(context)
    assert (error.code, error.field) == (code, f"context.externalIds{field}")


async def test_ten_thousand_ids_are_refused_with_what_to_do(client: httpx.AsyncClient, log: FakeLog):
    context = external(*(("a", str(n)) for n in range(10_000)))
    answer = await client.post("/v1/identify", auth=("wk_web", ""), json={"userId": "u", "context": context})
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (413, "body")
    assert "Send" in error["message"]
    assert (log.events(), len(log.dead_letters())) == ([], 1)


def test_no_id_holds_the_character_that_stands_between_ids():
    with pytest.raises(IngestError) as caught:
        identified(anonymousId="a\x1f2")
    assert (caught.value.code, caught.value.field) == ("invalid_field", "anonymousId")


def unmerged(source: Source, /, **properties: Any) -> Event:
    return normalise({"type": "track", "event": "Unmerged", "userId": "u", "properties": properties}, source, ARRIVED)


@pytest.mark.parametrize("name", ["anon:a1", "email:a@b.c", "custom:crm:7"])
def test_a_server_may_take_an_id_out_of_a_person(name: str):
    event = unmerged(SERVER, id=name)
    assert (event.name, event.profile, event.properties["id"]) == ("unmerged", "user:u", name)


def test_a_browser_may_not_take_ids_apart():
    with pytest.raises(IngestError) as caught:
        unmerged(WEB, id="anon:a1")
    assert (caught.value.code, caught.value.field) == ("not_trusted", "event")


@pytest.mark.parametrize("name", [None, "", 5, "a1", "anon:", "group:acme", "custom:crm", "anon:" + "a" * 600])
def test_an_id_to_take_out_has_a_kind(name: object):
    with pytest.raises(IngestError) as caught:
        unmerged(SERVER, id=name)
    assert caught.value.field == "properties.id"
