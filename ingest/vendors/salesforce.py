"""Salesforce's outbound messages: contacts and leads become identified, opportunities deal_created, deal_updated,
deal_won and deal_lost, cases ticket_created and ticket_updated; other objects are of no use.

Signature: none (developer.salesforce.com, "Outbound Messaging"). What a message shows is the organisation's id in the
body, which is no secret, and whatever stands in the address that it is sent to. So the secret is, best first:
"ORGID:token" (the token as ?secret= in the address; both must hold), a token alone, or an organisation's id alone
(weak: whoever knows it can send). Ids have 15 characters, and 3 more that check them.

A message holds up to 100 notifications, each with a record as it is when sent, not as it was when something happened,
and says not what happened: a record whose CreatedDate is its LastModifiedDate is new. Sent again it has the same ids.
The answer must be a SOAP Ack. The session id in it is never read, and taken out of what is kept as unusable.
"""

import re
from collections.abc import Sequence
from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import time_ms
from ingest.vendors.base import GENUINE, PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.mapped import each, event, keys_for, worth_of
from ingest.vendors.signing import NO_SECRET, bearing_verdict, equals, live
from ingest.vendors.soap import Notification, read_message, without_session
from streams.model.events import Event, ProfileKeys

ACK = Reply(
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>",
    "text/xml",
)
_SECRET = re.compile(r"(00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?)(?::(.+))?")
_ID_CHARS = 15
_RECORD = "salesforce"
_OPPORTUNITY = "salesforce_opportunity"
_CASE = "salesforce_case"
_TRAITS = {
    "FirstName": "first_name",
    "LastName": "last_name",
    "Name": "name",
    "Email": "email",
    "Company": "company",
    "Title": "job_title",
    "LeadSource": "lead_source",
    "Rating": "lead_rating",
}
_DEAL_KEYS = {
    "Id": "deal_id",
    "Name": "deal_name",
    "StageName": "stage",
    "Type": "deal_type",
    "CloseDate": "close_date",
}
_CASE_KEYS = {"Id": "ticket_id", "CaseNumber": "ticket_number", "Status": "status", "Priority": "priority"}
_WON, _LOST = "Closed Won", "Closed Lost"


class Salesforce(PlainVendor):
    """The vendor "salesforce"."""

    id = "salesforce"
    reply = ACK

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        keys = live(secrets)
        if not keys:
            return NO_SECRET
        verdicts = [_judge(request, secret) for secret in keys]
        return next((one for one in verdicts if one.is_genuine), verdicts[0])

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        items = [told._asdict() for told in read_message(request.raw).notifications]
        return each(items, lambda item: _events(Notification(**item), source, now_ms))

    def kept(self, raw: bytes) -> bytes:
        return without_session(raw)


def _judge(request: WebhookRequest, secret: str) -> Verdict:
    found = _SECRET.fullmatch(secret.strip())
    organization, token = found.groups() if found else ("", secret)
    if token:
        verdict = bearing_verdict(request, [token])
        if not verdict.is_genuine or not organization:
            return verdict
    try:
        told = read_message(request.raw).organization_id
    except IngestError as error:
        return Verdict(False, str(error))
    if not _SECRET.fullmatch(told) or ":" in told or not equals(told[:_ID_CHARS], organization[:_ID_CHARS]):
        return Verdict(False, "it is of another organisation than the source's")
    return GENUINE


def _events(told: Notification, source: Source, now_ms: int) -> list[Event]:
    match told.kind:
        case "Contact" | "Lead":
            return _person(told, source, now_ms)
        case "Opportunity":
            return [_deal(told, source, now_ms)]
        case "Case":
            return [_case(told, source, now_ms)]
        case _:
            return []


def _person(told: Notification, source: Source, now_ms: int) -> list[Event]:
    fields = told.fields
    phone = fields.get("MobilePhone") or fields.get("Phone")
    keys = keys_for(email=fields.get("Email"), phone=phone, custom=(_RECORD, fields.get("Id")))
    contact = keys_for(custom=(_RECORD, fields.get("ConvertedContactId"))).custom
    if contact:  # a lead that has become a contact is both
        keys = ProfileKeys(email=keys.email, phone=keys.phone, custom=contact + keys.custom)
    traits: dict[str, Any] = {trait: fields[key] for key, trait in _TRAITS.items() if fields.get(key)}
    traits |= {"phone": keys.phone, "crm_type": told.kind.lower()}
    if told.kind == "Lead":
        traits |= {"lead_status": fields.get("Status"), "is_converted": _flag(fields, "IsConverted")}
    at_ms = _changed_ms(fields, now_ms)
    events = [event(source, "identified", (told.id, "identified"), keys, at_ms, now_ms, {}, traits=traits)]
    if _flag(fields, "HasOptedOutOfEmail"):
        # Every later message says so again. Better that than to miss somebody who opts out, in and out again.
        events.append(event(source, "unsubscribed", (told.id, "opted out"), keys, at_ms, now_ms, {}))
    return events


def _deal(told: Notification, source: Source, now_ms: int) -> Event:
    fields = told.fields
    stage = fields.get("StageName")
    name = "deal_created" if _is_new(fields) else "deal_updated"
    about: tuple[object, ...] = (told.id, "deal")
    if _flag(fields, "IsWon") or stage == _WON:
        name = "deal_won"
    elif _flag(fields, "IsClosed") or stage == _LOST:
        name = "deal_lost"
    if name in ("deal_won", "deal_lost"):  # the state of every later message: it counts once
        about = (fields.get("Id"), name, fields.get("CloseDate"))
    person = keys_for(custom=(_RECORD, fields.get("ContactId")))
    keys = person if person.custom else keys_for(custom=(_OPPORTUNITY, fields.get("Id")))
    properties = {key: fields[field] for field, key in _DEAL_KEYS.items() if fields.get(field)}
    return event(
        source, name, about, keys, _changed_ms(fields, now_ms), now_ms, properties,
        value=worth_of(fields.get("Amount"), "Amount"),
        currency=fields.get("CurrencyIsoCode"), currency_at="CurrencyIsoCode",
    )  # fmt: skip


def _case(told: Notification, source: Source, now_ms: int) -> Event:
    fields = told.fields
    keys = keys_for(
        email=fields.get("SuppliedEmail") or fields.get("ContactEmail"), custom=(_RECORD, fields.get("ContactId"))
    )
    keys = keys if keys.canonical() else keys_for(custom=(_CASE, fields.get("Id")))
    name = "ticket_created" if _is_new(fields) else "ticket_updated"
    properties = {key: fields[field] for field, key in _CASE_KEYS.items() if fields.get(field)}
    return event(source, name, (told.id, "case"), keys, _changed_ms(fields, now_ms), now_ms, properties)


def _is_new(fields: dict[str, str]) -> bool:
    created = fields.get("CreatedDate")
    return bool(created) and created == fields.get("LastModifiedDate")


def _changed_ms(fields: dict[str, str], now_ms: int) -> int:
    stated = fields.get("LastModifiedDate") or fields.get("SystemModstamp") or fields.get("CreatedDate")
    return time_ms(stated, "LastModifiedDate") if stated else now_ms


def _flag(fields: dict[str, str], key: str) -> bool:
    return fields.get(key) in ("true", "1")
