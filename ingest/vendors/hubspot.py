"""HubSpot: a body is a list of CRM changes. Contacts become identified and contact_deleted, deals deal_created,
deal_updated, deal_won and deal_lost, tickets ticket_created and ticket_updated; the rest is of no use.

Signature v3 (developers.hubspot.com, "Validating requests"; HubSpot's SDKs): base64 of HMAC-SHA256 with the app's
client secret over method + URI + body + X-HubSpot-Request-Timestamp (milliseconds). Twelve percent-encodings of the URI
are decoded before signing, others are not; the SDKs sign the URI as it is given, so both are tried. HubSpot names 300 s
for old requests, here they may not come from the future either. v1 and v2 (a plain SHA-256, no time) are not believed.

A change names only the object's id, which is unique among objects of its type: contacts are the custom id "hubspot",
deals "hubspot_deal", tickets "hubspot_ticket". eventId is not unique by HubSpot's own word, so it is no id by itself.
"""

import re
from collections.abc import Sequence
from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import time_ms
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import each, event, keys_for, payloads_of, worth_of
from ingest.vendors.signing import hmac_base64, hmac_verdict, time_verdict
from streams.model.events import Event, ProfileKeys

_SIGNATURE = "x-hubspot-signature-v3"
_OLD_SIGNATURE = "x-hubspot-signature"
_TIMESTAMP = "x-hubspot-request-timestamp"
_MS = 0.001
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)
_OBJECT_TYPES = {"0-1": "contact", "0-3": "deal", "0-5": "ticket"}
"""What "object.*" subscriptions call the types."""
_KINDS = {"contact": "hubspot", "deal": "hubspot_deal", "ticket": "hubspot_ticket"}
_TRAITS = {
    "firstname": "first_name",
    "lastname": "last_name",
    "mobilephone": "phone",
    "jobtitle": "job_title",
    "lifecyclestage": "lifecycle_stage",
    "hs_lead_status": "lead_status",
}
_DEAL_PROPERTIES = {"dealname": "deal_name", "dealstage": "stage", "amount": "amount"}
_NOT_KEPT = re.compile(r"address|street|zip|(hs_)?ip(_.*|address)?")
_REDACTED = "REDACTED"
_MOST_MERGED = 9  # the engine looks at ten ids of one event

_Change = dict[str, Any]


class HubSpot(PlainVendor):
    """The vendor "hubspot"."""

    id = "hubspot"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        stated = request.headers.get(_TIMESTAMP, "")
        given = request.headers.get(_SIGNATURE, "")
        if not given and request.headers.get(_OLD_SIGNATURE):
            return Verdict(False, f"it has no {_SIGNATURE}; signatures v1 and v2 bind no time and are not believed")
        addresses = dict.fromkeys((request.url, _decoded(request.url)))
        verdicts = [_signature_verdict(request, url, given, secrets) for url in addresses]
        verdict = next((one for one in verdicts if one.is_genuine), verdicts[0])
        return time_verdict(stated, now_s, _TIMESTAMP, _MS) if verdict.is_genuine else verdict

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        return each(payloads_of(request.raw), lambda change: _events(change, source, now_ms))


def _signature_verdict(request: WebhookRequest, url: str, given: str, secrets: Sequence[str]) -> Verdict:
    stated = request.headers.get(_TIMESTAMP, "")
    signed = f"{request.method}{url}".encode(errors="replace") + request.raw + stated.encode(errors="replace")
    return hmac_verdict([given], secrets, lambda key: hmac_base64(key, signed), _SIGNATURE)


def _decoded(url: str) -> str:
    return _ENCODED.sub(lambda match: _DECODED[match[0].upper()], url)


def _events(change: _Change, source: Source, now_ms: int) -> list[Event]:
    kind, _, action = str(change.get("subscriptionType") or change.get("eventType") or "").partition(".")
    if kind == "object":
        kind = _OBJECT_TYPES.get(str(change.get("objectTypeId")), "")
    read = {"contact": _contact, "deal": _deal, "ticket": _ticket}.get(kind)
    told = read(change, action) if read else None
    if told is None:
        return []
    name, keys, properties, traits, value = told
    occurred = change.get("occurredAt")
    at_ms = now_ms if occurred is None else time_ms(occurred, "occurredAt")
    about = (
        change.get("portalId"), kind, action, change.get("objectId"), change.get("fromObjectId"),
        change.get("toObjectId"), change.get("propertyName"), change.get("occurredAt"), change.get("eventId"),
    )  # fmt: skip
    return [event(source, name, about, keys, at_ms, now_ms, properties, traits=traits, value=value)]


_Told = tuple[str, ProfileKeys, dict[str, Any], dict[str, Any], float | IngestError | None]


def _contact(change: _Change, action: str) -> _Told | None:
    keys = keys_for(custom=(_KINDS["contact"], change.get("objectId")))
    about = {"change_source": change.get("changeSource")}
    match action:
        case "creation" | "restore":
            return "identified", keys, about, {}, None
        case "deletion" | "privacyDeletion":
            return "contact_deleted", keys, about | {"is_privacy_request": action == "privacyDeletion"}, {}, None
        case "merge":
            return "identified", _merged(change), about, {}, None
        case "propertyChange":
            return _contact_property(change, keys, about)
        case "associationChange":
            return _association(change)
        case _:
            return None


def _contact_property(change: _Change, keys: ProfileKeys, about: dict[str, Any]) -> _Told | None:
    name, value = str(change.get("propertyName") or ""), change.get("propertyValue")
    if name == "hs_email_optout" and value == "true":
        return "unsubscribed", keys, about, {}, None
    if not name or _is_sensitive(change) or _NOT_KEPT.fullmatch(name) or not isinstance(value, str | int | float):
        return None
    told = keys_for(
        email=value if name == "email" else None,
        phone=value if name in ("phone", "mobilephone") else None,
        custom=(_KINDS["contact"], change.get("objectId")),
    )
    return "identified", told, about, {_TRAITS.get(name, name): value}, None


def _merged(change: _Change) -> ProfileKeys:
    """Return the ids that are one contact now, the one that is left first."""
    others = change.get("mergedObjectIds")
    ids = [change.get("newObjectId"), change.get("primaryObjectId"), change.get("objectId")]
    ids += others[:_MOST_MERGED] if isinstance(others, list) else []
    pairs = (pair for one in ids for pair in keys_for(custom=(_KINDS["contact"], one)).custom)
    return ProfileKeys(custom=tuple(dict.fromkeys(pairs)))


def _association(change: _Change) -> _Told | None:
    """Return that a deal has got or lost a contact. It joins no ids: a deal has several contacts."""
    ends = (change.get("fromObjectId"), change.get("toObjectId"))
    match change.get("associationType"):
        case "DEAL_TO_CONTACT":
            deal, contact = ends
        case "CONTACT_TO_DEAL":
            contact, deal = ends
        case _:
            return None
    properties = {"deal_id": _text(deal), "is_contact_removed": change.get("associationRemoved") is True}
    return "deal_updated", keys_for(custom=(_KINDS["contact"], contact)), properties, {}, None


def _deal(change: _Change, action: str) -> _Told | None:
    if action == "associationChange":
        return _association(change)
    if action not in ("creation", "restore", "propertyChange"):
        return None
    keys = keys_for(custom=(_KINDS["deal"], change.get("objectId")))
    properties = {"deal_id": _text(change.get("objectId")), "change_source": change.get("changeSource")}
    if action != "propertyChange":
        return "deal_created" if action == "creation" else "deal_updated", keys, properties, {}, None
    name, value = str(change.get("propertyName") or ""), change.get("propertyValue")
    properties["changed"] = name
    if name in _DEAL_PROPERTIES and not _is_sensitive(change):
        properties[_DEAL_PROPERTIES[name]] = value
    amount = worth_of(value, "propertyValue") if name == "amount" else None
    return _outcome(name, value), keys, properties, {}, amount


def _outcome(name: str, value: object) -> str:
    """Return the deal's event. Pipelines of one's own have other ids of stages, but all deals have hs_is_closed_*."""
    if (name, value) in (("dealstage", "closedwon"), ("hs_is_closed_won", "true")):
        return "deal_won"
    if (name, value) in (("dealstage", "closedlost"), ("hs_is_closed_lost", "true")):
        return "deal_lost"
    return "deal_updated"


def _ticket(change: _Change, action: str) -> _Told | None:
    if action not in ("creation", "propertyChange"):
        return None
    keys = keys_for(custom=(_KINDS["ticket"], change.get("objectId")))
    properties = {"ticket_id": _text(change.get("objectId")), "change_source": change.get("changeSource")}
    if action == "creation":
        return "ticket_created", keys, properties, {}, None
    return "ticket_updated", keys, properties | {"changed": str(change.get("propertyName") or "")}, {}, None


def _is_sensitive(change: _Change) -> bool:
    return change.get("isSensitive") is True or change.get("propertyValue") == _REDACTED


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) else None
