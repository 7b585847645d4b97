"""Sources and schemas over HTTP: made, changed, rotated, ended; secrets go in and never come out."""

from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from streams.model.json_schema import MAX_BYTES
from streams.store import tables
from tests.unit.api.fakes_api import Installation, install

KINDS = frozenset({"web", "server", "shopify"})


@pytest.fixture
async def here() -> Any:
    installation = await install(source_kinds=KINDS)
    yield installation
    await installation.close()


@pytest.fixture
def api(here: Installation) -> httpx.AsyncClient:
    return here.with_token()


async def a_shop(api: httpx.AsyncClient) -> dict[str, Any]:
    asked = {"kind": "shopify", "name": "Shop", "webhook_secrets": ["top-secret-1"]}
    return (await api.post("/api/sources", json=asked)).json()


async def test_all_sources_are_listed_with_what_new_ones_may_be(api: httpx.AsyncClient):
    told = (await api.get("/api/sources")).json()
    assert [source["id"] for source in told["sources"]] == ["web"]
    assert told["kinds"] == ["server", "shopify", "web"]


async def test_what_is_no_text_is_told_as_far_as_it_is_one(api: httpx.AsyncClient):
    content = b'{"policy": {"a\\ud800": 1}}'
    answer = await api.patch("/api/sources/web", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "policy.a\\ud800")


async def test_a_source_is_made_with_its_policy(api: httpx.AsyncClient):
    asked = {"kind": "web", "name": "Site", "policy": {"allowed_origins": ["https://a.example"], "schemas": "warn"}}
    made = await api.post("/api/sources", json=asked)
    assert made.status_code == 201
    assert (await api.get("/api/sources/site")).json() == made.json()
    assert made.json()["policy"]["allowed_origins"] == ["https://a.example"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"kind": "fax", "name": "x"}, "kind"),
        ({"kind": "shopify", "name": "x"}, "webhook_secrets"),
        ({"kind": "web", "name": "x", "webhook_secrets": ["s"]}, "webhook_secrets"),
        ({"kind": "web", "name": " "}, "name"),
        ({"kind": "web", "name": "x", "policy": {"rate_per_s": -1}}, "policy.rate_per_s"),
        ({"kind": "web", "name": "x", "policy": {"speed": 1}}, "policy.speed"),
        ({"kind": "web", "name": "x", "policy": {"drop_fields": ["userId"]}}, "policy.drop_fields"),
        ({"kind": "web", "name": "x", "colour": "red"}, "colour"),
    ],
)
async def test_a_source_that_can_not_be_is_refused_by_field(api: httpx.AsyncClient, asked: dict[str, Any], field: str):
    refused = await api.post("/api/sources", json=asked)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, field)
    assert len((await api.get("/api/sources")).json()["sources"]) == 1


async def test_what_is_not_named_in_a_change_stays(api: httpx.AsyncClient):
    await api.patch("/api/sources/web", json={"policy": {"rate_per_s": 5}})
    changed = (await api.patch("/api/sources/web", json={"policy": {"burst": 7}, "is_enabled": False})).json()
    assert (changed["policy"]["rate_per_s"], changed["policy"]["burst"], changed["is_enabled"]) == (5.0, 7, False)
    assert changed["name"] == "Web"


async def test_a_key_is_rotated_and_the_older_one_retired(api: httpx.AsyncClient):
    [first] = (await api.get("/api/sources/web")).json()["write_keys"]
    rotated = (await api.post("/api/sources/web/rotate", json={})).json()["write_keys"]
    assert rotated[1:] == [first]
    again = await api.post("/api/sources/web/rotate", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert (await api.post("/api/sources/web/retire", json={})).json()["write_keys"] == rotated[:1]


async def test_rotating_and_retiring_a_key_needs_no_body(api: httpx.AsyncClient):
    rotated = await api.post("/api/sources/web/rotate")
    assert (rotated.status_code, len(rotated.json()["write_keys"])) == (200, 2)
    assert (await api.post("/api/sources/web/retire")).json()["write_keys"] == rotated.json()["write_keys"][:1]


async def test_secrets_rotate_and_are_shown_to_nobody(api: httpx.AsyncClient):
    answers = [await api.get("/api/sources")] if await a_shop(api) else []
    answers.append(await api.post("/api/sources/shop/rotate", json={"secret": "top-secret-2"}))
    assert answers[-1].json()["webhook_secrets"] == 2
    answers.append(await api.post("/api/sources/shop/rotate", json={"secret": "top-secret-3"}))
    answers.append(await api.post("/api/sources/shop/retire", json={"what": "secrets"}))
    assert answers[-1].json()["webhook_secrets"] == 1
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]
    assert not any("top-secret" in answer.text for answer in answers)


async def test_a_secret_of_the_wrong_form_is_not_quoted(api: httpx.AsyncClient):
    await a_shop(api)
    refused = await api.post("/api/sources/shop/rotate", json={"secret": "top-secret" * 2_000})
    assert refused.status_code == 422
    assert "top-secret" not in refused.text


async def test_a_removed_source_is_gone(api: httpx.AsyncClient):
    await a_shop(api)
    assert (await api.delete("/api/sources/shop")).status_code == 204
    gone = await api.get("/api/sources/shop")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not_found")


async def test_nobody_sees_or_changes_another_workspaces_sources(here: Installation, api: httpx.AsyncClient):
    store = here.deps.store
    await store._sql.run(lambda db: db.execute(insert(tables.workspaces).values(id="other", name="Other")))
    theirs = await store.add_source("other", "web", "Theirs")
    path = f"/api/sources/{theirs.id}"
    answers = [await api.get(path), await api.patch(path, json={"name": "Ours"}), await api.delete(path)]
    answers += [await api.post(f"{path}/rotate", json={}), await api.put(f"/api/event-schemas/x?source={theirs.id}")]
    assert [answer.status_code for answer in answers[:4]] == [404] * 4
    assert await store.sources.get(theirs.id) == theirs
    assert theirs.id not in (await api.get("/api/sources")).text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/sources"),
        ("POST", "/api/sources"),
        ("PATCH", "/api/sources/web"),
        ("POST", "/api/sources/web/rotate"),
        ("POST", "/api/sources/web/retire"),
        ("DELETE", "/api/sources/web"),
        ("GET", "/api/event-schemas"),
        ("PUT", "/api/event-schemas/x"),
        ("DELETE", "/api/event-schemas/x"),
    ],
)
async def test_without_signing_in_nothing_is_told_or_done(here: Installation, method: str, path: str):
    answer = await here.client().request(method, path, json={})
    assert answer.status_code == 401


async def test_a_schema_is_kept_in_versions_under_one_spelling(api: httpx.AsyncClient):
    first = await api.put("/api/event-schemas/Order%20Completed", json={"required": ["order_id"]})
    second = await api.put("/api/event-schemas/order_completed", json={"required": ["total"]})
    assert (first.json()["version"], second.json()["version"]) == (1, 2)
    assert (await api.get("/api/event-schemas/order_completed")).json()["schema"] == {"required": ["total"]}
    assert (await api.get("/api/event-schemas/order_completed?version=")).json() == second.json()
    old = await api.get("/api/event-schemas/order_completed?version=1&source=")
    assert old.json()["schema"] == {"required": ["order_id"]}
    told = (await api.get("/api/event-schemas/order_completed/versions")).json()["schemas"]
    assert [(one["version"], one["author"]) for one in told] == [(2, "bootstrap"), (1, "bootstrap")]


async def test_a_schema_that_is_taken_away_is_not_listed_and_its_versions_stay(api: httpx.AsyncClient):
    await api.put("/api/event-schemas/x?source=web", json={})
    assert len((await api.get("/api/event-schemas")).json()["schemas"]) == 1
    assert (await api.delete("/api/event-schemas/x?source=web")).status_code == 204
    assert (await api.get("/api/event-schemas")).json()["schemas"] == []
    told = (await api.get("/api/event-schemas/x/versions?source=web")).json()["schemas"]
    assert [one["is_removed"] for one in told] == [True, False]


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/api/event-schemas/x", b'{"type": "text"}', 422),
        ("/api/event-schemas/x", b"nonsense", 422),
        ("/api/event-schemas/x", b"[" * (MAX_BYTES + 1), 422),
        ("/api/event-schemas/%3F", b"{}", 422),
        ("/api/event-schemas/x?source=nobody", b"{}", 404),
        ("/api/event-schemas/x", b'{"$ref": "https://169.254.169.254/"}', 422),
    ],
)
async def test_a_schema_that_can_not_be_used_is_not_stored(
    api: httpx.AsyncClient, path: str, content: bytes, status: int
):
    refused = await api.put(path, content=content)
    assert refused.status_code == status
    assert refused.json()["error"]["message"]
    assert (await api.get("/api/event-schemas")).json()["schemas"] == []


async def test_a_version_that_is_not_kept_is_unknown(api: httpx.AsyncClient):
    await api.put("/api/event-schemas/x", json={})
    assert (await api.get("/api/event-schemas/x?version=9")).status_code == 404
    assert (await api.get("/api/event-schemas/y")).status_code == 404
