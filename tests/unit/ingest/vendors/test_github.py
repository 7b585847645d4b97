"""GitHub-style webhooks: the documentation's signature, headers that nobody signed, and the generic mapping."""

import hmac
from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.github import GitHub
from streams.model.events import INVALID, Event, ProfileKeys

NOW_MS = 1_800_000_000_000
SECRET = "It's a Secret to Everybody"
URL = "https://events.example.com/webhooks/src_gh"
SOURCE = Source("src_gh", "ws", "github")
TOLD: dict[str, Any] = {
    "event": "Trial Started", "id": "evt_1", "timestamp": "2026-09-21T14:00:00Z",
    "data": {"email": "Ada@example.com", "user_id": "u1", "plan": "team", "value": 12.5, "currency": "eur"},
}  # fmt: skip


def events(payload: object, **headers: str) -> list[Event]:
    return GitHub().parse(WebhookRequest(URL, headers, orjson.dumps(payload)), SOURCE, NOW_MS)


def is_genuine(raw: bytes, **headers: str) -> bool:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return GitHub().verify(WebhookRequest(URL, told, raw), [SECRET], 0).is_genuine


def test_documented_example_is_genuine():
    documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert is_genuine(b"Hello, World!", x_hub_signature_256=documented)


def test_sha1_alone_is_refused():
    signature = "sha1=" + hmac.digest(SECRET.encode(), b"{}", "sha1").hex()
    assert not is_genuine(b"{}", x_hub_signature=signature)
    assert not is_genuine(b"{}", x_hub_signature_256=signature)


@pytest.mark.parametrize("header", ["sha256=", "757107ea", "sha256", "=sha256=", "sha256=sha256="])
def test_headers_of_another_form_are_refused_and_raise_nothing(header: str):
    assert not is_genuine(b"Hello, World!", x_hub_signature_256=header)


def test_event_takes_name_time_person_and_plain_values():
    event = events(TOLD)[0]
    assert (event.name, event.at_ms, event.value, event.currency) == ("trial_started", 1_789_999_200_000, 12.5, "EUR")
    assert event.keys == ProfileKeys(user_id="u1", email="ada@example.com")
    assert event.properties["plan"] == "team"


def test_an_amount_that_is_no_number_flags_the_event():
    (event,) = events(TOLD | {"data": {"user_id": "u1", "amount": "12,50 EUR"}})
    assert (event.value, event.is_flagged(INVALID)) == (None, True)


def test_type_names_an_event_too_and_synonyms_hold():
    assert [one.name for one in events({"type": "order.paid", "data": {"email": "a@x.example"}})] == ["order_completed"]


def test_person_may_stand_beside_the_data():
    told = {"event": "Plan Changed", "email": "a@x.example", "userId": 7, "data": {"plan": "pro"}}
    event = events(told)[0]
    assert (event.keys, event.properties["plan"]) == (ProfileKeys(user_id="7", email="a@x.example"), "pro")


def test_flat_body_tells_by_itself():
    event = events({"event": "Plan Changed", "email": "a@x.example", "plan": "pro", "timestamp": 1790000000})[0]
    assert (event.at_ms, event.properties) == (1_790_000_000_000, {"email": "a@x.example", "plan": "pro"})


def test_id_beside_the_data_makes_it_count_once():
    again = TOLD | {"data": TOLD["data"] | {"attempt": 2}}
    assert events(TOLD)[0].id == events(again)[0].id
    assert events(TOLD)[0].id != events(TOLD | {"id": "evt_2"})[0].id


def test_id_of_a_flat_body_may_be_an_order_s_and_is_not_the_event_s():
    order = {"event": "Order Changed", "id": 7, "email": "a@x.example", "status": "packed"}
    assert events(order)[0].id == events(dict(order))[0].id
    assert events(order)[0].id != events(order | {"status": "sent"})[0].id


def test_headers_that_nobody_signed_change_nothing():
    delivery = {"x-github-event": "push", "x-github-delivery": "72d3162e"}
    assert events(TOLD, **delivery) == events(TOLD)


@pytest.mark.parametrize(
    "payload", [{"zen": "Keep it logically awesome.", "hook_id": 1}, {"event": 1}, {"event": "Trial"}]
)
def test_nothing_comes_of_what_has_no_name_or_nobody(payload: dict[str, Any]):
    assert events(payload) == []


@pytest.mark.parametrize("raw", [b"payload=%7B%7D", b"[]"])
def test_body_that_is_no_object_is_refused(raw: bytes):
    with pytest.raises(IngestError):
        GitHub().parse(WebhookRequest(URL, {}, raw), SOURCE, NOW_MS)
