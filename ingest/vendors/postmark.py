"""Postmark: what became of e-mails, clicks, opens, complaints, and who may be written to again.

Postmark signs nothing (https://postmarkapp.com/developer/webhooks/webhooks-overview): the secret comes as Basic
credentials, or in the header X-Webhook-Secret, which the webhook can be told to send. Its headers' ids are not trusted.

A hard bounce and a complaint are told by two webhooks, its own and the subscription change that follows: they have the
same id and count once. Automatic replies, address changes and inbound mail are not used.
"""

from typing import Any

from ingest.sources import Source
from ingest.values import email_or_none, optional_object
from ingest.vendors.base import WebhookRequest
from ingest.vendors.mail import Message, label, outcome
from ingest.vendors.mapped import bounded, keys_for, payload_of, when_ms
from ingest.vendors.signing import BearingVendor
from streams.model.events import Event

_RECORDS = {"Delivery": "email_delivered", "Open": "email_opened", "Click": "email_clicked"}
# Postmark's types of bounces (https://postmarkapp.com/developer/api/bounce-api): event, bounce_type.
_BOUNCES: dict[str, tuple[str, str | None]] = {
    "HardBounce": ("email_bounced", "hard"),
    "BadEmailAddress": ("email_bounced", "hard"),
    "SoftBounce": ("email_bounced", "soft"),
    "Blocked": ("email_bounced", "blocked"),
    "SpamNotification": ("email_bounced", "blocked"),
    "DMARCPolicy": ("email_bounced", "blocked"),
    "Unknown": ("email_bounced", "undetermined"),
    "Transient": ("email_deferred", None),
    "DnsError": ("email_deferred", None),
    "VirusNotification": ("email_dropped", None),
    "ManuallyDeactivated": ("email_dropped", None),
    "SMTPApiError": ("email_dropped", None),
    "TemplateRenderingFailed": ("email_dropped", None),
    "SpamComplaint": ("email_marked_as_spam", None),
    "Unsubscribe": ("unsubscribed", None),
    "Subscribe": ("email_subscribed", None),
}
_SUPPRESSIONS: dict[str, tuple[str, str | None]] = {
    "HardBounce": ("email_bounced", "hard"),
    "SpamComplaint": ("email_marked_as_spam", None),
}
_TIMES = ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")
_NO_MESSAGE = "00000000-0000-0000-0000-000000000000"

_Payload = dict[str, Any]


class Postmark(BearingVendor):
    """The vendor "postmark"."""

    id = "postmark"

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        payload = payload_of(request.raw)
        name, bounce_type = _meaning(payload)
        if not name:
            return []
        message = Message(
            id=payload.get("MessageID"), tags=payload.get("Tag"), metadata=optional_object(payload, "Metadata")
        )
        more = {
            "url": payload.get("OriginalLink"),
            "bounce_type": bounce_type,
            "reason": bounded(payload.get("SuppressionReason"))
            or (bounded(payload.get("Details")) if name != "email_delivered" else None)
            or bounded(payload.get("Description")),
            "stream": label(payload.get("MessageStream")),
            "origin": label(payload.get("Origin")),
        }
        email = payload.get("Recipient") or payload.get("Email")
        at_ms = when_ms(_time(payload), "time", now_ms)
        return [outcome(source, name, _about(payload, name), keys_for(email=email), at_ms, now_ms, message, **more)]


def _meaning(payload: _Payload) -> tuple[str, str | None]:
    """Return event and bounce_type; no event for what is not used."""
    record = str(payload.get("RecordType"))
    if record in ("Bounce", "SpamComplaint"):
        return _BOUNCES.get(str(payload.get("Type") or record), ("", None))
    if record != "SubscriptionChange":
        return _RECORDS.get(record, ""), None
    if payload.get("SuppressSending") is False:
        return "email_subscribed", None
    return _SUPPRESSIONS.get(str(payload.get("SuppressionReason")), ("unsubscribed", None))


def _about(payload: _Payload, name: str) -> tuple[object, ...]:
    """Return what makes the event's id: a message bounces hard, or is complained about, once an address."""
    message_id = payload.get("MessageID")
    email = email_or_none(payload.get("Recipient") or payload.get("Email"))
    is_final = "HardBounce" in (payload.get("Type"), payload.get("SuppressionReason")) or name == "email_marked_as_spam"
    if is_final and message_id not in (None, "", _NO_MESSAGE):
        return ("postmark", name, message_id, email)
    kind = payload.get("RecordType")
    return ("postmark", kind, name, message_id, email, _time(payload), payload.get("ID"), payload.get("OriginalLink"))


def _time(payload: _Payload) -> object:
    return next((payload[key] for key in _TIMES if payload.get(key)), None)
