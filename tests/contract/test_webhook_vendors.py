"""The contract of every webhook vendor: genuine requests hold, and nothing that differs from them does.

Each vendor keeps samples in tests/vectors/webhooks/<vendor id>.json, a list of objects:
  name         what it shows
  url          the address that the vendor called; method: POST unless given
  headers      with lower-case names
  body         text, or body_base64
  secret       a live secret; for vendors without a signature what their requests carry ("user:password", a token)
  now_s        when it came
  certificate  PEM, for vendors who sign by certificate
  signature    the header (or "?parameter") that holds signature or secret
  timestamp    the header that holds a signed time, if any; "body" when it stands in the body
  tolerance_s  how old it may be, where a time is signed
  binds_body   false for vendors who sign nothing
  made_by      where the sample is from: the vendor's documentation (address), its SDK, openssl
"""

import base64
import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import Vendor, WebhookRequest
from ingest.vendors.registry import VENDORS
from ingest.webhooks import head_of
from ingest.webhooks import request_of as request_again

FOLDER = Path(__file__).parents[1] / "vectors" / "webhooks"
FUZZED = 200


def samples() -> Iterator[Any]:
    for vendor in VENDORS.values():
        for sample in json.loads((FOLDER / f"{vendor.id}.json").read_bytes()):
            yield pytest.param(vendor, sample, id=f"{vendor.id}: {sample['name']}")


def request_of(sample: dict[str, Any]) -> WebhookRequest:
    raw = base64.b64decode(sample["body_base64"]) if "body_base64" in sample else sample["body"].encode()
    return WebhookRequest(sample["url"], sample["headers"], raw, sample.get("method", "POST"))


def holds(vendor: Vendor, sample: dict[str, Any], request: WebhookRequest, **other: Any) -> bool:
    secrets = other.get("secrets", [sample["secret"]])
    now_s = sample["now_s"] + other.get("later_s", 0)
    return vendor.verify(request, secrets, now_s, sample.get("certificate", "").encode()).is_genuine


def with_header(request: WebhookRequest, name: str, value: str | None) -> WebhookRequest:
    if name.startswith("?"):
        address, _, query = request.url.partition("?")
        kept = [part for part in query.split("&") if not part.startswith(name[1:] + "=")]
        parts = kept if value is None else [*kept, f"{name[1:]}={value}"]
        return request._replace(url=f"{address}?{'&'.join(parts)}")
    headers = {key: old for key, old in request.headers.items() if key != name}
    return request._replace(headers=headers if value is None else {**headers, name: value})


def shown(request: WebhookRequest, name: str) -> str:
    return request.query(name[1:]) if name.startswith("?") else request.headers[name]


every_sample = pytest.mark.parametrize(("vendor", "sample"), list(samples()))


def test_every_vendor_has_samples():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(VENDORS)


@every_sample
def test_a_genuine_request_holds(vendor: Vendor, sample: dict[str, Any]):
    verdict = vendor.verify(
        request_of(sample), [sample["secret"]], sample["now_s"], sample.get("certificate", "").encode()
    )
    assert verdict == (True, "")


@every_sample
def test_it_holds_while_the_secret_is_one_of_two(vendor: Vendor, sample: dict[str, Any]):
    request = request_of(sample)
    assert holds(vendor, sample, request, secrets=["another-secret", sample["secret"]])
    assert holds(vendor, sample, request, secrets=[sample["secret"], "another-secret"])


@every_sample
def test_another_body_does_not_hold(vendor: Vendor, sample: dict[str, Any]):
    if not sample.get("binds_body", True):
        return
    request = request_of(sample)
    for place in sorted({0, len(request.raw) // 2, len(request.raw) - 1} - {-1}) if request.raw else ():
        raw = bytearray(request.raw)
        raw[place] ^= 1
        assert not holds(vendor, sample, request._replace(raw=bytes(raw)))


@every_sample
def test_another_signed_time_does_not_hold(vendor: Vendor, sample: dict[str, Any]):
    name = sample.get("timestamp", "")
    if not name or name == "body":
        return
    request = request_of(sample)
    value = shown(request, name)
    place = max(number for number, char in enumerate(value[:40]) if char.isdigit())
    changed = value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1 :]
    assert not holds(vendor, sample, with_header(request, name, changed))


@every_sample
def test_a_request_too_old_or_from_the_future_does_not_hold(vendor: Vendor, sample: dict[str, Any]):
    if "tolerance_s" not in sample:
        return
    request, beyond_s = request_of(sample), sample["tolerance_s"] + 60
    assert not holds(vendor, sample, request, later_s=beyond_s)
    assert not holds(vendor, sample, request, later_s=-beyond_s)


@every_sample
def test_a_signature_cut_off_or_missing_does_not_hold(vendor: Vendor, sample: dict[str, Any]):
    request = request_of(sample)
    signature = sample["signature"]
    if signature == "body":
        return
    value = shown(request, signature)
    for other in (value[:-3], "", None):
        assert not holds(vendor, sample, with_header(request, signature, other))


@every_sample
def test_another_secret_or_none_does_not_hold(vendor: Vendor, sample: dict[str, Any]):
    request = request_of(sample)
    for secrets in (["another-secret"], [""], ["  "], []):
        assert not holds(vendor, sample, request, secrets=secrets)


@every_sample
def test_malformed_headers_and_bodies_are_refused_and_raise_nothing(vendor: Vendor, sample: dict[str, Any]):
    request, chance = request_of(sample), random.Random(sample["name"])
    for _ in range(FUZZED):
        noise = bytes(chance.choices(b'=,;:. \x00\xff"{}[]tv1aZ09%&?', k=chance.randrange(60)))
        raw = noise if chance.random() < 0.3 else request.raw
        headers = {
            name: noise.decode("latin-1") if chance.random() < 0.5 else value for name, value in request.headers.items()
        }
        other = request._replace(headers=headers, raw=raw)
        if other == request:
            continue
        verdict = vendor.verify(other, [sample["secret"]], sample["now_s"], sample.get("certificate", "").encode())
        assert verdict.is_genuine or verdict.reason
        assert len(sample["secret"]) < 8 or sample["secret"] not in verdict.reason
        vendor.handshake(other, [sample["secret"]])


ODD = (None, True, -5, 1.5, 2**63, "", "x", "0", "\x1f", [], [1], [None], {}, {"a": 1})


def oddities(value: Any) -> Iterator[Any]:
    """Yield the JSON value with one of its parts replaced by something that should not be there, each in turn."""
    yield from ODD
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for odd in oddities(part):
            changed = value.copy()
            changed[key] = odd
            yield changed


@every_sample
def test_odd_payloads_are_read_or_refused_with_words(vendor: Vendor, sample: dict[str, Any]):
    request, source = request_of(sample), Source("src", "ws", vendor.id)
    try:
        payload = json.loads(request.raw)
    except ValueError:
        payload = None
    for odd in oddities(payload):
        with contextlib.suppress(IngestError):
            vendor.parse(request._replace(raw=json.dumps(odd).encode()), source, int(sample["now_s"]) * 1000)


@every_sample
def test_what_is_kept_of_a_request_is_all_that_its_events_need(vendor: Vendor, sample: dict[str, Any]):
    request, source = request_of(sample), Source("src", "ws", vendor.id)
    kept = request_again(head_of(request), vendor.kept(request.raw))
    now_ms = int(sample["now_s"] * 1000)
    assert told(vendor, kept, source, now_ms) == told(vendor, request, source, now_ms)


@every_sample
def test_what_is_kept_of_a_request_holds_no_secret(vendor: Vendor, sample: dict[str, Any]):
    secret = sample["secret"].encode()
    kept = str(head_of(request_of(sample)))
    hidden = [secret.decode(), base64.b64encode(secret).decode(), quote(secret)]
    if sample.get("signature", "body") != "body":
        hidden.append(shown(request_of(sample), sample["signature"]))
    assert [one for one in hidden if one and one in kept] == []


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("salesforce", b"<x><SessionId>s!e</SessionId></x>", b"<x><SessionId></SessionId></x>"),
        (
            "ses",
            b'{"UnsubscribeURL" : "https://sns/?a=1", "Message": "{\\"Token\\": \\"kept\\"}", "Token":"2336"}',
            b'{"UnsubscribeURL" : "", "Message": "{\\"Token\\": \\"kept\\"}", "Token":""}',
        ),
        ("stripe", b'{"client_secret":"pi_\\"_secret","a":null}', b'{"client_secret":"","a":null}'),
        ("stripe", b'{"client_secret":"pi_cut_o', b'{"client_secret":"'),
    ],
)  # fmt: skip
def test_secrets_in_bodies_are_not_kept(kind: str, raw: bytes, kept: bytes):
    assert VENDORS[kind].kept(raw) == kept


def test_a_token_in_the_address_is_not_kept_whatever_its_name():
    request = WebhookRequest("http://h/?Secret=a&token=b&api_key=c&otp=d&auth_code=e&sig=f&channel=sms", {}, b"")
    assert head_of(request) == {"query": "channel=sms", "headers": {}}


def told(vendor: Vendor, request: WebhookRequest, source: Source, now_ms: int) -> Any:
    try:
        return vendor.parse(request, source, now_ms)
    except IngestError as error:
        return str(error)
