"""The front door's part of the OpenAPI document says what its routes take and answer."""

from typing import Any

import httpx
import pytest
from jsonschema_rs import validator_for

from ingest.app import app_of, routes
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.errors import RateLimitedError
from ingest.openapi import OPENAPI
from ingest.settings import IngestSettings
from ingest.sources import StaticSources
from streams.model.errors import LogFullError
from streams.model.links import LinkSigner
from tests.unit.ingest.conftest import OFF, SHOP, WEB
from tests.unit.ingest.fake_log import FakeClock, FakeLog

PATHS: dict[str, Any] = OPENAPI["paths"]
CALLS = [path for path in PATHS if path.startswith("/v1/")]
# What the pixel, Segment's browser client and mails know by themselves.
UNTOLD = {
    "/pixel.js", "/stub.js", "/pixel/id", "/o/{token}.gif", "/c/{token:path}", "/v1/projects/{key}/settings",
    "/v1/pixel/{kind}",
}  # fmt: skip
KEY = ("wk_web", "")


def answers_of(path: str, method: str = "post") -> dict[str, Any]:
    answers: dict[str, Any] = PATHS[path][method]["responses"]
    return answers


def example_of(path: str) -> Any:
    return PATHS[path]["post"]["requestBody"]["content"]["application/json"]["example"]


def fits(schema: Any, value: Any) -> bool:
    return bool(validator_for({**schema, "components": OPENAPI["components"]}).is_valid(value))


def require_told(path: str, method: str, answer: httpx.Response) -> None:
    told = answers_of(path, method)[str(answer.status_code)]
    if "application/json" in told.get("content", {}):
        assert fits(told["content"]["application/json"]["schema"], answer.json())
    assert set(told.get("headers", ())) <= {name.title() for name in answer.headers}


def test_every_route_for_senders_is_told(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings):
    door = Door(batcher, StaticSources([WEB]), LogDeadLetters(log), clock, settings)
    known = {route.path for route in routes(door, LinkSigner([]))} - UNTOLD
    assert known == {"/v1/{kind}", "/p.gif", "/webhooks/{source_id}"} == {*PATHS, "/v1/{kind}"} - {*CALLS}


@pytest.mark.parametrize("path", CALLS)
async def test_the_example_of_a_call_fits_its_schema_and_is_taken_as_told(client: httpx.AsyncClient, path: str):
    body = example_of(path)
    assert fits(PATHS[path]["post"]["requestBody"]["content"]["application/json"]["schema"], body)
    answer = await client.post(path, auth=KEY, json=body)
    assert answer.status_code == 200
    require_told(path, "post", answer)
    require_told(path, "post", await client.post(path, auth=KEY, json=body, headers={"sec-gpc": "1"}))


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (400, {"content": b"{"}),
        (400, {"content": b'{"batch": [{}], "event": 1}'}),
        (401, {"auth": ("made up", "")}),
        (403, {"auth": (OFF.write_key, "")}),
        (413, {"content": b" " * 70_000}),
        (415, {"headers": {"Content-Encoding": "br"}}),
    ],
    ids=str,
)
async def test_refusals_of_a_call_are_as_told(client: httpx.AsyncClient, path: str, status: int, asked: dict[str, Any]):
    answer = await client.post(path, **{"auth": KEY, "content": b"{}"} | asked)
    assert answer.status_code == status
    require_told(path, "post", answer)


class Shut:
    """A gate that nobody passes."""

    def admit(self, *_: object) -> None:
        raise RateLimitedError("src_web", 1, 2)

    spend = admit


@pytest.mark.parametrize("path", [*CALLS, "/p.gif"])
async def test_who_must_wait_is_told_how_long(batcher: Batcher, log: FakeLog, clock: FakeClock, path: str):
    method = "get" if path == "/p.gif" else "post"
    body = None if method == "get" else example_of(path)
    for gate, status in ((None, 503), (Shut(), 429)):
        log.fault = LogFullError("disk", 7)
        app = app_of(Door(batcher, StaticSources([WEB]), LogDeadLetters(log), clock, IngestSettings(), gate=gate))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
            answer = await client.request(method, path, auth=KEY, params={"u": "7"}, json=body)
        assert answer.status_code == status
        require_told(path, method, answer)


@pytest.mark.parametrize(
    ("status", "query"),
    [
        (200, "k=wk_web&u=7&e=Email+Opened"),
        (400, "k=wk_web"),
        (401, ""),
        (403, f"k={OFF.write_key}"),
        (413, "k=wk_web&e=" + "x" * 9_000),
    ],
)
async def test_the_picture_answers_as_told(client: httpx.AsyncClient, status: int, query: str):
    answer = await client.get(f"/p.gif?{query}")
    assert answer.status_code == status
    require_told("/p.gif", "get", answer)


@pytest.mark.parametrize("method", ["get", "post"])
async def test_webhooks_without_proof_or_source_are_answered_as_told(client: httpx.AsyncClient, method: str):
    path = "/webhooks/{source_id}"
    answers = [await client.request(method, f"/webhooks/{name}") for name in (SHOP.id, "none")]
    assert [answer.status_code for answer in answers] == [401, 404]
    for answer in answers:
        require_told(path, method, answer)
