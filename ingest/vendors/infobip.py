"""Infobip: what became of messages and mails, and what people answer.

Signature: none that is documented. Infobip's subscriptions know the credential types BASIC, HMAC and OAUTH
(infobip.com/docs/api/platform/subscriptions-api/create-security-settings), but what HMAC signs and in which header is
not told there, so it is not believed here: a request shows its secret, as Basic credentials or in its address. Whoever
knows the secret can send anything, and nothing binds the body.

Delivery reports -> message_sent (handed to the operator), _delivered, _failed, or email_delivered, _bounced, _dropped,
_deferred; seen reports -> message_read; e-mail tracking -> email_opened, _clicked, _complained, _unsubscribed; inbound
SMS and WhatsApp -> message_received. Ids come from the message's id and what happened to it; tracking tells no time and
no id of its own, so the same body counts once.
"""

from hashlib import sha256
from typing import Any

from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import WebhookRequest
from ingest.vendors.mail import Message, outcome
from ingest.vendors.mapped import bounded, each, event, international, keys_for, objects_at, payload_of, when_ms
from ingest.vendors.signing import BearingVendor
from streams.model.events import Event, ProfileKeys

_Object = dict[str, Any]

_TO_OPERATOR = 2  # of the group DELIVERED, yet on its way (infobip.com, "Message status codes")
_MESSAGE_GROUPS = {
    "DELIVERED": "message_delivered",
    "UNDELIVERABLE": "message_failed",
    "EXPIRED": "message_failed",
    "REJECTED": "message_failed",
}
_MAIL_GROUPS = {
    "DELIVERED": "email_delivered",
    "UNDELIVERABLE": "email_bounced",
    "EXPIRED": "email_deferred",
    "REJECTED": "email_dropped",
}
_TRACKED = {
    "OPENED": "email_opened",
    "CLICKED": "email_clicked",
    "COMPLAINED": "email_marked_as_spam",
    "UNSUBSCRIBED": "unsubscribed",
}


class Infobip(BearingVendor):
    """The vendor "infobip"."""

    id = "infobip"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        if "notificationType" in payload:
            return _tracked(payload, sha256(request.raw).hexdigest(), source, now_ms)
        channel = bounded(request.query("channel")) or "sms"
        return each(objects_at(payload, "results"), lambda one: _told(one, channel.lower(), source, now_ms))


def _told(one: _Object, channel: str, source: Source, now_ms: int) -> list[Event]:
    channel = (bounded(one.get("integrationType")) or bounded(one.get("channel")) or channel).lower()
    message_id = optional_id(one, "messageId")
    if message_id is None:
        return []
    common = {"channel": channel, "message_id": message_id} | _ours(one)
    if "status" in one:
        return _reported(one, common, source, now_ms)
    if one.get("seenAt"):  # of a seen report the person is the sender, and the business is whom it went to
        name, at, properties = "message_read", "seenAt", common
    elif "text" in one or "message" in one or "receivedAt" in one:
        name, at, properties = "message_received", "receivedAt", common | _words(one)
    else:
        return []
    keys = _keys(one.get("from"), optional_object(one, "contact"))
    at_ms = when_ms(one.get(at), at, now_ms)
    return [event(source, name, (name, message_id), keys, at_ms, now_ms, properties)]


def _reported(one: _Object, common: _Object, source: Source, now_ms: int) -> list[Event]:
    status = optional_object(one, "status")
    error = optional_object(one, "error")
    group = str(status.get("groupName")).upper()
    at_ms = when_ms(one.get("doneAt") or one.get("sentAt"), "doneAt", now_ms)
    reason = None if group == "DELIVERED" else bounded(error.get("name")) or bounded(status.get("name"))
    keys = _keys(one.get("to"), {})
    if keys.email:
        return _mailed(_MAIL_GROUPS.get(group), one, keys, at_ms, source, now_ms, reason=reason)
    name = _MESSAGE_GROUPS.get(group)
    if name == "message_delivered" and status.get("id") == _TO_OPERATOR:
        name = "message_sent"
    if name is None:
        return []
    failed = {"error_code": error.get("id"), "error": reason, "is_permanent": error.get("permanent")} if reason else {}
    return [event(source, name, (name, common["message_id"]), keys, at_ms, now_ms, common | failed)]


def _mailed(
    name: str | None,
    one: _Object,
    keys: ProfileKeys,
    at_ms: int,
    source: Source,
    now_ms: int,
    about: object = None,
    **more: object,
) -> list[Event]:
    if name is None:
        return []
    if name == "email_bounced":
        permanent = optional_object(one, "error").get("permanent")
        more["bounce_type"] = "hard" if permanent is True else "soft" if permanent is False else "undetermined"
    ours = _ours(one)
    delivery = {"delivery_id": ours["delivery_id"]} if ours["delivery_id"] else {}
    mail = Message(one.get("messageId"), None, ours["campaign"], None, delivery)
    return [outcome(source, name, (name, about or one.get("messageId")), keys, at_ms, now_ms, mail, **more)]


def _tracked(payload: _Object, digest: str, source: Source, now_ms: int) -> list[Event]:
    name = _TRACKED.get(str(payload.get("notificationType")).upper())
    keys = keys_for(email=payload.get("recipient"))
    return _mailed(name, payload, keys, now_ms, source, now_ms, digest, url=payload.get("url"))


def _words(one: _Object) -> _Object:
    """Return what was written or tapped, in an SMS or in the message of another channel."""
    message = optional_object(one, "message")
    words = (one.get("text"), *(message.get(key) for key in ("text", "title", "caption")))
    return {
        "text": next((text for word in words if (text := bounded(word))), None),
        "keyword": bounded(one.get("keyword")),
        "type": bounded(message.get("type")),
        "payload": bounded(message.get("payload")) or bounded(message.get("id")),
        "reply_to": optional_id(one, "pairedMessageId"),
    }


def _ours(one: _Object) -> _Object:
    """Return what the sender of a message has given it to be known by."""
    return {
        "delivery_id": bounded(one.get("callbackData")),
        "campaign": bounded(one.get("campaignReferenceId")),
        "bulk_id": bounded(one.get("bulkId")),
    }


def _keys(address: object, contact: _Object) -> ProfileKeys:
    """Return who has the address; of WhatsApp also by the id of those who hide their number."""
    return keys_for(
        email=address,
        phone=international(address) or international(contact.get("phoneNumber")),
        custom=("whatsapp", contact.get("userId")),
    )
