"""What is open to all: health, the OpenAPI document, the page's shell, extra routes."""

from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.unit.api.fakes_api import Installation, Socket, install


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the page")
    (tmp_path / "assets" / "app-1.js").write_text("1")
    return tmp_path


async def test_health_is_open(here: Installation):
    assert (await here.client().get("/healthz", headers={"host": "10.0.0.7"})).json() == {"status": "ok"}


async def test_ready_when_every_part_is(here: Installation):
    answer = await here.client().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "parts": {"engine": "ready"}})


FAULT = "http://influx.internal:8086 refused the connection"


async def test_not_ready_names_the_part_and_no_details():
    there = await install(readiness=lambda: {"metrics": FAULT, "log": "ready"})
    answer = await there.client().get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (503, {"metrics": "not ready", "log": "ready"})
    stranger = await there.client(authorization="Bearer guess").get("/readyz")
    assert "influx" not in stranger.text
    await there.close()


@pytest.mark.parametrize("way", ["token", "browser"])
async def test_who_is_signed_in_learns_what_is_the_matter(way: str):
    there = await install(readiness=lambda: {"metrics": FAULT, "log": "ready"})
    client = there.with_token() if way == "token" else await there.browser()
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (503, {"metrics": FAULT, "log": "ready"})
    await there.close()


async def test_openapi_lists_the_documented_routes(here: Installation):
    paths = (await here.client().get("/openapi.json")).json()["paths"]
    assert {"/api/leads", "/api/leads/{key}", "/api/leads/{key}/score", "/api/metrics/summary"} <= set(paths)


async def test_what_others_serve_is_told_with_body_key_and_answers():
    example = {"event": "<b>"}
    call = {
        "summary": "Send it.",
        "security": [{"writeKey": []}],
        "requestBody": {"content": {"application/json": {"example": example}}},
        "responses": {"429": {"description": "Too many."}},
    }
    components = {"securitySchemes": {"writeKey": {"type": "http"}}, "schemas": {"Message": {}}}
    there = await install(documented={"paths": {"/v1/track": {"post": call}}, "components": components})
    told = (await there.client().get("/openapi.json")).json()
    assert (told["paths"]["/v1/track"]["post"], "/api/leads" in told["paths"]) == (call, True)
    assert {"Message", "ErrorBody"} <= set(told["components"]["schemas"])
    page = (await there.client().get("/docs")).text
    assert "POST /v1/track" in page
    assert "&lt;b&gt;" in page
    assert "<code>429</code> Too many." in page
    await there.close()


async def test_docs_page_needs_no_script(here: Installation):
    text = (await here.client().get("/docs")).text
    assert "/api/leads" in text
    assert "<script" not in text


async def test_page_that_is_not_built_says_how_to_build_it(here: Installation):
    assert "make up" in (await here.client().get("/")).text


@pytest.mark.parametrize("path", ["/", "/leads/anna@example.com", "/alerts"])
async def test_addresses_of_the_page_get_its_shell(built: Path, path: str):
    there = await install(static=built)
    answer = await there.client().get(path)
    assert (answer.text, answer.headers["cache-control"]) == ("<!doctype html>the page", "no-cache")
    await there.close()


async def test_assets_are_kept_and_missing_ones_are_missing(built: Path):
    there = await install(static=built)
    kept = await there.client().get("/assets/app-1.js")
    missing = await there.client().get("/assets/app-0.js")
    assert "immutable" in kept.headers["cache-control"]
    assert missing.status_code == 404
    await there.close()


async def test_files_outside_the_page_are_out_of_reach(built: Path):
    (built.parent / "secret.txt").write_text("secret")
    there = await install(static=built)
    assert "secret" not in (await there.client().get("/%2e%2e/secret.txt")).text
    await there.close()


async def test_unknown_api_address_is_not_the_page(built: Path):
    there = await install(static=built)
    assert (await there.with_token().get("/api/nothing")).status_code == 404
    await there.close()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz/intake", "/metrics", "/api/leads", "/api/nothing"])
async def test_head_is_get_without_the_body(built: Path, path: str):
    there = await install(static=built, readiness=lambda: {"log": "away"})
    client = there.with_token()
    whole, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.headers["content-type"]) == (whole.status_code, "application/json")
    assert (head.content, head.headers["content-length"]) == (b"", whole.headers["content-length"])
    await there.close()


async def test_head_of_the_page_is_the_pages(built: Path):
    there = await install(static=built)
    assert (await there.client().head("/leads")).status_code == 200
    await there.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/api", "/api/no%0a", "/readyz/no", "/healthz/", "/metrics/no", "/v1", "/webhooks", "/ws/live"]
)
async def test_no_address_of_the_api_is_the_page_for_any_method(built: Path, path: str, method: str):
    there = await install(static=built)
    answer = await there.with_token().request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    await there.close()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/readyz", "GET"), ("DELETE", "/metrics", "GET"), ("GET", "/api/sign-out", "POST")],
)
async def test_a_method_that_is_not_served_is_told_which_is(built: Path, method: str, path: str, allowed: str):
    there = await install(static=built)
    answer = await there.with_token().request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (405, allowed)
    await there.close()


async def test_unknown_websocket_is_refused(built: Path):
    there = await install(static=built)
    async with Socket(there.app, "/ws/other") as socket:
        assert socket.answer["type"] == "websocket.close"
    await there.close()


async def test_extra_routes_answer_under_any_host_with_their_own_policy():
    async def pixel(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("pixel")

    there = await install(extra_routes=(Route("/pixel.js", pixel),))
    answer = await there.client().get("/pixel.js", headers={"host": "shop.example"})
    assert answer.text == "pixel"
    assert "content-security-policy" not in answer.headers
    await there.close()
