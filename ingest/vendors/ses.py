"""Amazon SES through SNS: what became of e-mails, clicks, opens, complaints, subscriptions.

Signature (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html): RSA PKCS #1 v1.5 with SHA-1
(SignatureVersion 1) or SHA-256 (2), by the certificate at SigningCertURL, over a line with the name and one with the
value of Message, MessageId, Subject (if there is one), Timestamp, TopicArn and Type of a notification; of Message,
MessageId, SubscribeURL, Timestamp, Token, TopicArn and Type of a confirmation. Nothing else in the body, and no header,
is signed.

Everybody can have SNS sign messages of his own topic, so the topic is what is pinned: the source's secret is its ARN.
The certificate's address has no query: with one, SNS itself serves what a stranger wrote
(https://spaceraccoon.dev/exploiting-improper-validation-amazon-simple-notification-service/). SNS signs once and tries
for an hour at most (https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html), so that long it is
believed.
"""

import re
from collections.abc import Sequence
from typing import Any

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import GENUINE, PlainVendor, Verdict, WebhookRequest, blanking
from ingest.vendors.mapped import payload_of
from ingest.vendors.ses_events import events_of
from ingest.vendors.signing import NO_SECRET, equals, iso_time_verdict, live
from streams.model.events import Event

TOLERANCE_S = 3_900.0
AHEAD_S = 300.0
_HOST = r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/[0-9A-Za-z_-]{1,128}\.pem")
# sns.amazonaws.com, sns-cn-north-1.amazonaws.com.cn, sns-signing.me-south-1.amazonaws.com
_SNS_NAME = re.compile(r"sns(?:-[a-z0-9-]+)?(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_CONFIRM = re.compile(_HOST + r"/\?Action=ConfirmSubscription&[!-~]{1,2000}")
_CONFIRMATION = "SubscriptionConfirmation"
_NOTIFIED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONTROLLED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {"Notification": _NOTIFIED, _CONFIRMATION: _CONTROLLED, "UnsubscribeConfirmation": _CONTROLLED}
_HASHES = {"1": "sha1", "2": "sha256"}

_Message = dict[str, Any]
# Whoever has one of these addresses, or the token in them, can end the subscription or confirm it.
_without_tokens = blanking("UnsubscribeURL", "SubscribeURL", "Token")


class Ses(PlainVendor):
    """The vendor "ses"."""

    id = "ses"

    def certificate_url(self, request: WebhookRequest) -> str:
        return _address(_message(request), "SigningCertURL", _CERTIFICATE)

    def confirm_url(self, request: WebhookRequest) -> str:
        message = _message(request)
        return _address(message, "SubscribeURL", _CONFIRM) if message.get("Type") == _CONFIRMATION else ""

    def verify(
        self, request: WebhookRequest, secrets: Sequence[str], now_s: float, certificate: bytes = b""
    ) -> Verdict:
        topics = live(secrets)
        if not topics:
            return NO_SECRET
        message = _message(request)
        told = _signed_fields(message)
        if told is None:
            return Verdict(False, "the body is no message of SNS as it signs them; raw message delivery must be off")
        if problem := self._problem(request, told, topics):
            return Verdict(False, problem)
        in_time = iso_time_verdict(told["Timestamp"], now_s, "Timestamp", TOLERANCE_S, AHEAD_S)
        if not in_time.is_genuine:
            return in_time
        text = "".join(f"{name}\n{value}\n" for name, value in told.items())
        return _signature_verdict(message, text.encode(), certificate, now_s)

    def _problem(self, request: WebhookRequest, told: dict[str, str], topics: Sequence[str]) -> str:
        """Return what is wrong before any signature is looked at."""
        if not any(equals(told["TopicArn"], topic.strip()) for topic in topics):
            return "TopicArn is none of the source's topics"
        if not self.certificate_url(request):
            return "SigningCertURL is not where SNS keeps its certificates"
        if told["Type"] == _CONFIRMATION and not self.confirm_url(request):
            return "SubscribeURL is no address of SNS that confirms"
        return ""

    def parse(self, request: WebhookRequest, source: Source, now_ms: int) -> list[Event]:
        message = payload_of(request.raw)
        is_news = message.get("Type") == "Notification"
        return events_of(str(message.get("Message")), source, now_ms) if is_news else []

    def kept(self, raw: bytes) -> bytes:
        return _without_tokens(raw)


def _message(request: WebhookRequest) -> _Message:
    """Return the JSON object of the body; an empty one when it has none."""
    try:
        return payload_of(request.raw)
    except IngestError:
        return {}


def _signed_fields(message: _Message) -> dict[str, str] | None:
    """Return what SNS signs, in its order; None when the message is not one of its."""
    names = _SIGNED.get(str(message.get("Type")), ())
    told = {name: message.get(name) for name in names if name != "Subject" or message.get(name) is not None}
    texts = {name: value for name, value in told.items() if isinstance(value, str)}
    return texts if texts and len(texts) == len(told) else None


def _address(message: _Message, key: str, pattern: re.Pattern[str]) -> str:
    value = message.get(key)
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _signature_verdict(message: _Message, signed: bytes, certificate: bytes, now_s: float) -> Verdict:
    version = message.get("SignatureVersion")
    algorithm = _HASHES.get(version) if isinstance(version, str) else None
    if algorithm is None:
        return Verdict(False, "SignatureVersion is neither 1 nor 2")
    from ingest.vendors.chains import has_signed, rsa_key_of  # noqa: PLC0415  it says why

    key = rsa_key_of(certificate, now_s, _SNS_NAME.fullmatch)
    if isinstance(key, str):
        return Verdict(False, key)
    if not has_signed(key, message.get("Signature", ""), signed, algorithm):
        return Verdict(False, "Signature is not that of the certificate over this message")
    return GENUINE
