"""Salesforce's outbound messages: whose they are, XML that does no harm, a session id that is nowhere, and the Ack."""

from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import pytest

from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.errors import IngestError
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.salesforce import ACK, Salesforce
from ingest.vendors.soap import MAX_NOTIFICATIONS, read_message, without_session
from streams.model.events import Event
from tests.unit.ingest.fake_log import FakeClock, FakeLog

ORGANIZATION = "00D5w000004qGTOEA2"
TOKEN = "q8R2v0Zk3xW7bN5mT1yL9cJ4hD6gF0sA"
SESSION = "00D5w000004qGTO!AQ4AQ.session"
URL = "https://events.example.com/webhooks/src_sf"
SOURCE = Source("src_sf", "ws", "salesforce", webhook_secrets=(f"{ORGANIZATION}:{TOKEN}",))
NOW_MS = 1_800_000_000_000
OPPORTUNITY = {
    "Id": "0065w000023STAmAAO",
    "Amount": "45000.0",
    "CloseDate": "2020-07-11",
    "ContactId": "0035w000035gg9GAAQ",
    "CreatedDate": "2020-05-08T13:40:22.000Z",
    "LastModifiedDate": "2020-05-09T03:04:32.000Z",
    "Name": "Fleet",
    "StageName": "Prospecting",
}
CONTACT = {
    "Id": "0035w000035gg9GAAQ",
    "FirstName": "Ada",
    "LastName": "King",
    "Email": "Ada@x.example",
    "Phone": "+44 20 7946 0001",
    "MailingStreet": "1 Main St",
    "LastModifiedDate": "2020-05-09T03:04:32.000Z",
}


def notification(kind: str, fields: dict[str, str], number: str = "04l5w00005286hAAAQ") -> str:
    told = "".join(f"<sf:{name}>{value}</sf:{name}>" for name, value in fields.items())
    record = f'<sObject xsi:type="sf:{kind}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{told}</sObject>'
    return f"<Notification><Id>{number}</Id>{record}</Notification>"


def message(*notifications: str, organization: str = ORGANIZATION, before: str = "", within: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{before}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        ' <soapenv:Body>\n  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
        f"   <OrganizationId>{organization}</OrganizationId>\n   <ActionId>04k5w000000TSwMAAW</ActionId>\n"
        f"   <SessionId>{SESSION}</SessionId>\n   <EnterpriseUrl>https://x.example/e</EnterpriseUrl>\n"
        f"   <PartnerUrl>https://x.example/p</PartnerUrl>{within}{''.join(notifications)}\n"
        "  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
    ).encode()


def verdict(raw: bytes, secret: str, query: str = "") -> tuple[bool, str]:
    return Salesforce().verify(WebhookRequest(URL + query, {}, raw), [secret], 0)


def events(*notifications: str) -> list[Event]:
    return Salesforce().parse(WebhookRequest(URL, {}, message(*notifications)), SOURCE, NOW_MS)


def one(kind: str, fields: dict[str, str]) -> Event:
    (event,) = events(notification(kind, fields))
    return event


@pytest.mark.parametrize(
    ("organization", "query", "genuine"),
    [
        (ORGANIZATION, f"?secret={TOKEN}", True),
        (ORGANIZATION, "?secret=another", False),
        (ORGANIZATION, "", False),
        ("00D5w000004qGTPEA2", f"?secret={TOKEN}", False),
    ],
)
def test_organisation_and_token_must_both_hold(organization: str, query: str, genuine: bool):
    raw = message(organization=organization)
    assert verdict(raw, f"{ORGANIZATION}:{TOKEN}", query)[0] is genuine


def test_a_token_alone_is_enough_and_nothing_is_read_without_it():
    assert verdict(b"no xml", TOKEN, f"?secret={TOKEN}")[0]
    assert not verdict(message(), TOKEN)[0]


def test_an_organisation_alone_is_compared_by_its_15_characters_with_their_case():
    assert verdict(message(), ORGANIZATION[:15])[0]
    assert verdict(message(organization=ORGANIZATION[:15]), ORGANIZATION)[0]
    assert not verdict(message(organization=ORGANIZATION.lower()), ORGANIZATION)[0]


@pytest.mark.parametrize("told", ["", "00D", ORGANIZATION[:14], f"{ORGANIZATION[:15]}:x", f"{ORGANIZATION}x"])
def test_what_is_no_organisations_id_is_nobodys(told: str):
    assert not verdict(message(organization=told), ORGANIZATION)[0]


def test_a_second_organisation_in_the_body_is_refused():
    raw = message(within=f"<OrganizationId>{ORGANIZATION}</OrganizationId>", organization="00D000000000000AAA")
    assert not verdict(raw, ORGANIZATION)[0]


def test_an_organisation_at_another_place_does_not_count():
    raw = f"<OrganizationId>{ORGANIZATION}</OrganizationId>".encode()
    assert not verdict(raw, ORGANIZATION)[0]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "raw",
    [
        message(before=BOMB),
        message(before='<!DOCTYPE a SYSTEM "https://x.example/a.dtd">'),
        message(before="<!DOCTYPE soapenv:Envelope>"),
        message(before=BOMB).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        message(within="&b;"),
        message(within="<a>" * 1_000 + "</a>" * 1_000),
        message(within="<a/>" * 70_000),
        message(*[notification("Contact", CONTACT)] * (MAX_NOTIFICATIONS + 1)),
        message()[:-9],
        message().replace(b"UTF-8", b"x-unknown"),
        b"",
        b"{}",
    ],
    ids=[
        "bomb",
        "external",
        "doctype",
        "utf-16",
        "entity",
        "deep",
        "many",
        "notifications",
        "cut",
        "code",
        "none",
        "json",
    ],
)
def test_xml_that_could_do_harm_is_refused(raw: bytes):
    with pytest.raises(IngestError):
        read_message(raw)
    assert not verdict(raw, ORGANIZATION)[0]


def test_a_contact_is_identified_without_its_street():
    event = one("Contact", CONTACT)
    assert (event.name, event.keys.email, event.keys.phone) == ("identified", "ada@x.example", "+442079460001")
    assert event.keys.custom == (("salesforce", "0035w000035gg9GAAQ"),)
    assert event.traits == {
        "first_name": "Ada", "last_name": "King", "email": "Ada@x.example", "phone": "+442079460001",
        "crm_type": "contact",
    }  # fmt: skip


def test_a_converted_lead_is_its_contact():
    lead = {"Id": "00Q5w00001abcdeEAA", "IsConverted": "true", "ConvertedContactId": CONTACT["Id"], "Status": "Closed"}
    event = one("Lead", lead)
    assert event.keys.custom == (("salesforce", CONTACT["Id"]), ("salesforce", "00Q5w00001abcdeEAA"))
    assert (event.traits["is_converted"], event.traits["lead_status"]) == (True, "Closed")


def test_who_has_opted_out_is_unsubscribed():
    found = events(notification("Contact", CONTACT | {"HasOptedOutOfEmail": "true"}))
    assert [event.name for event in found] == ["identified", "unsubscribed"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "deal_updated"),
        ({"LastModifiedDate": OPPORTUNITY["CreatedDate"]}, "deal_created"),
        ({"StageName": "Closed Won"}, "deal_won"),
        ({"StageName": "Signed", "IsClosed": "true", "IsWon": "true"}, "deal_won"),
        ({"StageName": "Closed Lost"}, "deal_lost"),
        ({"IsClosed": "true", "IsWon": "false"}, "deal_lost"),
    ],
)
def test_an_opportunity_is_told_by_its_state(fields: dict[str, str], name: str):
    event = one("Opportunity", OPPORTUNITY | fields)
    assert (event.name, event.value, event.profile) == (name, 45_000, "custom:salesforce:0035w000035gg9GAAQ")


def test_a_deal_of_nobody_is_its_own_profile():
    assert (
        one("Opportunity", OPPORTUNITY | {"ContactId": ""}).profile
        == "custom:salesforce_opportunity:0065w000023STAmAAO"
    )


def test_a_won_deal_that_is_told_again_counts_once_and_a_repeated_notification_too():
    won = OPPORTUNITY | {"StageName": "Closed Won"}
    first, again = events(notification("Opportunity", won, "04l1"), notification("Opportunity", won, "04l2"))
    assert first.id == again.id
    one_id, other_id = events(notification("Contact", CONTACT, "04l1"), notification("Contact", CONTACT, "04l2"))
    assert one_id.id != other_id.id
    assert one("Contact", CONTACT).id == one("Contact", CONTACT).id


def test_a_case_is_a_ticket():
    event = one("Case", {"Id": "5005w00001a", "SuppliedEmail": "ada@x.example", "Status": "New", "Priority": "High"})
    assert (event.name, event.profile, event.properties["status"]) == ("ticket_updated", "email:ada@x.example", "New")
    assert one("Case", {"Id": "5005w00001a"}).profile == "custom:salesforce_case:5005w00001a"


def test_other_objects_become_nothing():
    assert events(notification("Account", {"Id": "001"})) == []


def test_one_bad_notification_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        events(notification("Contact", {"Id": "0"}), notification("Contact", CONTACT))
    assert len(caught.value.events) == 1
    assert SESSION.encode() not in caught.value.unusable[0][1]


def test_the_session_id_is_in_no_event():
    assert SESSION not in repr(read_message(message(notification("Contact", CONTACT))))


@pytest.mark.parametrize(
    "told",
    [
        f"<SessionId>{SESSION}</SessionId>",
        f"<a:SessionId x='1'><![CDATA[{SESSION}]]></a:SessionId >",
        f"<SessionId>{SESSION}",
        f"<SessionId/><SessionId>{SESSION}</SessionId>",
    ],
)
def test_the_session_id_is_taken_out_of_what_is_kept(told: str):
    kept = without_session(f"<x>{told}<ActionId>04k</ActionId></x>".encode())
    assert SESSION.encode() not in kept
    assert SESSION.encode("utf-16") not in without_session(told.encode("utf-16"))


@pytest.fixture(name="door")
async def front_door(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> Any:
    app = app_of(Door(batcher, StaticSources([SOURCE]), LogDeadLetters(log), clock, settings))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        yield client


async def test_the_answer_is_salesforces_ack(door: httpx.AsyncClient, log: FakeLog):
    for raw, count in ((message(notification("Contact", CONTACT)), 1), (message(notification("Account", {})), 1)):
        answer = await door.post(f"/webhooks/src_sf?secret={TOKEN}", content=raw)
        assert (answer.status_code, answer.content) == (200, ACK.body)
        assert answer.headers["content-type"].startswith("text/xml")
        assert len(log.events()) == count
    (ack,) = fromstring(ACK.body).iter("{http://soap.sforce.com/2005/09/outbound}Ack")
    assert ack.text == "true"


async def test_dead_letters_hold_no_session_id(door: httpx.AsyncClient, log: FakeLog):
    raw = message(notification("Contact", {"Id": "0"}))
    assert (await door.post(f"/webhooks/src_sf?secret={TOKEN}", content=raw)).status_code == 400
    (letter,) = log.dead_letters()
    assert (SESSION.encode() in letter.raw, b"<Notification>" in letter.raw) == (False, True)
