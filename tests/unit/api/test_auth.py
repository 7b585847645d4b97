"""Who may do what: tokens, one-time links, cookies, foreign pages, foreign host names."""

import pytest

from tests.unit.api.fakes_api import URL, Installation

PROTECTED = [
    "/api/leads",
    "/api/leads/anna",
    "/api/leads/anna/score",
    "/api/deliveries",
    "/api/deliveries/d1",
    "/api/metrics/events",
    "/api/metrics/summary",
    "/api/alerts",
    "/api/me",
]


@pytest.mark.parametrize("path", PROTECTED)
async def test_reading_needs_a_sign_in(here: Installation, path: str):
    answer = await here.client().get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


async def test_every_documented_api_route_refuses_strangers(here: Installation):
    paths = here.app.openapi()["paths"]
    for path, operations in paths.items():
        for method in operations if path.startswith("/api") else ():
            assert (await here.client().request(method, path.replace("{", "").replace("}", ""))).status_code == 401


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic abc", "Bearer " + "x" * 999])
async def test_wrong_authorization_is_refused(here: Installation, header: str):
    assert (await here.client(authorization=header).get("/api/me")).status_code == 401


async def test_wrong_header_is_not_saved_by_a_good_cookie(here: Installation):
    browser = await here.browser()
    assert (await browser.get("/api/me", headers={"authorization": "Bearer wrong"})).status_code == 401


async def test_me_tells_an_api_token_from_a_browser(here: Installation):
    by_token = (await here.with_token().get("/api/me")).json()
    by_link = (await (await here.browser()).get("/api/me")).json()
    assert (by_token["via"], by_token["expires_ms"]) == ("token", None)
    assert (by_link["via"], by_link["workspace"]) == ("session", "default")


async def test_link_signs_in_once_and_leads_to_the_page(here: Installation):
    link = (await here.with_token().post("/api/sign-in-links")).json()["url"]
    first = await here.client().get(link)
    second = await here.client().get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert second.status_code == 410
    assert "campaigniq sign-in" in second.text


async def test_cookie_is_out_of_reach_of_scripts_and_foreign_pages(here: Installation):
    link = (await here.with_token().post("/api/sign-in-links")).json()["url"]
    cookie = (await here.client().get(link)).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


async def test_cookie_is_secure_over_https(here: Installation):
    link = (await here.with_token().post("/api/sign-in-links")).json()["url"]
    cookie = (await here.client().get(link.replace("http:", "https:"))).headers["set-cookie"]
    assert "Secure" in cookie.split("; ")


async def test_expired_link_does_not_sign_in(here: Installation):
    link = (await here.with_token().post("/api/sign-in-links")).json()["url"]
    here.clock.ms += here.deps.settings.sign_in_link_ttl_s * 1000
    assert (await here.client().get(link)).status_code == 410


@pytest.mark.parametrize("query", ["", "?token=", "?token=guess", "?token=" + "x" * 5000])
async def test_sign_in_without_a_good_token_is_refused(here: Installation, query: str):
    assert (await here.client().get(f"/signin{query}")).status_code == 410


async def test_session_ends_in_time(here: Installation):
    browser = await here.browser()
    here.clock.ms += here.deps.settings.session_ttl_s * 1000
    assert (await browser.get("/api/me")).status_code == 401


async def test_sign_out_ends_the_session_for_good(here: Installation):
    browser = await here.browser()
    cookie = dict(browser.cookies)
    answer = await browser.post("/api/sign-out", headers={"origin": URL})
    assert answer.status_code == 204
    browser.cookies.update(cookie)
    assert (await browser.get("/api/me")).status_code == 401


@pytest.mark.parametrize("origin", ["", "https://evil.example", "null", "http://127.0.0.1:9999", "http://[bad"])
async def test_foreign_page_cannot_act_for_a_signed_in_browser(here: Installation, origin: str):
    browser = await here.browser()
    answer = await browser.post("/api/sign-out", headers={"origin": origin} if origin else {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_site")
    assert (await browser.get("/api/me")).status_code == 200


async def test_api_token_needs_no_origin(here: Installation):
    assert (await here.with_token().post("/api/sign-out")).status_code == 204


async def test_links_are_made_with_a_token_only(here: Installation):
    browser = await here.browser()
    answer = await browser.post("/api/sign-in-links", headers={"origin": URL})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "needs_api_token")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.:80"])
async def test_unknown_host_name_is_refused(here: Installation, host: str):
    answer = await here.with_token().get("/api/leads", headers={"host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
async def test_local_host_names_are_served(here: Installation, host: str):
    assert (await here.with_token().get("/api/me", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/leads", "/healthz", "/signin", "/docs"])
async def test_every_answer_keeps_foreign_frames_and_scripts_out(here: Installation, path: str):
    headers = (await here.client().get(path)).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
