"""Mailchimp Transactional (Mandrill): what became of e-mails, and addresses that it will not send to.

Signature (Mailchimp's documentation, https://mandrill.zendesk.com/hc/en-us/articles/360039232513): base64 of HMAC-SHA1,
with the webhook's key, over the webhook's address exactly as it was entered (a user name and password in it included)
and every field of the form, sorted by name, as name and value without anything between. No time is signed.

A webhook is only created, and its key only shown, once its address has answered a HEAD request with 200, or a POST
with no events that everybody's key "test-webhook" signs: such a POST is answered, and takes nothing. Not used:
inbound mail, additions to the allow list, and denials that a message's own event told already.
"""

from collections.abc import Sequence
from typing import Any

from ingest.bodies import parse_json
from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import optional_object
from ingest.vendors.base import OK, PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.mail import Message, outcome
from ingest.vendors.mapped import bounded, each, form_of, keys_for, objects_at, when_ms
from ingest.vendors.signing import basic_credentials, hmac_base64, hmac_verdict
from streams.model.events import Event

_SIGNATURE = "x-mandrill-signature"
_EVENTS = "mandrill_events"
_NAMES = {
    "send": "email_sent",
    "delivered": "email_delivered",
    "deferral": "email_deferred",
    "hard_bounce": "email_bounced",
    "soft_bounce": "email_bounced",
    "reject": "email_dropped",
    "open": "email_opened",
    "click": "email_clicked",
    "spam": "email_marked_as_spam",
    "unsub": "unsubscribed",
}
_BOUNCE_TYPES = {"hard_bounce": "hard", "soft_bounce": "soft"}
_TOLD_BY_MESSAGES = frozenset({"hard-bounce", "soft-bounce", "spam", "unsub"})


class MailchimpTransactional(PlainVendor):
    """The vendor "mailchimp_transactional"."""

    id = "mailchimp_transactional"

    def handshake(self, request: WebhookRequest, secrets: Sequence[str]) -> Reply | None:
        is_probe = request.method in ("HEAD", "GET") or request.raw in (
            b"mandrill_events=%5B%5D",
            b"mandrill_events=[]",
        )
        return OK if is_probe else None

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        try:
            fields = sorted(form_of(request.raw), key=lambda field: field[0])
        except IngestError:
            return Verdict(False, "the body is no form")
        given = request.headers.get(_SIGNATURE, "")
        text = "".join(name + value for name, value in fields)
        verdicts = [_verdict(given, secrets, url + text) for url in _addresses(request)]
        return next((verdict for verdict in verdicts if verdict.is_genuine), verdicts[0])

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        told = dict(form_of(request.raw)).get(_EVENTS)
        if told is None:
            raise IngestError("missing_field", _EVENTS, "is missing", "Send the vendor's own body")
        return each(objects_at({_EVENTS: parse_json(told.encode())}, _EVENTS), lambda one: _events(one, source, now_ms))


def _verdict(given: str, secrets: Sequence[str], text: str) -> Verdict:
    signed = text.encode(errors="surrogatepass")
    return hmac_verdict([given], secrets, lambda key: hmac_base64(key, signed, "sha1"), _SIGNATURE)


def _addresses(request: WebhookRequest) -> list[str]:
    """Return the address as it may have been entered: as it was called, or with the credentials that came apart."""
    credentials = basic_credentials(request.headers.get("authorization", ""))
    if not credentials:
        return [request.url]
    return [request.url, request.url.replace("://", f"://{credentials}@", 1)]


def _events(item: dict[str, Any], source: Source, now_ms: int) -> list[Event]:
    at_ms = when_ms(item.get("ts"), "ts", now_ms)
    if item.get("type") == "blacklist":
        return _denied(item, source, at_ms, now_ms)
    kind = str(item.get("event"))
    name = _NAMES.get(kind)
    if name is None:
        return []
    told = optional_object(item, "msg")
    about = ("mandrill", kind, item.get("_id"), told.get("email"), item.get("ts"), item.get("url"))
    metadata = told.get("metadata")
    if not isinstance(metadata, dict):  # PHP's empty array
        metadata = {}
    message = Message(id=told.get("_id") or item.get("_id"), tags=told.get("tags"), metadata=metadata)
    more = {
        "url": item.get("url") if kind == "click" else None,
        "bounce_type": _BOUNCE_TYPES.get(kind),
        "reason": bounded(told.get("diag")) or bounded(told.get("bounce_description")) or bounded(told.get("reject")),
    }
    return [outcome(source, name, about, keys_for(email=told.get("email")), at_ms, now_ms, message, **more)]


def _denied(item: dict[str, Any], source: Source, at_ms: int, now_ms: int) -> list[Event]:
    """Return that somebody put an address on the deny list by hand."""
    entry = optional_object(item, "reject")
    if item.get("action") != "add" or str(entry.get("reason")) in _TOLD_BY_MESSAGES:
        return []
    about = ("mandrill", "denied", entry.get("email"), item.get("ts"), entry.get("created_at"))
    reason = bounded(entry.get("detail")) or bounded(entry.get("reason"))
    keys = keys_for(email=entry.get("email"))
    return [outcome(source, "unsubscribed", about, keys, at_ms, now_ms, Message(), reason=reason)]
