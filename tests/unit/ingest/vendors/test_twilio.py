"""Twilio: requests signed by its SDK, addresses with and without port, forms and JSON, and what becomes of them."""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.twilio import Twilio
from streams.model.events import Event, ProfileKeys

NOW_MS = 1_800_000_000_000
TOKEN = "1c892n40nd03kdnc0112slzkl3091j20"
URL = "https://events.example.com/webhooks/src_twilio"
SOURCE = Source("src_twilio", "ws", "twilio")
FORM = "application/x-www-form-urlencoded"
# twilio.com/docs/messaging/guides/webhook-request and .../outbound-message-status-in-status-callbacks
STATUS = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+4917012345678", "From": "+14155238886"}
INBOUND = {
    "MessageSid": "SM2",
    "SmsStatus": "received",
    "From": "+4917012345678",
    "To": "+1415",
    "Body": "Hi",
    "NumMedia": "0",
}
# twilio.com/docs/events/event-types/messaging/outbound-message
STREAMED: dict[str, Any] = {
    "specversion": "1.0",
    "type": "com.twilio.messaging.message.delivered",
    "id": "NO00000000000000000000000001",
    "data": {
        "messageSid": "SM1", "timestamp": "2025-01-01T00:00:00.000Z", "messageStatus": "DELIVERED",
        "from": "+14155238886", "to": "+4917012345678", "errorCode": 0, "tags": {"campaign": "spring"},
    },
}  # fmt: skip


def signed(
    fields: dict[str, str], url: str = URL, *, called: str = "", algorithm: str | None = None, **headers: str
) -> WebhookRequest:
    """Return a form as the SDK signs it for `url`, as the front door sees it at `called`."""
    signature = RequestValidator(TOKEN).compute_signature(url, fields, algorithm)
    told = {"x-twilio-signature": signature, "content-type": FORM, **headers}
    return WebhookRequest(called or url, told, urlencode(fields).encode())


def streamed(*items: dict[str, Any], **other: Any) -> WebhookRequest:
    raw = json.dumps(items).encode()
    url = f"{URL}?bodySHA256={sha256(raw).hexdigest()}"
    signature = RequestValidator(TOKEN).compute_signature(url, {})
    request = WebhookRequest(url, {"x-twilio-signature": signature, "content-type": "application/json"}, raw)
    return request._replace(**other)


def is_genuine(request: WebhookRequest, *secrets: str) -> bool:
    return Twilio().verify(request, secrets or [TOKEN], 0).is_genuine


def events(fields: dict[str, str], url: str = URL) -> list[Event]:
    return Twilio().parse(signed(fields, url), SOURCE, NOW_MS)


def test_what_the_sdk_signs_is_genuine_with_any_characters():
    assert is_genuine(signed(INBOUND | {"Body": " Grüße & =?+%20\n😀 ", "Empty": ""}))


def test_get_requests_are_signed_by_their_address():
    url = f"{URL}?{urlencode(INBOUND)}"
    request = WebhookRequest(
        url, {"x-twilio-signature": RequestValidator(TOKEN).compute_signature(url, {})}, b"", "GET"
    )
    assert is_genuine(request)
    assert [one.name for one in Twilio().parse(request, SOURCE, NOW_MS)] == ["message_received"]


@pytest.mark.parametrize(
    ("signed_url", "called"),
    [
        ("https://a.example:443/w?x=1", "https://a.example/w?x=1"),
        ("https://a.example/w", "https://a.example:443/w"),
        ("http://a.example:80/w", "http://a.example/w"),
        ("https://a.example/w", "https://a.example:8443/w"),
        ("https://a.example:8443/w", "https://a.example:8443/w"),
        ("https://[2001:db8::1]:443/w", "https://[2001:db8::1]/w"),
    ],
)
def test_the_port_may_be_signed_or_not(signed_url: str, called: str):
    assert is_genuine(signed(STATUS, signed_url, called=called))


@pytest.mark.parametrize(
    "called", ["http://events.example.com/webhooks/src_twilio", URL + "?x=1", URL + "/", "https://other.example/"]
)
def test_another_address_does_not_hold(called: str):
    assert not is_genuine(signed(STATUS, called=called))


def test_json_is_bound_by_its_hash_in_the_address():
    request = streamed(STREAMED)
    assert is_genuine(request)
    verdict = Twilio().verify(request._replace(raw=request.raw + b" "), [TOKEN], 0)
    assert verdict == (False, "bodySHA256 in the address is not the hash of the body")


def test_json_without_a_hash_in_the_address_is_refused_though_its_address_is_signed():
    signature = RequestValidator(TOKEN).compute_signature(URL, {})
    request = WebhookRequest(URL, {"x-twilio-signature": signature, "content-type": "application/json"}, b"[]")
    verdict = Twilio().verify(request, [TOKEN], 0)
    assert not verdict.is_genuine
    assert "bodySHA256" in verdict.reason


def test_a_hash_binds_the_body_whatever_the_content_type_says():
    other = streamed(STREAMED, raw=b"")
    assert not is_genuine(other._replace(headers={**other.headers, "content-type": FORM}))


def test_shared_keys_sign_with_sha256():
    settings = {"x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    request = signed(STATUS, algorithm="HMAC_SHA256", **settings)
    assert is_genuine(request)
    assert not is_genuine(request._replace(headers={**request.headers, "x-twilio-webhooks-signature-settings": ""}))


def test_unknown_algorithms_are_refused():
    settings = {"x-twilio-webhooks-signature-settings": "key=k,algorithm=HMAC_MD5"}
    assert "another algorithm" in Twilio().verify(signed(STATUS, **settings), [TOKEN], 0).reason


@pytest.mark.parametrize("raw", [b"\xff\xfe=1", "a=ü".encode(), b"&".join([b"a=1"] * 2_000)])
def test_bodies_that_are_no_form_are_refused(raw: bytes):
    assert not is_genuine(signed(STATUS)._replace(raw=raw))


def test_delivered_message_is_told_of_whom_it_went_to():
    event = events(STATUS)[0]
    assert (event.name, event.keys) == ("message_delivered", ProfileKeys(phone="+4917012345678"))
    assert event.properties == {"channel": "sms", "message_id": "SM1"}


@pytest.mark.parametrize(
    ("status", "name"),
    [
        ("sent", "message_sent"),
        ("read", "message_read"),
        ("failed", "message_failed"),
        ("undelivered", "message_failed"),
    ],
)
def test_statuses_become_outcomes(status: str, name: str):
    assert [one.name for one in events(STATUS | {"MessageStatus": status})] == [name]


@pytest.mark.parametrize("status", ["queued", "sending", "accepted", "scheduled", "canceled"])
def test_statuses_before_sending_are_not_used(status: str):
    assert events(STATUS | {"MessageStatus": status}) == []


def test_failure_keeps_its_code_and_what_the_sender_put_into_the_address():
    fields = STATUS | {"MessageStatus": "undelivered", "ErrorCode": "30003"}
    event = events(fields, URL + "?delivery_id=d-1&campaign=spring")[0]
    assert event.properties == {
        "channel": "sms", "message_id": "SM1", "error_code": 30003, "delivery_id": "d-1", "campaign": "spring",
    }  # fmt: skip


def test_whatsapp_prefix_is_a_channel_and_no_part_of_the_number():
    event = events(STATUS | {"To": "whatsapp:+4917012345678"})[0]
    assert (event.profile, event.properties["channel"]) == ("phone:+4917012345678", "whatsapp")


def test_messenger_users_are_known_by_their_own_id():
    assert events(INBOUND | {"From": "messenger:1234567890"})[0].profile == "custom:messenger:1234567890"


def test_incoming_message_is_told_of_its_sender_with_bounded_text():
    event = events(INBOUND | {"Body": "x" * 5_000, "ReferralSourceId": "ad1"})[0]
    assert (event.name, event.profile) == ("message_received", "phone:+4917012345678")
    assert (len(event.properties["text"]), event.properties["ad_id"]) == (1_000, "ad1")


def test_opting_out_by_keyword_is_an_event_of_its_own():
    told = events(INBOUND | {"Body": "STOP", "OptOutType": "STOP"})
    assert [one.name for one in told] == ["message_received", "message_unsubscribed"]
    assert told[0].id != told[1].id


def test_calls_and_whoever_has_no_address_are_not_used():
    assert events({"CallSid": "CA1", "CallStatus": "completed"}) == []
    assert events(INBOUND | {"From": "client:anna"}) == []


def test_status_callbacks_and_event_streams_count_once():
    from_stream = Twilio().parse(streamed(STREAMED), SOURCE, NOW_MS)[0]
    assert (from_stream.id, from_stream.name) == (events(STATUS)[0].id, "message_delivered")
    assert (from_stream.at_ms, from_stream.properties["campaign"]) == (1_735_689_600_000, "spring")


def test_event_streams_tell_of_incoming_messages_and_more_that_is_not_used():
    inbound = {
        "type": "com.twilio.messaging.inbound-message.received",
        "data": {"messageSid": "SM2", "from": "+4917012345678", "body": "Ahoy!", "numMedia": 0},
    }
    other = {"type": "com.twilio.taskrouter.reservation.created", "data": {}}
    told = Twilio().parse(streamed(inbound, other), SOURCE, NOW_MS)
    assert [(one.name, one.properties["text"]) for one in told] == [("message_received", "Ahoy!")]
