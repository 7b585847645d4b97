"""SendGrid's event webhook: what became of e-mails, clicks, opens, complaints, subscriptions.

Signature (Twilio's documentation of the signed event webhook, and its SDK `EventWebhook`): ECDSA on P-256 with SHA-256
over the timestamp header and the raw body, base64 of DER; the secret is the verification key that SendGrid shows,
base64 of a DER public key. Nothing else is signed. A window of 5 minutes: SendGrid states none. OAuth is not asked for.

`sg_event_id` is documented as unique to an event, yet a repeated delivery carries another one
(https://github.com/sendgrid/sendgrid-nodejs/issues/1435), so what happened to whom and when makes our ids.
"""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from ingest.sources import Source
from ingest.vendors.base import GENUINE, PlainVendor, Verdict, WebhookRequest
from ingest.vendors.mail import Message, label, outcome
from ingest.vendors.mapped import bounded, each, keys_for, payloads_of, when_ms
from ingest.vendors.signing import NO_SECRET, live, time_verdict
from streams.model.events import Event

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_NAMES = {
    "processed": "email_sent",
    "delivered": "email_delivered",
    "deferred": "email_deferred",
    "bounce": "email_bounced",
    "dropped": "email_dropped",
    "open": "email_opened",
    "click": "email_clicked",
    "spamreport": "email_marked_as_spam",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
    "group_resubscribe": "email_subscribed",
}
_BOUNCE_TYPES = {"bounce": "hard", "blocked": "blocked"}
_CAMPAIGN_KEYS = ("marketing_campaign_name", "singlesend_name", "marketing_campaign_id", "singlesend_id")
# What SendGrid itself says; every other key is a custom argument of the message.
_OWN_KEYS = frozenset({
    "asm_group_id", "attempt", "bounce_classification", "category", "cert_err", "email", "event", "ip", "newsletter",
    "marketing_campaign_split_id", "marketing_campaign_version", "phase_id", "pool", "post_type", "reason", "response",
    "send_at", "singlesend_name", "smtp-id", "status", "template_hash", "template_id", "template_version_id",
    "timestamp", "tls", "type", "unique_args", "url", "url_offset", "useragent", *_CAMPAIGN_KEYS,
})  # fmt: skip


class SendGrid(PlainVendor):
    """The vendor "sendgrid"."""

    id = "sendgrid"

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        shown = live(secrets)
        if not shown:
            return NO_SECRET
        stamp = request.headers.get(_TIMESTAMP, "")
        in_time = time_verdict(stamp, now_s, _TIMESTAMP)
        if not in_time.is_genuine:
            return in_time
        try:
            signature = b64decode(request.headers.get(_SIGNATURE, ""), validate=True)
        except (binascii.Error, ValueError):
            signature = b""
        if not signature:
            return Verdict(False, f"the header {_SIGNATURE} is missing, or no base64")
        from ingest.vendors.public_keys import p256_has_signed, p256_key  # noqa: PLC0415  it says why

        keys = [key for one in shown if (key := p256_key(one))]
        if not keys:
            return Verdict(False, "no live secret is a verification key as SendGrid shows it: base64, one line, P-256")
        signed = stamp.encode() + request.raw
        matches = [p256_has_signed(key, signature, signed) for key in keys]
        return GENUINE if any(matches) else Verdict(False, f"{_SIGNATURE} fits no live verification key")

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        return each(payloads_of(request.raw), lambda item: _events(item, source, now_ms))


def _events(item: dict[str, Any], source: Source, now_ms: int) -> list[Event]:
    kind = str(item.get("event"))
    name = _NAMES.get(kind)
    if name is None:
        return []
    same = [item.get(key) for key in ("email", "timestamp", "sg_message_id", "url", "attempt")]
    about = ("sendgrid", kind, *same)
    unique = item.get("unique_args")
    message = Message(
        id=item.get("sg_message_id"),
        header_id=item.get("smtp-id"),
        campaign=next(filter(None, (label(item.get(key)) for key in _CAMPAIGN_KEYS)), None),
        tags=item.get("category"),
        metadata={
            **{key: value for key, value in item.items() if key not in _OWN_KEYS and not key.startswith("sg_")},
            **(unique if isinstance(unique, dict) else {}),
        },
    )
    more = {
        "url": item.get("url") if kind == "click" else None,
        "reason": bounded(item.get("reason")) or (bounded(item.get("response")) if kind == "deferred" else None),
        "bounce_type": _BOUNCE_TYPES.get(str(item.get("type")), "undetermined") if kind == "bounce" else None,
        "group": label(item.get("asm_group_id")),
        "is_machine": True if item.get("sg_machine_open") is True else None,
    }
    at_ms = when_ms(item.get("timestamp"), "timestamp", now_ms)
    return [outcome(source, name, about, keys_for(email=item.get("email")), at_ms, now_ms, message, **more)]
