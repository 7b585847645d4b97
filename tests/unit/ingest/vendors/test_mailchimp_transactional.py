"""Mailchimp Transactional: the exact address is signed, probes are answered before there is a key; batches."""

import hmac
import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, WebhookRequest
from ingest.vendors.mailchimp_transactional import MailchimpTransactional

SOURCE = Source("src_mandrill", "ws", "mailchimp_transactional")
URL = "https://events.example.com/webhooks/src_mandrill"
NOW_MS = 1_790_000_000_000
KEY = "aB3_dEf6HiJ9-LmN2pQr5t"
# After https://mandrill.zendesk.com/hc/en-us/articles/205583307-Message-Event-Webhook-Format
MESSAGE: dict[str, Any] = {
    "ts": 1365109999,
    "subject": "This an example webhook message",
    "email": "Example.webhook@mandrillapp.com",
    "sender": "example.sender@mandrillapp.com",
    "tags": ["webhook-example"],
    "metadata": {"user_id": 111, "campaign": "winter", "delivery_id": "d1"},
    "_id": "exampleaaaaaaaaaaaaaaaaaaaaaaaaa",
}
CLICK = {
    "event": "click",
    "msg": MESSAGE,
    "_id": MESSAGE["_id"],
    "ts": 1384954004,
    "url": "http://mandrill.com",
    "ip": "127.0.0.1",
}


def request(
    url: str = URL, method: str = "POST", headers: dict[str, str] | None = None, **fields: str
) -> WebhookRequest:
    return WebhookRequest(url, headers or {}, urlencode(fields).encode(), method)


def signed(signed_url: str, url: str = URL, headers: dict[str, str] | None = None, **fields: str) -> WebhookRequest:
    text = signed_url + "".join(name + fields[name] for name in sorted(fields))
    signature = b64encode(hmac.digest(KEY.encode(), text.encode(), "sha1")).decode()
    return request(url, "POST", {**(headers or {}), "x-mandrill-signature": signature}, **fields)


def parsed(*items: dict[str, Any], now_ms: int = NOW_MS):
    return MailchimpTransactional().parse(request(mandrill_events=json.dumps(items)), SOURCE, now_ms)


def holds(webhook: WebhookRequest) -> bool:
    return MailchimpTransactional().verify(webhook, [KEY], NOW_MS / 1000).is_genuine


@pytest.mark.parametrize("other", [URL + "/", URL + "?", URL.replace("https", "http"), URL.replace("example", "other")])
def test_the_address_is_signed_to_the_letter(other: str):
    assert holds(signed(URL, mandrill_events="[]"))
    assert not holds(signed(other, mandrill_events="[]"))


def test_a_query_is_part_of_the_address():
    assert holds(signed(URL + "?a=1&b=", URL + "?a=1&b=", mandrill_events="[]"))


def test_fields_are_sorted_by_name():
    assert holds(signed(URL, z="1", mandrill_events="[]", a="ü"))


def test_credentials_in_the_address_are_part_of_what_is_signed():
    entered = URL.replace("://", "://user:pass@")
    headers = {"authorization": "Basic " + b64encode(b"user:pass").decode()}
    assert holds(signed(entered, URL, headers, mandrill_events="[]"))
    assert not holds(signed(entered, mandrill_events="[]"))


def test_everybodys_key_is_no_secret():
    text = URL + "mandrill_events" + json.dumps([CLICK])
    signature = b64encode(hmac.digest(b"test-webhook", text.encode(), "sha1")).decode()
    headers = {"x-mandrill-signature": signature}
    assert not holds(request(headers=headers, mandrill_events=json.dumps([CLICK])))


def test_the_probe_and_the_first_post_are_answered_before_there_is_a_key():
    vendor = MailchimpTransactional()
    for probe in (request(method="HEAD"), request(method="GET"), request(mandrill_events="[]")):
        assert vendor.handshake(probe, []) is not None
    assert vendor.handshake(request(mandrill_events=json.dumps([CLICK])), []) is None


@pytest.mark.parametrize("raw", [b"\xff", b"mandrill_events=%ff", b"a=1&" * 2_000])
def test_what_is_no_form_is_refused(raw: bytes):
    verdict = MailchimpTransactional().verify(WebhookRequest(URL, {}, raw), [KEY], 0)
    assert (verdict.is_genuine, verdict.reason) == (False, "the body is no form")


def test_a_click_tells_message_campaign_and_delivery():
    (event,) = parsed(CLICK)
    assert (event.name, event.profile, event.at_ms) == (
        "email_clicked",
        "email:example.webhook@mandrillapp.com",
        1384954004000,
    )
    assert event.properties == {
        "message_id": MESSAGE["_id"],
        "delivery_id": "d1",
        "campaign": "winter",
        "tags": ["webhook-example"],
        "metadata": {"user_id": 111, "campaign": "winter", "delivery_id": "d1"},
        "url": "http://mandrill.com",
    }


@pytest.mark.parametrize(
    ("kind", "name", "bounce_type"),
    [
        ("send", "email_sent", None),
        ("delivered", "email_delivered", None),
        ("deferral", "email_deferred", None),
        ("hard_bounce", "email_bounced", "hard"),
        ("soft_bounce", "email_bounced", "soft"),
        ("reject", "email_dropped", None),
        ("open", "email_opened", None),
        ("spam", "email_marked_as_spam", None),
        ("unsub", "unsubscribed", None),
    ],
)
def test_each_kind_has_its_event(kind: str, name: str, bounce_type: str | None):
    (event,) = parsed({**CLICK, "event": kind, "msg": {**MESSAGE, "diag": "550 no such user"}})
    assert (event.name, event.properties.get("bounce_type")) == (name, bounce_type)
    assert event.properties["reason"] == "550 no such user"


def test_an_address_denied_by_hand_is_unsubscribed():
    told = {"type": "blacklist", "action": "add", "ts": 1384954004}
    (event,) = parsed({**told, "reject": {"email": "a@example.com", "reason": "custom", "detail": "asked by phone"}})
    assert (event.name, event.properties) == ("unsubscribed", {"reason": "asked by phone"})


@pytest.mark.parametrize(
    "item",
    [
        {"type": "blacklist", "action": "add", "reject": {"email": "a@example.com", "reason": "hard-bounce"}},
        {"type": "blacklist", "action": "remove", "reject": {"email": "a@example.com", "reason": "custom"}},
        {"type": "whitelist", "action": "add", "entry": {"email": "a@example.com"}},
        {"event": "inbound", "msg": {"email": "us@example.com", "text": "hello"}},
    ],
)
def test_what_messages_tell_themselves_and_inbound_mail_are_not_used(item: dict[str, Any]):
    assert parsed(item) == []


def test_repeats_have_the_same_id():
    assert parsed(CLICK)[0].id == parsed(CLICK, now_ms=NOW_MS + 1)[0].id
    assert parsed(CLICK)[0].id != parsed({**CLICK, "url": "http://other.example"})[0].id


def test_metadata_that_php_wrote_as_a_list_is_none():
    assert "metadata" not in parsed({**CLICK, "msg": {**MESSAGE, "metadata": []}})[0].properties


def test_a_bad_item_spoils_no_other():
    with pytest.raises(PartlyUnusableError) as caught:
        parsed({**CLICK, "msg": 5}, CLICK)
    assert len(caught.value.events) == len(caught.value.unusable) == 1


@pytest.mark.parametrize("fields", [{}, {"other": "[]"}, {"mandrill_events": "GARBAGE"}, {"mandrill_events": "{}"}])
def test_a_form_without_usable_events_is_refused(fields: dict[str, str]):
    with pytest.raises(IngestError):
        MailchimpTransactional().parse(request(**fields), SOURCE, NOW_MS)
