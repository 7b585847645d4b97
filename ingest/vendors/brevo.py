"""Brevo: what became of e-mails and SMS, and changes of contacts.

Brevo signs nothing (https://developers.brevo.com/docs/secured-webhooks): the secret comes as Basic credentials, as
Bearer token, or in the header X-Webhook-Secret, which the webhook can be told to send. A body is one event, or a list
of them (batched webhooks).

`id` is the webhook's, no event's: message, address, kind, time and link make our ids. `ts_event` is UTC by the
documentation but was seen in an account's own zone; where `ts_epoch` is later it is believed. Being added to a list
does not undo an unsubscription, so it is no email_subscribed.
"""

from typing import Any

import orjson

from ingest.bodies import parse_json
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.mail import Message, label, outcome, plain
from ingest.vendors.mapped import bounded, each, event, international, keys_for, payload_of, payloads_of, when_ms
from ingest.vendors.signing import BearingVendor
from streams.model.events import Event

_NAMES = {
    "request": "email_sent",
    "sent": "email_sent",
    "delivered": "email_delivered",
    "deferred": "email_deferred",
    "hard_bounce": "email_bounced",
    "soft_bounce": "email_bounced",
    "invalid_email": "email_bounced",
    "invalid": "email_bounced",
    "blocked": "email_dropped",
    "error": "email_dropped",
    "opened": "email_opened",
    "unique_opened": "email_opened",
    "proxy_open": "email_opened",
    "unique_proxy_open": "email_opened",
    "click": "email_clicked",
    "spam": "email_marked_as_spam",
    "complaint": "email_marked_as_spam",
    "unsubscribe": "unsubscribed",
    "unsubscribed": "unsubscribed",
}
_CONTACTS = {"contact_updated": "identified", "list_addition": "identified", "contact_deleted": "contact_deleted"}
_MESSAGES = {
    "sent": "message_sent",
    "delivered": "message_delivered",
    "soft_bounce": "message_failed",
    "hard_bounce": "message_failed",
    "rejected": "message_failed",
    "replied": "message_received",
}
_BOUNCE_TYPES = {"hard_bounce": "hard", "soft_bounce": "soft", "invalid_email": "hard", "invalid": "hard"}
_MACHINES = frozenset({"proxy_open", "unique_proxy_open"})
_TIMES = ("ts_event", "ts_epoch", "ts")
_CUSTOMER_ID = "brevo"

_Payload = dict[str, Any]


class Brevo(BearingVendor):
    """The vendor "brevo"."""

    id = "brevo"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        is_batch = isinstance(parse_json(request.raw), list)
        items = payloads_of(request.raw) if is_batch else [payload_of(request.raw)]
        return each(items, lambda item: _events(item, source, now_ms))


def _events(item: _Payload, source: Source, now_ms: int) -> list[Event]:
    kind = str(item.get("event"))
    if name := _NAMES.get(kind):
        return [_mail(item, kind, name, source, now_ms)]
    if name := _CONTACTS.get(kind):
        return _contacts(item, kind, name, source, now_ms)
    if name := _MESSAGES.get(str(item.get("msg_status"))):
        return [_text_message(item, name, source, now_ms)]
    return []


def _mail(item: _Payload, kind: str, name: str, source: Source, now_ms: int) -> Event:
    message_id, link = item.get("message-id"), item.get("link")
    # A first open is told as "unique_opened" and as "opened".
    about = (
        "brevo",
        kind.removeprefix("unique_"),
        message_id,
        item.get("camp_id"),
        item.get("email"),
        *map(item.get, _TIMES),
        link,
    )
    message = Message(
        id=message_id,
        header_id=message_id,
        campaign=label(item.get("campaign name")) or label(item.get("camp_id")),
        tags=item.get("tags") or item.get("tag"),
        metadata=_metadata(item.get("X-Mailin-custom")),
    )
    more = {
        "url": link,
        "reason": bounded(item.get("reason")),
        "bounce_type": _BOUNCE_TYPES.get(kind),
        "is_machine": True if kind in _MACHINES else None,
    }
    # A contact of the id 0 is none.
    keys = keys_for(email=item.get("email"), custom=(_CUSTOMER_ID, item.get("contact_id") or None))
    return outcome(source, name, about, keys, _at_ms(item, now_ms), now_ms, message, **more)


def _contacts(item: _Payload, kind: str, name: str, source: Source, now_ms: int) -> list[Event]:
    told = item.get("email")
    content = item.get("content")
    parts = [part for part in (content if isinstance(content, list) else [content]) if isinstance(part, dict)]
    traits = plain({key.lower(): value for part in parts for key, value in part.items()})
    lists = item.get("list_id")
    properties = {
        "change": kind,
        "lists": [text for one in lists[:100] if (text := label(one))] if isinstance(lists, list) else None,
    }
    about = ("brevo", kind, *map(item.get, _TIMES), item.get("date"), orjson.dumps([content, lists]).decode())
    at_ms = _at_ms(item, now_ms)
    return [
        event(source, name, (*about, email), keys_for(email=email), at_ms, now_ms, properties, traits=traits)
        for email in (told[:100] if isinstance(told, list) else [told])
    ]


def _text_message(item: _Payload, name: str, source: Source, now_ms: int) -> Event:
    status, number = item.get("msg_status"), item.get("to")
    about = ("brevo", "sms", item.get("messageId"), number, status, *map(item.get, _TIMES), item.get("date"))
    properties = {
        "channel": "sms",
        "message_id": label(item.get("messageId")),
        "tags": [tag] if (tag := label(item.get("tag"))) else None,
        "reason": bounded(item.get("description")) if name == "message_failed" else None,
        "text": bounded(item.get("reply")),
    }
    keys = keys_for(phone=international(number))
    return event(source, name, about, keys, _at_ms(item, now_ms), now_ms, properties)


def _at_ms(item: _Payload, now_ms: int) -> int:
    told = [when_ms(item[key], key, now_ms) for key in _TIMES[:2] if item.get(key)]
    return max(told) if told else when_ms(item.get("ts"), "ts", now_ms)


def _metadata(custom: object) -> _Payload:
    """Return the pairs of the header X-Mailin-custom: JSON, or "key:value|key:value"."""
    if not isinstance(custom, str):
        return {}
    try:
        told = orjson.loads(custom)
    except orjson.JSONDecodeError:
        pairs = (part.partition(":") for part in custom[:4_096].split("|"))
        return {name.strip(): value.strip() for name, colon, value in pairs if colon and name.strip()}
    return told if isinstance(told, dict) else {}
