"""Zendesk: tickets and people, from event webhooks and from triggers.

Signature (developer.zendesk.com/documentation/webhooks/verifying): X-Zendesk-Webhook-Signature is base64 of HMAC-SHA256
with the webhook's signing secret over X-Zendesk-Webhook-Signature-Timestamp and, without separator, the raw body. The
time is ISO 8601; Zendesk names no tolerance, so here it is the usual one. Other headers and the address are not signed.
(A version of that page from 2021 has the body first; webhooks of today sign the time first.)

Event webhooks: ticket.created -> ticket_created; what changes on a ticket -> ticket_updated; public comments ->
conversation_replied; user.created and changes of name and identities -> identified; user.deleted -> contact_deleted.
Agents and private notes are left out. Zendesk's ticket events name the requester by id alone: the custom id "zendesk".

Triggers send whatever JSON their owner writes. What is read has `ticket_id` and `email` and/or `requester_id`; also
`event` (ticket_... or conversation_..., else ticket_updated), `subject`, `status`, `priority`, `channel`, `tags`,
`updated_at`, `name`.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mapped import bounded, event, keys_for, payload_of, when_ms
from ingest.vendors.signing import hmac_base64, hmac_verdict, iso_time_verdict
from streams.model.events import Event
from streams.model.names import canonical_name

_Object = dict[str, Any]

_SIGNATURE = "x-zendesk-webhook-signature"
_TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
_PREFIX = "zen:event-type:"
_STAFF = frozenset({"agent", "admin"})
_CHANGES = frozenset(
    {
        "ticket.status_changed",
        "ticket.priority_changed",
        "ticket.subject_changed",
        "ticket.type_changed",
        "ticket.tags_changed",
        "ticket.custom_status_changed",
    }
)
_USER_CHANGES = frozenset(
    {"user.created", "user.name_changed", "user.identity_created", "user.identity_changed", "user.external_id_changed"}
)
_TICKET_TEXTS = ("subject", "status", "priority", "type")
_OWN_NAMES = ("ticket_", "conversation_")
_MAX_TAGS = 50


class Zendesk(PlainVendor):
    """The vendor "zendesk"."""

    id = "zendesk"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        stated = request.headers.get(_TIMESTAMP, "")
        signed = stated.encode(errors="surrogatepass") + request.raw
        given = [request.headers.get(_SIGNATURE, "").strip()]
        verdict = hmac_verdict(given, secrets, lambda key: hmac_base64(key, signed), _SIGNATURE)
        return iso_time_verdict(stated, now_s, _TIMESTAMP) if verdict.is_genuine else verdict

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        kind = str(payload.get("type"))
        if not kind.startswith(_PREFIX):
            return _triggered(payload, sha256(request.raw).hexdigest(), source, now_ms)
        kind = kind.removeprefix(_PREFIX)
        detail = optional_object(payload, "detail")
        what = optional_object(payload, "event")
        event_id = optional_id(payload, "id") or sha256(request.raw).hexdigest()
        at_ms = when_ms(payload.get("time"), "time", now_ms)
        if kind.startswith("user."):
            return _person(kind, detail, what, event_id, at_ms, source, now_ms)
        told = _ticket(kind, detail, what)
        keys = keys_for(custom=("zendesk", detail.get("requester_id")))
        if told is None or keys.canonical() is None:
            return []
        name, properties = told
        return [event(source, name, (event_id,), keys, at_ms, now_ms, properties)]


def _ticket(kind: str, detail: _Object, what: _Object) -> tuple[str, _Object] | None:
    properties = {"ticket_id": optional_id(detail, "id"), **_ticket_texts(detail)}
    properties["channel"] = bounded(optional_object(detail, "via").get("channel"))
    if kind == "ticket.created":
        return "ticket_created", properties
    if kind in _CHANGES:
        change = {"change": kind.removeprefix("ticket."), "previous": bounded(what.get("previous"))}
        return "ticket_updated", properties | change
    comment = optional_object(what, "comment")
    if kind != "ticket.comment_added" or comment.get("is_public") is not True:
        return None
    by = "team" if optional_object(comment, "author").get("is_staff") else "customer"
    return "conversation_replied", properties | {"by": by, "text": bounded(comment.get("body"))}


def _ticket_texts(holder: _Object) -> _Object:
    tags = holder.get("tags")
    texts = {key: bounded(holder.get(key)) for key in _TICKET_TEXTS}
    listed = [text for tag in tags[:_MAX_TAGS] if (text := bounded(tag))] if isinstance(tags, list) else None
    return texts | {"tags": listed}


def _person(
    kind: str, detail: _Object, what: _Object, event_id: str, at_ms: int, source: Source, now_ms: int
) -> list[Event]:
    keys = keys_for(email=detail.get("email"), custom=("zendesk", detail.get("id")))
    name = "identified" if kind in _USER_CHANGES else "contact_deleted" if kind == "user.deleted" else None
    if name is None or str(detail.get("role")) in _STAFF or keys.canonical() is None:
        return []
    traits = {"external_id": bounded(detail.get("external_id"))}
    if kind == "user.name_changed":
        traits["name"] = bounded(what.get("current"))
    known = traits if name == "identified" else None
    return [event(source, name, (event_id,), keys, at_ms, now_ms, {}, traits=known)]


def _triggered(payload: _Object, digest: str, source: Source, now_ms: int) -> list[Event]:
    """Return the event of a trigger's own JSON; none of a test or of one that names no ticket or nobody."""
    ticket_id = optional_id(payload, "ticket_id")
    keys = keys_for(email=payload.get("email"), custom=("zendesk", payload.get("requester_id")))
    if ticket_id is None or keys.canonical() is None:
        return []
    name = canonical_name(bounded(payload.get("event")) or "")
    name = name if name.startswith(_OWN_NAMES) else "ticket_updated"
    properties = {"ticket_id": ticket_id, **_ticket_texts(payload), "channel": bounded(payload.get("channel"))}
    at_ms = when_ms(payload.get("updated_at"), "updated_at", now_ms)
    traits = {"name": bounded(payload.get("name"))}
    return [event(source, name, (digest,), keys, at_ms, now_ms, properties, traits=traits)]
