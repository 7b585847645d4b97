"""SES through SNS: believed for its topic, its certificate and an hour; subscriptions of known topics are confirmed."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette

from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from ingest.vendors.base import WebhookRequest
from ingest.vendors.certificates import Certificates
from ingest.vendors.ses import Ses
from ingest.webhooks import WebhookRoutes
from tests.unit.ingest.fake_log import FakeClock, FakeLog

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
CONFIRM_URL = f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37f"
NOW_S = 1_800_000_000
SOURCE = Source("src_ses", "ws", "ses", webhook_secrets=("arn:aws:sns:eu-west-1:1:other", TOPIC))


class Signer(NamedTuple):
    key: rsa.RSAPrivateKey
    pem: bytes

    def request(self, changed: dict[str, Any] | None = None, version: str = "2") -> WebhookRequest:
        """Return a message that SNS would send, with `changed` fields, signed."""
        stamp = datetime.fromtimestamp(NOW_S, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        message = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": json.dumps(DELIVERY),
            "Timestamp": stamp,
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE_URL,
        } | (changed or {})
        names = sorted(
            set(message) & {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
        )
        text = "".join(f"{name}\n{message[name]}\n" for name in names)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return request(message | {"Signature": base64.b64encode(signature).decode()})


def make_signer(name: str = "sns.amazonaws.com", valid_until: datetime | None = None) -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(NOW_S, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(valid_until or now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


DELIVERY: dict[str, Any] = {
    "eventType": "Delivery",
    "mail": {"messageId": "EXAMPLE7c191be45-e9aedb9a", "destination": ["recipient@example.com"]},
    "delivery": {"timestamp": "2016-10-19T23:21:04.133Z", "recipients": ["recipient@example.com"]},
}
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "Token": "2336412f37f",
    "Message": "You have chosen to subscribe to the topic.\nTo confirm, visit the SubscribeURL.",
    "SubscribeURL": CONFIRM_URL,
}


def request(message: object) -> WebhookRequest:
    return WebhookRequest("https://events.example.com/webhooks/src_ses", {}, orjson.dumps(message))


def verdict_on(webhook: WebhookRequest, signer: Signer, now_s: float = NOW_S):
    return Ses().verify(webhook, SOURCE.webhook_secrets, now_s, signer.pem)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("changed", [{}, {"Subject": "News"}, {"Subject": "ü\nv"}, CONFIRMATION], ids=repr)
def test_what_sns_signs_is_believed(signer: Signer, version: str, changed: dict[str, Any]):
    assert verdict_on(signer.request(changed, version), signer) == (True, "")


@pytest.mark.parametrize("version", ["0", "3", "", None, 2, ["2"]])
def test_another_signature_version_is_refused(signer: Signer, version: Any):
    message = orjson.loads(signer.request().raw) | {"SignatureVersion": version}
    assert "SignatureVersion" in verdict_on(request(message), signer).reason


def test_a_version_2_signature_is_none_of_version_1(signer: Signer):
    message = orjson.loads(signer.request().raw) | {"SignatureVersion": "1"}
    assert not verdict_on(request(message), signer).is_genuine


def test_everybody_may_have_a_topic_so_only_the_sources_topics_are_believed(signer: Signer):
    webhook = signer.request({"TopicArn": "arn:aws:sns:us-east-1:666666666666:ses-events"})
    assert verdict_on(webhook, signer) == (False, "TopicArn is none of the source's topics")


@pytest.mark.parametrize(
    "key", ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SigningCertURL"]
)
def test_a_message_without_one_of_its_parts_is_refused(signer: Signer, key: str):
    message = orjson.loads(signer.request().raw)
    del message[key]
    assert not verdict_on(request(message), signer).is_genuine
    assert not verdict_on(request(message | {key: 5}), signer).is_genuine


@pytest.mark.parametrize("key", ["Message", "MessageId", "Subject", "Timestamp"])
def test_every_signed_part_counts(signer: Signer, key: str):
    message = orjson.loads(signer.request({"Subject": "News"}).raw)
    changed = message[key].replace("000Z", "001Z") if key == "Timestamp" else message[key] + " "
    assert not verdict_on(request(message | {key: changed}), signer).is_genuine


@pytest.mark.parametrize(("away_s", "holds"), [(3_899, True), (3_901, False), (-299, True), (-301, False)])
def test_it_holds_as_long_as_sns_tries_and_not_ahead_of_time(signer: Signer, away_s: int, holds: bool):
    assert verdict_on(signer.request(), signer, NOW_S + away_s).is_genuine is holds


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://evil.example/sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.xy.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sqs.us-east-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem?x=1",
        "https://sns.us-east-1.amazonaws.com/?Action=GetEndpointAttributes&EndpointArn=x&.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.txt",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem\n",
    ],
)
def test_certificates_come_from_where_sns_keeps_them(signer: Signer, url: str):
    webhook = signer.request({"SigningCertURL": url})
    assert Ses().certificate_url(webhook) == ""
    assert "SigningCertURL" in verdict_on(webhook, signer).reason


@pytest.mark.parametrize(
    "region", ["us-east-1.amazonaws.com", "cn-north-1.amazonaws.com.cn", "us-gov-west-1.amazonaws.com"]
)
def test_every_region_has_its_certificates(signer: Signer, region: str):
    url = f"https://sns.{region}/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
    assert Ses().certificate_url(signer.request({"SigningCertURL": url})) == url


def test_another_certificate_or_none_does_not_hold(signer: Signer):
    other = make_signer()
    assert not verdict_on(signer.request(), other).is_genuine
    assert not verdict_on(signer.request(), Signer(signer.key, b"")).is_genuine
    assert not verdict_on(signer.request(), Signer(signer.key, b"-----BEGIN CERTIFICATE-----\n")).is_genuine


def test_a_certificate_that_has_run_out_does_not_hold():
    old = make_signer(valid_until=datetime.fromtimestamp(NOW_S - 1, UTC))
    assert not verdict_on(old.request(), old).is_genuine


def test_a_certificate_of_another_name_does_not_hold():
    other = make_signer("s3.amazonaws.com")
    assert not verdict_on(other.request(), other).is_genuine


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=ConfirmSubscription&Token=1",
        "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1",
        "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=1",
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=1#\r\nx",
    ],
)
def test_a_confirmation_elsewhere_is_refused(signer: Signer, url: str):
    webhook = signer.request({**CONFIRMATION, "SubscribeURL": url})
    assert (Ses().confirm_url(webhook), verdict_on(webhook, signer).is_genuine) == ("", False)


def test_only_a_new_subscription_is_confirmed(signer: Signer):
    assert Ses().confirm_url(signer.request(CONFIRMATION)) == CONFIRM_URL
    assert Ses().confirm_url(signer.request({**CONFIRMATION, "Type": "UnsubscribeConfirmation"})) == ""
    assert Ses().confirm_url(signer.request({"SubscribeURL": CONFIRM_URL})) == ""


class Aws:
    """SNS's hosts, as far as they are asked."""

    def __init__(self, pem: bytes) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.certificate_status = 200
        self._pem = pem

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        is_certificate = request.url.path.endswith(".pem")
        if is_certificate:
            return httpx.Response(self.certificate_status, content=self._pem)
        return httpx.Response(self.status, text="<xml/>")


@pytest.fixture
def aws(signer: Signer) -> Aws:
    return Aws(signer.pem)


@pytest.fixture
def door(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> Door:
    return Door(batcher, StaticSources([SOURCE]), LogDeadLetters(log), clock, settings)


@pytest.fixture
def sns(door: Door, aws: Aws) -> Iterator[httpx.AsyncClient]:
    certificates = Certificates(lambda: 0.0, httpx.MockTransport(aws.answer))
    app = Starlette(routes=WebhookRoutes(door, certificates).routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door")


async def test_a_notification_is_taken_and_its_certificate_fetched_once(
    sns: httpx.AsyncClient, signer: Signer, aws: Aws, log: FakeLog
):
    async with sns:
        for _ in range(2):
            assert (await sns.post("/webhooks/src_ses", content=signer.request().raw)).status_code == 200
    assert {event.name for event in log.events()} == {"email_delivered"}
    assert aws.asked == [CERTIFICATE_URL]


async def test_a_subscription_of_a_known_topic_is_confirmed(
    sns: httpx.AsyncClient, signer: Signer, aws: Aws, log: FakeLog
):
    async with sns:
        answer = await sns.post("/webhooks/src_ses", content=signer.request(CONFIRMATION).raw)
    assert (answer.status_code, aws.asked) == (200, [CERTIFICATE_URL, CONFIRM_URL])
    assert not log.records


@pytest.mark.parametrize("changed", [{"TopicArn": "arn:aws:sns:us-east-1:666666666666:mine"}, {"Signature": "AAAA"}])
async def test_a_subscription_that_is_not_genuine_is_not_confirmed(
    sns: httpx.AsyncClient, signer: Signer, aws: Aws, changed: dict[str, str]
):
    message = orjson.loads(signer.request(CONFIRMATION | changed).raw) | changed
    async with sns:
        answer = await sns.post("/webhooks/src_ses", content=orjson.dumps(message))
    assert (answer.status_code, CONFIRM_URL in aws.asked) == (401, False)


async def test_a_stranger_makes_the_server_fetch_nothing(sns: httpx.AsyncClient, signer: Signer, aws: Aws):
    message = signer.request({"TopicArn": "arn:aws:sns:us-east-1:666666666666:mine"})
    async with sns:
        assert (await sns.post("/webhooks/src_ses", content=message.raw)).status_code == 401
    assert aws.asked == []


@pytest.mark.parametrize("status", [302, 403, 500])
async def test_a_confirmation_that_fails_is_asked_for_again(
    sns: httpx.AsyncClient, signer: Signer, aws: Aws, status: int
):
    aws.status = status
    async with sns:
        answer = await sns.post("/webhooks/src_ses", content=signer.request(CONFIRMATION).raw)
    assert answer.status_code == 503


@pytest.mark.parametrize(("status", "answered"), [(404, 401), (302, 503), (500, 503)])
async def test_a_certificate_that_does_not_exist_is_a_refusal_and_one_that_cannot_be_had_is_asked_for_again(
    sns: httpx.AsyncClient, signer: Signer, aws: Aws, status: int, answered: int
):
    aws.certificate_status = status
    async with sns:
        answers = [await sns.post("/webhooks/src_ses", content=signer.request().raw) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [answered] * 3
    assert aws.asked == [CERTIFICATE_URL]
