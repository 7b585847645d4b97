"""What Segment's browser client asks for beside its calls."""

from base64 import b64encode, urlsafe_b64encode

import httpx
import orjson
import pytest

from tests.unit.ingest.fake_log import FakeLog
from tests.unit.ingest.test_segment import TRACK, error_of


async def test_settings_make_this_the_only_destination(client: httpx.AsyncClient):
    answer = await client.get("/v1/projects/wk_web/settings", headers={"Host": "events.example:8000"})
    assert answer.headers["access-control-allow-origin"] == "*"
    integrations = answer.json()["integrations"]
    assert list(integrations) == ["Segment.io"]
    told = integrations["Segment.io"]
    assert (told["apiKey"], told["protocol"], told["apiHost"]) == ("wk_web", "http", "events.example:8000/v1")


async def test_settings_of_an_unknown_key_are_none(client: httpx.AsyncClient):
    assert error_of(await client.get("/v1/projects/nope/settings"))[:2] == (401, "unknown_key")


@pytest.mark.parametrize("host", ["[::1", "a b", "é", "x/../y", ""])
async def test_settings_are_told_to_any_host(client: httpx.AsyncClient, host: str):
    answer = await client.get("/v1/projects/wk_web/settings", headers={"Host": host.encode()})
    assert answer.status_code == 200


async def test_the_clients_own_metrics_are_answered_and_ignored(client: httpx.AsyncClient, log: FakeLog):
    assert (await client.post("/v1/m", content=b'{"series":[]}')).status_code == 200
    assert log.records == {}


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
async def test_segments_pixel_is_a_message_and_a_picture(client: httpx.AsyncClient, log: FakeLog, encode):
    message = orjson.dumps(TRACK | {"writeKey": "wk_web", "properties": {"x": "ÿ?>~"}})
    answer = await client.get("/v1/pixel/track", params={"data": encode(message).decode().rstrip("=")})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert [event.name for event in log.events()] == ["email_opened"]


async def test_asking_for_segments_pixel_alone_is_no_visit(client: httpx.AsyncClient, log: FakeLog):
    data = b64encode(orjson.dumps(TRACK | {"writeKey": "wk_web"})).decode()
    assert (await client.head("/v1/pixel/page", params={"data": data})).status_code == 200
    assert log.events() == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"data": "é"}, (400, "invalid_field", "data")),
        ({"data": "x"}, (400, "invalid_field", "data")),
        ({"data": "A" * 20_000}, (413, "too_large", "data")),
        ({"data": b64encode(b"[]").decode()}, (400, "wrong_type", "message")),
        ({}, (400, "invalid_json", "")),
    ],
)
async def test_a_pixel_that_says_nothing_usable_is_explained_and_kept(
    client: httpx.AsyncClient, log: FakeLog, query: dict, expected: tuple
):
    assert error_of(await client.get("/v1/pixel/track", params={"k": "wk_web"} | query)) == expected
    assert len(log.dead_letters()) == 1


async def test_a_pixel_of_no_call_is_not_found(client: httpx.AsyncClient):
    assert (await client.get("/v1/pixel/batch")).status_code == 404
