"""The id that the collector keeps in a cookie of its own: for pages of its own site, and for nobody else."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ingest.pixel.cookie import PLAIN_NAME, SECURE_NAME

ORIGIN = "https://www.shop.example"
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}


async def asked(
    client: httpx.AsyncClient, how: str = "keep", headers: Mapping[str, str] = OURS, **more: Any
) -> httpx.Response:
    body = {"writeKey": "wk_web", "anonymousId": "proposed-1", "how": how, **more}
    return await client.post("/pixel/id", json=body, headers=dict(headers))


async def test_a_first_visitor_keeps_the_proposed_id_in_a_cookie_that_no_script_reads(client: httpx.AsyncClient):
    answer = await asked(client)
    assert answer.json() == {"anonymousId": "proposed-1"}
    assert answer.headers["set-cookie"] == (
        f"{SECURE_NAME}=proposed-1; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax; Secure"
    )


async def test_the_page_may_read_the_answer_and_pages_of_other_origins_may_not(client: httpx.AsyncClient):
    headers = (await asked(client)).headers
    assert (headers["access-control-allow-origin"], headers["vary"]) == (ORIGIN, "Origin")
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["cache-control"] == "no-store"


async def test_a_known_visitor_keeps_the_id_of_the_cookie(client: httpx.AsyncClient):
    answer = await asked(client, headers=OURS | {"Cookie": f"{SECURE_NAME}=known-id-1"})
    assert answer.json() == {"anonymousId": "known-id-1"}
    assert "known-id-1; Max-Age=34560000" in answer.headers["set-cookie"]


async def test_a_new_id_replaces_that_of_the_cookie(client: httpx.AsyncClient):
    answer = await asked(client, "set", OURS | {"Cookie": f"{SECURE_NAME}=known-id-1"})
    assert "=proposed-1;" in answer.headers["set-cookie"]


@pytest.mark.parametrize("more", [{"how": "forget"}, {"how": None}, {"how": "keep", "extra": {"Sec-GPC": "1"}}])
async def test_forgetting_and_opting_out_end_the_cookie(client: httpx.AsyncClient, more: dict[str, Any]):
    headers = OURS | {"Cookie": f"{SECURE_NAME}=known-id-1"} | more.get("extra", {})
    answer = await asked(client, more["how"], headers)
    assert answer.json() == {"anonymousId": None}
    assert f"{SECURE_NAME}=; Max-Age=0" in answer.headers["set-cookie"]


async def test_who_opts_out_gets_no_cookie(client: httpx.AsyncClient):
    assert "set-cookie" not in (await asked(client, headers=OURS | {"DNT": "1"})).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Host": "events.shop.example"},
        {"Origin": "https://shop.example.evil.example", "Host": "events.shop.example"},
        {"Origin": "https://example", "Host": "events.shop.example"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
async def test_another_site_neither_sets_nor_learns_an_id(client: httpx.AsyncClient, headers: dict[str, str]):
    answer = await asked(client, "set", headers | {"Cookie": f"{SECURE_NAME}=known-id-1; {PLAIN_NAME}=known-id-1"})
    assert answer.json() == {"anonymousId": None}
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("origin", ["https://shop.example", "https://www.shop.example", "https://events.shop.example"])
async def test_browsers_that_name_no_site_are_judged_by_hosts(client: httpx.AsyncClient, origin: str):
    answer = await asked(client, headers={"Origin": origin, "Host": "events.shop.example:8443"})
    assert answer.json() == {"anonymousId": "proposed-1"}


async def test_a_page_without_tls_gets_a_cookie_without_secure(client: httpx.AsyncClient):
    answer = await asked(client, headers={"Origin": "http://shop.example", "Sec-Fetch-Site": "same-origin"})
    assert answer.headers["set-cookie"].startswith(f"{PLAIN_NAME}=")
    assert "Secure" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("proposed", ["x; Domain=evil", "", None, 7, "a" * 65, "é" * 10])
async def test_an_odd_proposal_is_replaced(client: httpx.AsyncClient, proposed: object):
    answer = await asked(client, anonymousId=proposed)
    assert len(answer.json()["anonymousId"]) == 32


async def test_an_odd_cookie_is_replaced(client: httpx.AsyncClient):
    answer = await asked(client, headers=OURS | {"Cookie": f"{SECURE_NAME}=a b"})
    assert answer.json() == {"anonymousId": "proposed-1"}


async def test_an_unknown_key_is_refused(client: httpx.AsyncClient):
    assert (await asked(client, writeKey="no")).status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b"{" * 3_000])
async def test_what_is_no_question_is_refused(client: httpx.AsyncClient, body: bytes):
    answer = await client.post("/pixel/id", content=body, headers=OURS)
    assert answer.status_code in (400, 413)
