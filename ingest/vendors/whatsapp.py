"""WhatsApp Cloud API: what became of messages, what people answer, and whether they want marketing.

Signature (developers.facebook.com, "Webhooks from Meta", Getting started): X-Hub-Signature-256, HMAC-SHA256 over the
raw body with the app secret; Meta escapes Unicode before it signs, so only the raw bytes will do. No time is signed, so
a captured request stays genuine: ids (message and status) make it count once. Headers and address are not signed.

statuses -> message_sent, _delivered, _read, _failed, in any order and several in one webhook; a message that is read at
once never is "delivered". messages -> message_received, or form_submitted when it completes a WhatsApp Flow.
user_preferences -> message_subscribed, message_unsubscribed. People who hide their number are known by the custom id
"whatsapp" (their business-scoped user id).
"""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import WebhookRequest
from ingest.vendors.hub import MetaVendor, changes_of
from ingest.vendors.mapped import bounded, each, event, international, keys_for, objects_at, payload_of, when_ms
from streams.model.events import Event, ProfileKeys

_Object = dict[str, Any]
_Told = tuple[str, tuple[object, ...], _Object]  # name of the event, what it is about, properties

_OUTCOMES = {
    "sent": "message_sent",
    "delivered": "message_delivered",
    "read": "message_read",
    "failed": "message_failed",
}
_PREFERENCES = {"stop": "message_unsubscribed", "resume": "message_subscribed", "signup": "message_subscribed"}
# What tells of a message or a number instead of being one.
_NO_MESSAGES = frozenset({"system", "edit", "revoke", "errors"})
_WORDS = ("body", "text", "title", "caption", "emoji")
_MAX_ANSWERS = 50
_MAX_QUESTION_CHARS = 100


class WhatsApp(MetaVendor):
    """The vendor "whatsapp"."""

    id = "whatsapp"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        changes = changes_of(payload_of(request.raw))
        items = [one for change in changes for one in _singles(optional_object(change, "value"))]
        return each(items, lambda one: _events(one, source, now_ms))


def _singles(value: _Object) -> Iterator[_Object]:
    """Cut a change into such with one status, message or preference each."""
    about = {key: value.get(key) for key in ("metadata", "contacts")}
    for key in _READERS:
        for item in objects_at(value, key):
            yield about | {key: [item]}


def _events(single: _Object, source: Source, now_ms: int) -> list[Event]:
    key = next(key for key in _READERS if key in single)
    item: _Object = single[key][0]
    told = _READERS[key](item)
    keys = _keys(item, objects_at(single, "contacts"))
    if told is None or keys.canonical() is None:
        return []
    name, about, properties = told
    number_id = optional_id(optional_object(single, "metadata"), "phone_number_id")
    common = {"channel": "whatsapp", "business_number_id": number_id}
    at_ms = when_ms(item.get("timestamp"), "timestamp", now_ms)
    # In a group each member has a status of the same message.
    return [event(source, name, (*about, keys.canonical()), keys, at_ms, now_ms, common | properties)]


def _outcome(item: _Object) -> _Told | None:
    name = _OUTCOMES.get(str(item.get("status")))
    message_id = optional_id(item, "id")
    if name is None or message_id is None:
        return None
    error = next(iter(objects_at(item, "errors")), {})
    properties = {
        "message_id": message_id,
        "delivery_id": bounded(item.get("biz_opaque_callback_data")),
        "category": bounded(optional_object(item, "pricing").get("category")),
        "error_code": error.get("code"),
        "error": bounded(error.get("title")),
    }
    return name, ("status", message_id, name), properties


def _message(item: _Object) -> _Told | None:
    kind = bounded(item.get("type"))
    message_id = optional_id(item, "id")
    if kind is None or kind in _NO_MESSAGES or message_id is None:
        return None
    referral = optional_object(item, "referral")
    properties = {
        "message_id": message_id,
        "type": kind,
        "reply_to": optional_id(optional_object(item, "context"), "id"),
        "ad_id": optional_id(referral, "source_id"),
        "ctwa_clid": bounded(referral.get("ctwa_clid")),
        "ad_headline": bounded(referral.get("headline")),
    }
    said = item.get(kind)
    said = said if isinstance(said, dict) else {}
    if reply := optional_object(said, "nfm_reply"):
        answered = {"form_id": bounded(reply.get("name")) or "flow", "answers": _answers(reply)}
        return "form_submitted", ("form", message_id), properties | answered
    said = optional_object(said, "button_reply") or optional_object(said, "list_reply") or said
    words = {
        "text": next((text for key in _WORDS if (text := bounded(said.get(key)))), None),
        "payload": bounded(said.get("payload")) or (bounded(said.get("id")) if kind == "interactive" else None),
    }
    return "message_received", ("message", message_id), properties | words


def _answers(reply: _Object) -> _Object:
    """Return the answers of a flow, which stand in a text; its token is no answer."""
    try:
        told = orjson.loads(reply.get("response_json") or "{}")
    except (orjson.JSONDecodeError, TypeError):
        return {}
    if not isinstance(told, dict):
        return {}
    kept = [(key, answer) for key, answer in told.items() if key != "flow_token"][:_MAX_ANSWERS]
    return {key[:_MAX_QUESTION_CHARS]: bounded(one) if isinstance(one, str) else one for key, one in kept}


def _preference(item: _Object) -> _Told | None:
    name = _PREFERENCES.get(str(item.get("value")))
    if name is None:
        return None
    return name, ("preference", item.get("timestamp"), name), {"category": bounded(item.get("category"))}


_READERS: dict[str, Callable[[_Object], _Told | None]] = {
    "statuses": _outcome,
    "messages": _message,
    "user_preferences": _preference,
}


def _keys(item: _Object, contacts: list[_Object]) -> ProfileKeys:
    """Return the person at the other end; of a group, which is no person, the member."""
    is_group = item.get("recipient_type") == "group"
    names = ("recipient_participant_id",) if is_group else ("recipient_id", "from", "wa_id")
    number = next(filter(None, map(item.get, names)), None)
    given = map(item.get, ("recipient_participant_user_id", "recipient_user_id", "from_user_id", "user_id"))
    user_id = next(filter(None, given), None)
    known = (("wa_id", number), ("user_id", user_id))
    named = (one for one in contacts if any(value and one.get(key) == value for key, value in known))
    contact = next(named, contacts[0] if len(contacts) == 1 and not number and not user_id else {})
    phone = international(number) or international(contact.get("wa_id"))
    return keys_for(phone=phone, custom=("whatsapp", user_id or contact.get("user_id")))
