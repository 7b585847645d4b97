"""SendGrid's event webhook: believed as its SDK would, in time only; each item an event of its own."""

import base64
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sendgrid.helpers.eventwebhook import EventWebhook

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.sendgrid import SendGrid

SOURCE = Source("src_mail", "ws", "sendgrid")
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
SAMPLES = json.loads((Path(__file__).parents[3] / "vectors" / "webhooks" / "sendgrid.json").read_bytes())
# After https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
CLICK: dict[str, Any] = {
    "email": "Example@test.com",
    "timestamp": 1513299569,
    "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
    "event": "click",
    "category": ["cat facts", "news"],
    "sg_event_id": "ZyjAM5rnQmuI1KFInHQ3Nw",
    "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
    "useragent": "Mozilla/4.0",
    "ip": "255.255.255.255",
    "url": "http://www.sendgrid.com/",
    "url_offset": {"index": 0, "type": "html"},
    "marketing_campaign_id": 12345,
    "marketing_campaign_name": "Winter",
    "delivery_id": "d1",
    "plan": "pro",
}


def request(body: object, **headers: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return WebhookRequest("https://events.example.com/webhooks/src_mail", headers, raw)


def parsed(*items: dict[str, Any], now_ms: int = NOW_MS):
    return SendGrid().parse(request(list(items)), SOURCE, now_ms)


def shown(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the verification key as SendGrid shows it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(raw: bytes, stamp: str, key: ec.EllipticCurvePrivateKey) -> WebhookRequest:
    signature = base64.b64encode(key.sign(stamp.encode() + raw, ec.ECDSA(SHA256()))).decode()
    return request(raw, **{SIGNATURE: signature, TIMESTAMP: stamp})


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample["name"])
def test_the_sdk_holds_our_samples_for_genuine_too(sample: dict[str, Any]):
    headers = sample["headers"]
    sdk = EventWebhook(sample["secret"])
    assert sdk.verify_signature(sample["body"], headers[SIGNATURE], headers[TIMESTAMP])


def test_what_a_key_of_the_vendors_kind_signs_is_believed():
    key, stamp = ec.generate_private_key(ec.SECP256R1()), str(NOW_S)
    webhook = signed(b"[]\r\n", stamp, key)
    assert EventWebhook(shown(key)).verify_signature("[]\r\n", webhook.headers[SIGNATURE], stamp)
    assert SendGrid().verify(webhook, [shown(key)], NOW_S).is_genuine


def test_a_line_break_in_the_copied_key_does_no_harm():
    key = ec.generate_private_key(ec.SECP256R1())
    copied = f" {shown(key)[:60]}\n{shown(key)[60:]}\n"
    assert SendGrid().verify(signed(b"[]", str(NOW_S), key), [copied], NOW_S).is_genuine


def test_a_secret_that_is_no_key_beside_one_that_is_does_no_harm():
    key = ec.generate_private_key(ec.SECP256R1())
    assert SendGrid().verify(signed(b"[]", str(NOW_S), key), ["whatever", shown(key)], NOW_S).is_genuine


@pytest.mark.parametrize("secret", ["whatever", shown(ec.generate_private_key(ec.SECP384R1()))], ids=["text", "P-384"])
def test_a_secret_that_is_no_key_of_sendgrid_is_told_so(secret: str):
    key = ec.generate_private_key(ec.SECP256R1())
    verdict = SendGrid().verify(signed(b"[]", str(NOW_S), key), [secret], NOW_S)
    assert (verdict.is_genuine, "verification key" in verdict.reason) == (False, True)


@pytest.mark.parametrize(("away_s", "holds"), [(299, True), (-299, True), (301, False), (-301, False)])
def test_the_window_of_time_has_two_sides(away_s: int, holds: bool):
    key = ec.generate_private_key(ec.SECP256R1())
    verdict = SendGrid().verify(signed(b"[]", str(NOW_S), key), [shown(key)], NOW_S + away_s)
    assert verdict.is_genuine is holds


def test_without_a_key_nothing_is_believed():
    key = ec.generate_private_key(ec.SECP256R1())
    assert not SendGrid().verify(signed(b"[]", str(NOW_S), key), [], NOW_S).is_genuine


def test_a_click_tells_message_campaign_and_what_the_sender_added():
    (event,) = parsed(CLICK)
    assert (event.name, event.profile, event.at_ms) == ("email_clicked", "email:example@test.com", 1513299569000)
    assert event.properties == {
        "message_id": CLICK["sg_message_id"],
        "delivery_id": "d1",
        "campaign": "Winter",
        "tags": ["cat facts", "news"],
        "metadata": {"delivery_id": "d1", "plan": "pro"},
        "url": "http://www.sendgrid.com/",
    }


def test_our_own_message_id_tells_the_delivery():
    (event,) = parsed({**CLICK, "delivery_id": None, "smtp-id": f"<{'0f' * 16}@mail.example.com>"})
    assert event.properties["delivery_id"] == "0f" * 16


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("processed", "email_sent"),
        ("delivered", "email_delivered"),
        ("deferred", "email_deferred"),
        ("bounce", "email_bounced"),
        ("dropped", "email_dropped"),
        ("open", "email_opened"),
        ("spamreport", "email_marked_as_spam"),
        ("unsubscribe", "unsubscribed"),
        ("group_unsubscribe", "unsubscribed"),
        ("group_resubscribe", "email_subscribed"),
    ],
)
def test_each_kind_has_its_event(kind: str, name: str):
    assert parsed({"event": kind, "email": "a@example.com", "timestamp": 1513299569})[0].name == name


@pytest.mark.parametrize(("told", "bounce_type"), [("bounce", "hard"), ("blocked", "blocked"), ("?", "undetermined")])
def test_a_bounce_says_whether_it_is_final(told: str, bounce_type: str):
    (event,) = parsed({**CLICK, "event": "bounce", "type": told, "reason": "550 5.1.1 no such user", "status": "5.1.1"})
    assert (event.properties["bounce_type"], event.properties["reason"]) == (bounce_type, "550 5.1.1 no such user")


def test_an_open_by_a_program_is_marked():
    first, second = parsed({**CLICK, "event": "open", "sg_machine_open": True}, {**CLICK, "event": "open", "url": "x"})
    assert (first.properties["is_machine"], "is_machine" in second.properties) == (True, False)


def test_a_repeat_has_the_same_id_though_sendgrid_gives_it_another():
    first, again = parsed(CLICK)[0], parsed({**CLICK, "sg_event_id": "another"}, now_ms=NOW_MS + 9)[0]
    later = parsed({**CLICK, "timestamp": 1513299570})[0]
    assert (first.id == again.id, first.id == later.id) == (True, False)


def test_account_changes_are_not_used():
    assert parsed({"event": "account_status_change", "type": "compliance_suspend", "timestamp": 1513299569}) == []


def test_a_bad_item_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        parsed(CLICK, {"event": "open", "email": 5}, {**CLICK, "timestamp": "soon"})
    assert [event.name for event in caught.value.events] == ["email_clicked"]
    assert [orjson.loads(raw)["event"] for _, raw in caught.value.unusable] == ["open", "click"]


@pytest.mark.parametrize("body", [b"{", b"{}", b"[1]", b'[{"event":"open"}]'])
def test_a_body_without_anything_usable_is_refused(body: bytes):
    with pytest.raises(IngestError):
        SendGrid().parse(request(body), SOURCE, NOW_MS)


def test_addresses_of_machines_are_not_copied():
    told = orjson.dumps(parsed(CLICK)[0].properties).decode()
    assert "255.255" not in told
    assert "Mozilla" not in told
