"""Twilio Messaging: what became of messages and what people answer, by SMS, WhatsApp, RCS or Messenger.

Signature (twilio.com/docs/usage/webhooks/webhooks-security, and the SDK's RequestValidator): X-Twilio-Signature, base64
of HMAC-SHA1 with the auth token over the address that Twilio called and, of a form, each name and value after it,
sorted by name, without separators. A body that is no form is bound by `bodySHA256` in the signed address, so without it
such a body is refused. Twilio adds the standard port to the address or leaves it out, so both hold. Where
X-Twilio-Webhooks-Signature-Settings says algorithm=HMAC_SHA256 (twilio.com/docs/usage/webhooks/webhook-shared-keys,
beta), the key is the secret of the shared key. That header is not signed, but only chooses the hash.

Not signed: headers, a time, how the form is encoded, and where a name ends and its value begins; so ids come from the
message's id and status. Status callbacks and Event Streams give the same ids. statuses -> message_sent, _delivered,
_read, _failed; incoming messages -> message_received, and message_unsubscribed or _subscribed when Twilio's opt-out
handling has acted on one.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.values import optional_id, optional_object
from ingest.vendors.base import PlainVendor, Reply, Verdict, WebhookRequest
from ingest.vendors.mapped import bounded, each, event, form_of, international, keys_for, payloads_of, when_ms
from ingest.vendors.signing import equals, hmac_base64, hmac_verdict, pairs_of
from streams.model.events import Event

_SIGNATURE = "x-twilio-signature"
_SETTINGS = "x-twilio-webhooks-signature-settings"
_BODY_HASH = "bodySHA256"
_FORM = "application/x-www-form-urlencoded"
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_PORTS = {"https": 443, "http": 80}

_OUTCOMES = {
    "sent": "message_sent",
    "delivered": "message_delivered",
    "read": "message_read",
    "failed": "message_failed",
    "undelivered": "message_failed",
}
_OPT_OUTS = {"STOP": "message_unsubscribed", "START": "message_subscribed"}
_STREAM_OUTCOME = "com.twilio.messaging.message."
_STREAM_INBOUND = "com.twilio.messaging.inbound-message.received"
_TOLD = ("delivery_id", "campaign")
"""What the sender of a message may put into the address of its status callback, which is signed, or into its tags."""

_BY_NUMBER = frozenset({"", "whatsapp", "rcs"})
_MESSENGER = "messenger"
_CODE_CHARS = 10

_Fields = Mapping[str, Any]


class Twilio(PlainVendor):
    """The vendor "twilio". Says nothing (empty TwiML) to people who write."""

    id = "twilio"
    reply = Reply(b"<Response/>", "text/xml")

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        settings = dict(pairs_of(request.headers.get(_SETTINGS, "")))
        algorithm = _ALGORITHMS.get(settings.get("algorithm", "HMAC_SHA1").strip().upper())
        if algorithm is None:
            return Verdict(False, f"{_SETTINGS} names another algorithm than {' and '.join(_ALGORITHMS)}")
        fields = _signed_fields(request)
        if isinstance(fields, Verdict):
            return fields
        verdicts = [
            _judged(request, secrets, f"{address}{fields}".encode(errors="surrogatepass"), algorithm)
            for address in _addresses(request.url)
        ]
        return next((one for one in verdicts if one.is_genuine), verdicts[0])

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        if request.query(_BODY_HASH):
            return each(payloads_of(request.raw), lambda one: _told_by_stream(one, source, now_ms))
        # What a webhook by GET tells, and what a sender has added, stands in the address.
        fields = parse_qsl(urlsplit(request.url).query) + form_of(request.raw)
        return _told_by_form(dict(fields), source, now_ms)


def _judged(request: WebhookRequest, secrets: Sequence[str], signed: bytes, algorithm: str) -> Verdict:
    given = [request.headers.get(_SIGNATURE, "")]
    return hmac_verdict(given, secrets, lambda key: hmac_base64(key, signed, algorithm), _SIGNATURE)


def _signed_fields(request: WebhookRequest) -> str | Verdict:
    """Return what is signed after the address, or why the body is bound by nothing."""
    if stated := request.query(_BODY_HASH):
        is_bound = equals(stated.lower(), sha256(request.raw).hexdigest())
        return "" if is_bound else Verdict(False, f"{_BODY_HASH} in the address is not the hash of the body")
    if request.raw and not request.headers.get("content-type", "").lower().startswith(_FORM):
        return Verdict(False, f"its body is no form, and only {_BODY_HASH} in the address could bind such a body")
    try:
        return "".join(name + value for name, value in sorted(set(form_of(request.raw))))
    except IngestError:
        return Verdict(False, "its body is no form, though it says so")


def _addresses(url: str) -> list[str]:
    """Return the spellings of the address: as told, and with its port left out or the standard one added."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    host = parts.netloc.removesuffix(f":{port}") if port else f"{parts.netloc}:{_PORTS.get(parts.scheme, 443)}"
    return [url, url.replace(f"//{parts.netloc}", f"//{host}", 1)]


def _told_by_form(fields: _Fields, source: Source, now_ms: int) -> list[Event]:
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    status = str(fields.get("MessageStatus") or fields.get("SmsStatus") or "").lower()
    if not sid:
        return []
    if name := _OUTCOMES.get(status):
        properties = {"error_code": _code(fields.get("ErrorCode")), **_told(fields)}
        return _event(source, name, ("status", sid), fields.get("To"), now_ms, now_ms, properties)
    if "Body" not in fields or status not in ("", "received", "receiving"):
        return []
    properties = {
        "text": bounded(fields["Body"]) or bounded(fields.get("ButtonText")),
        "payload": bounded(fields.get("ButtonPayload")),
        "media_count": _code(fields.get("NumMedia")),
        "reply_to": bounded(fields.get("OriginalRepliedMessageSid")),
        "ad_id": bounded(fields.get("ReferralSourceId")),
        "ctwa_clid": bounded(fields.get("ReferralCtwaClid")),
    }
    person, about = fields.get("From"), ("message", sid)
    events = _event(source, "message_received", about, person, now_ms, now_ms, properties)
    if name := _OPT_OUTS.get(str(fields.get("OptOutType")).upper()):
        events += _event(source, name, about, person, now_ms, now_ms, {})
    return events


def _told_by_stream(one: dict[str, Any], source: Source, now_ms: int) -> list[Event]:
    """Read one event of Event Streams (a CloudEvent)."""
    kind = str(one.get("type"))
    data = optional_object(one, "data")
    sid = optional_id(data, "messageSid")
    at_ms = when_ms(data.get("timestamp") or one.get("time"), "timestamp", now_ms)
    if sid and kind == _STREAM_INBOUND:
        properties = {
            "text": bounded(data.get("body")),
            "media_count": data.get("numMedia"),
            "ad_id": bounded(data.get("referralSourceId")),
            "ctwa_clid": bounded(data.get("referralCtwaClid")),
        }
        return _event(source, "message_received", ("message", sid), data.get("from"), at_ms, now_ms, properties)
    status = str(data.get("messageStatus") or kind.removeprefix(_STREAM_OUTCOME)).lower()
    name = _OUTCOMES.get(status) if kind.startswith(_STREAM_OUTCOME) else None
    if not sid or name is None:
        return []
    properties = {"error_code": data.get("errorCode") or None, **_told(optional_object(data, "tags"))}
    return _event(source, name, ("status", sid), data.get("to"), at_ms, now_ms, properties)


def _event(
    source: Source,
    name: str,
    about: tuple[str, str],
    person: object,
    at_ms: int,
    now_ms: int,
    properties: dict[str, Any],
) -> list[Event]:
    """Return the event in a list, an empty one where the person's address says nobody."""
    prefix, _, address = str(person or "").strip().rpartition(":")
    phone = international(address) if prefix in _BY_NUMBER else None
    keys = keys_for(phone=phone, custom=(prefix, address) if prefix == _MESSENGER else None)
    if keys.canonical() is None:
        return []
    common = {"channel": prefix or "sms", "message_id": about[1]}
    return [event(source, name, (*about, name), keys, at_ms, now_ms, common | properties)]


def _told(fields: _Fields) -> dict[str, Any]:
    return {key: bounded(fields.get(key)) for key in _TOLD}


def _code(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < _CODE_CHARS else None
