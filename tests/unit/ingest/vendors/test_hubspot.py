"""HubSpot: v3 signatures alone, both ways in time, whatever the address looks like; changes become events."""

import hmac
from base64 import b64encode
from hashlib import sha256
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.hubspot import HubSpot
from streams.model.events import Event

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
NOW_S = 1_790_000_000
URL = "https://events.example.com/webhooks/src_hub"
SOURCE = Source("src_hub", "ws", "hubspot")
# developers.hubspot.com, "Validating requests"
CREATION: dict[str, Any] = {
    "eventId": 1, "subscriptionId": 12345, "portalId": 62515, "occurredAt": 1564113600000,
    "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM",
    "changeFlag": "NEW", "appId": 54321,
}  # fmt: skip


def signed(url: str = URL, signed_url: str = "", at_ms: int = NOW_S * 1000, raw: bytes = b"[]") -> WebhookRequest:
    source = f"POST{signed_url or url}".encode() + raw + str(at_ms).encode()
    signature = b64encode(hmac.digest(SECRET.encode(), source, sha256)).decode()
    return WebhookRequest(
        url, {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(at_ms)}, raw
    )  # fmt: skip


def is_genuine(request: WebhookRequest, now_s: float = NOW_S) -> bool:
    return HubSpot().verify(request, [SECRET], now_s).is_genuine


def events(*changes: dict[str, Any]) -> list[Event]:
    return HubSpot().parse(WebhookRequest(URL, {}, orjson.dumps(list(changes))), SOURCE, NOW_S * 1000)


def one(**other: Any) -> Event:
    (event,) = events(CREATION | other)
    return event


def changed(name: str, value: object, kind: str = "contact", **other: Any) -> dict[str, Any]:
    return (
        CREATION | {"subscriptionType": f"{kind}.propertyChange", "propertyName": name, "propertyValue": value} | other
    )


@pytest.mark.parametrize("seconds", [-301, 301])
def test_signed_times_are_judged_both_ways(seconds: int):
    request = signed(at_ms=(NOW_S + seconds) * 1000)
    assert not is_genuine(request)
    assert is_genuine(request, NOW_S + seconds)


def test_a_time_in_seconds_is_not_taken_for_milliseconds():
    assert not is_genuine(signed(at_ms=NOW_S))


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("?mail=a%40b.example", "?mail=a@b.example"),
        ("?back=https%3a%2f%2fx%3Fy", "?back=https://x?y"),
        ("?all=%21%24%27%28%29%2A%2C%3B", "?all=!$'()*,;"),
        ("?kept=%20%26%3D%25", "?kept=%20%26%3D%25"),
        ("?twice=%2540", "?twice=%2540"),
    ],
)
def test_an_address_is_believed_with_hubspots_decoding_and_as_it_is(sent: str, read: str):
    assert is_genuine(signed(URL + sent, URL + read))
    assert is_genuine(signed(URL + sent))


def test_another_address_or_method_is_not_what_was_signed():
    assert not is_genuine(signed()._replace(url=URL + "?x=1"))
    assert not is_genuine(signed()._replace(method="PUT"))


@pytest.mark.parametrize("signed_by", ["", "POST" + URL])
def test_v1_and_v2_signatures_are_refused(signed_by: str):
    raw = orjson.dumps([CREATION])
    old = sha256(f"{SECRET}{signed_by}".encode() + raw).hexdigest()
    headers = {"x-hubspot-signature": old, "x-hubspot-signature-version": "v2" if signed_by else "v1"}
    verdict = HubSpot().verify(WebhookRequest(URL, headers, raw), [SECRET], NOW_S)
    assert (verdict.is_genuine, "v1 and v2" in verdict.reason) == (False, True)


def test_a_new_contact_is_identified_by_its_id():
    event = one()
    assert (event.name, event.profile, event.at_ms) == ("identified", "custom:hubspot:123", 1564113600000)


def test_a_changed_property_is_a_trait_and_an_address_a_key():
    mail, stage = events(changed("email", "Ada@Example.com"), changed("lifecyclestage", "customer"))
    assert (mail.keys.email, mail.traits) == ("ada@example.com", {"email": "Ada@Example.com"})
    assert stage.traits == {"lifecycle_stage": "customer"}


def test_retries_count_once_and_changes_that_share_an_event_id_do_not():
    again = one(attemptNumber=3, subscriptionId=9)
    assert again.id == one().id
    first, second = events(changed("firstname", "Ada"), changed("lastname", "King"))
    assert first.id != second.id


@pytest.mark.parametrize(
    "change",
    [
        changed("ip_city", "Paris"),
        changed("hs_ip_timezone", "Europe/Paris"),
        changed("address", "1 Main St"),
        changed("health", "REDACTED"),
        changed("health", "fine", isSensitive=True),
        CREATION | {"subscriptionType": "company.creation"},
        CREATION | {"subscriptionType": "conversation.newMessage"},
        CREATION | {"subscriptionType": "contact.somethingNew"},
        {},
    ],
)
def test_what_is_of_no_use_or_nobodys_business_becomes_nothing(change: dict[str, Any]):
    assert events(change) == []


@pytest.mark.parametrize("kind", ["deletion", "privacyDeletion"])
def test_a_deleted_contact_is_told(kind: str):
    event = one(subscriptionType=f"contact.{kind}")
    assert (event.name, event.properties["is_privacy_request"]) == ("contact_deleted", kind == "privacyDeletion")


def test_opting_out_unsubscribes():
    assert [event.name for event in events(changed("hs_email_optout", "true"))] == ["unsubscribed"]
    assert [event.name for event in events(changed("hs_email_optout", "false"))] == ["identified"]


def test_merged_contacts_are_one_person():
    merge = {"subscriptionType": "contact.merge", "primaryObjectId": 123, "mergedObjectIds": [7, 8], "newObjectId": 900}
    assert one(**merge).keys.custom == tuple(("hubspot", str(number)) for number in (900, 123, 7, 8))


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("dealstage", "closedwon", "deal_won"),
        ("dealstage", "closedlost", "deal_lost"),
        ("hs_is_closed_won", "true", "deal_won"),
        ("dealstage", "qualifiedtobuy", "deal_updated"),
    ],
)
def test_a_deal_is_won_or_lost_by_its_stage(name: str, value: str, wanted: str):
    (event,) = events(changed(name, value, "deal"))
    assert (event.name, event.properties["deal_id"]) == (wanted, "123")


def test_a_deal_and_a_contact_of_the_same_number_are_not_one():
    deal = one(subscriptionType="deal.creation")
    assert (deal.name, deal.profile) == ("deal_created", "custom:hubspot_deal:123")


def test_an_amount_is_the_deals_value():
    assert events(changed("amount", "1500.5", "deal"))[0].value == 1500.5


def test_a_deals_contact_hears_of_it_from_either_end_and_joins_no_other():
    change = {"subscriptionType": "deal.associationChange", "objectId": None, "associationRemoved": False}
    event = one(**change, associationType="DEAL_TO_CONTACT", fromObjectId=5, toObjectId=123)
    assert (event.profile, event.properties) == ("custom:hubspot:123", {"deal_id": "5", "is_contact_removed": False})


def test_subscriptions_to_objects_are_read_by_their_type():
    event = one(subscriptionType="object.creation", objectTypeId="0-1")
    assert (event.name, event.profile) == ("identified", "custom:hubspot:123")
    assert events(CREATION | {"subscriptionType": "object.creation", "objectTypeId": "0-2"}) == []


def test_tickets_are_told():
    names = [event.name for event in events(changed("hs_pipeline_stage", "4", "ticket"))]
    assert (names, one(subscriptionType="ticket.creation").name) == (["ticket_updated"], "ticket_created")


def test_one_bad_change_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        events(CREATION | {"objectId": None}, CREATION)
    assert [event.profile for event in caught.value.events] == ["custom:hubspot:123"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'[{"subscriptionType":"contact.creation","objectId":0}]'])
def test_bodies_that_are_no_changes_are_refused(raw: bytes):
    with pytest.raises(IngestError):
        HubSpot().parse(WebhookRequest(URL, {}, raw), SOURCE, NOW_S * 1000)
