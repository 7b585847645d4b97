"""Thousands of requests of all sorts: none ends in a fault, each refusal is explained and kept, and the sums add up."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.vendors.base import Verdict
from ingest.vendors.certificates import Certificates
from ingest.vendors.registry import VENDORS
from tests.fuzz.door import Answer, Door, Request
from tests.fuzz.requests import BATCHES, calls, nonsense, pictures, webhooks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LEAVES_NOTHING = {"unknown_key", "origin_not_allowed", "rate_limited", "bad_signature", "unknown_source", "not_found",
                  "method_not_allowed", "incomplete", "bad_address"}  # fmt: skip
"""Codes of errors that say nothing of a body: who sent it, or where it went, was wrong."""


def fuzzed(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with Door() as door:
        yield door


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No vendor is asked for anything."""

    async def certificate(_: Certificates, __: str) -> bytes:
        return b"no certificate"

    monkeypatch.setattr(Certificates, "get", certificate)
    monkeypatch.setattr(Certificates, "visit", certificate)


def error_of(request: Request, answer: Answer) -> str:
    """Return the code of a refusal; see that it says why."""
    assert answer.headers["content-type"] == "application/json"
    if request.method == "HEAD":
        return ""
    error = answer.told["error"]
    assert error["code"]
    assert len(error["message"]) > 5
    assert isinstance(error["field"], str)
    return error["code"]


def assert_sound(request: Request, answer: Answer) -> None:
    """What holds for every answer."""
    assert answer.status < 500, (answer.status, answer.body)
    if request.path.startswith(("/c/", "/o/")) and answer.headers.get("content-type") != "application/json":
        assert answer.status in (200, 302, 404)
        assert not answer.letters
        return
    if answer.status < 400:
        return
    code = error_of(request, answer)
    assert answer.events == 0
    if request.method == "HEAD":
        return  # of which nothing is told, and which only some vendors ask
    if code in LEAVES_NOTHING:
        assert not answer.letters
    elif "authorization" in dict_of(request) or b"k=" in request.query or request.path.startswith("/webhooks/"):
        assert answer.letters, code
    assert all(letter.reason and letter.code and letter.source for letter in answer.letters)


def dict_of(request: Request) -> dict[str, bytes]:
    return {key.decode(): value for key, value in request.headers if value.startswith(b"Basic d2tf")}


def assert_adds_up(request: Request, answer: Answer) -> None:
    """What was sent is what was taken and what was refused."""
    if request.kind not in BATCHES:
        assert bool(answer.letters) + (answer.status == 200) <= 1
        return
    if answer.status == 200:
        told = answer.told
        assert len(answer.letters) == len(told["rejected"])
        assert answer.events >= told["accepted"]
        assert (answer.events > 0) == (told["accepted"] > 0)
    elif answer.letters and answer.told["error"]["code"] == "all_rejected":
        assert len(answer.letters) == len(answer.told["rejected"])
    else:
        assert len(answer.letters) <= 1


@fuzzed(1_000)
@given(st.lists(calls(), min_size=4, max_size=4))
def test_calls(door: Door, requests: list[Request]) -> None:
    for request in requests:
        answer = door.ask(request)
        assert_sound(request, answer)
        assert_adds_up(request, answer)


@fuzzed(400)
@given(st.lists(pictures(), min_size=4, max_size=4))
def test_pictures_and_links(door: Door, requests: list[Request]) -> None:
    for request in requests:
        answer = door.ask(request)
        assert_sound(request, answer)
        assert answer.status != 302 or answer.headers["location"].startswith("https://s.example/")
        assert request.method != "HEAD" or answer.events == 0


@fuzzed(150)
@given(st.lists(webhooks(), min_size=4, max_size=4))
def test_webhooks_that_nobody_signed(door: Door, requests: list[Request]) -> None:
    for request in requests:
        answer = door.ask(request)
        assert_sound(request, answer)
        assert answer.events == 0


@pytest.fixture
def believing(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in VENDORS.values():
        monkeypatch.setattr(type(vendor), "verify", lambda *_: Verdict(True, ""))


@fuzzed(400)
@given(st.lists(webhooks(), min_size=4, max_size=4))
def test_webhooks_that_their_vendor_signed(door: Door, believing: None, requests: list[Request]) -> None:
    for request in requests:
        assert_sound(request, door.ask(request))


@fuzzed(100)
@given(st.lists(nonsense(), min_size=4, max_size=4))
@example([Request("POST", "/v1/batch", b"", (), (b"",))])
def test_any_method_and_path(door: Door, requests: list[Request]) -> None:
    for request in requests:
        assert_sound(request, door.ask(request))
