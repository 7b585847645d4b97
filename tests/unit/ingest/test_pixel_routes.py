"""The scripts are small and cacheable; the GIF records before it answers."""

import gzip

import httpx
import pytest

from ingest.pixel.scripts import DIST, ScriptRoutes, snippet
from streams.model.events import Utm
from tests.unit.ingest.fake_log import FakeLog

BUDGETS_BYTES = {"stub.js": 1_024, "pixel.js": 4_096}


@pytest.mark.parametrize("name", BUDGETS_BYTES)
async def test_a_script_is_cacheable_and_revalidates(client: httpx.AsyncClient, name: str):
    first = await client.get(f"/{name}")
    again = await client.get(f"/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["content-type"].startswith("text/javascript")
    assert "max-age=3600" in first.headers["cache-control"]
    assert again.status_code == 304


@pytest.mark.parametrize("name", BUDGETS_BYTES)
async def test_a_script_keeps_its_size_budget(client: httpx.AsyncClient, name: str):
    script = (await client.get(f"/{name}")).content
    assert len(gzip.compress(script, 9)) <= BUDGETS_BYTES[name]


async def test_the_script_is_sent_plain_to_who_takes_no_gzip(client: httpx.AsyncClient):
    answer = await client.get("/pixel.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert b"sendBeacon" in answer.content


async def test_without_a_build_the_script_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr("ingest.pixel.scripts.DIST", tmp_path)
    [route, _] = ScriptRoutes(3_600).routes()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(route.app), base_url="http://door") as client:
        answer = await client.get("/pixel.js")
    assert (answer.status_code, "make pixel" in answer.text) == (503, True)


def test_the_snippet_is_the_stub_the_script_and_the_picture():
    stub, script, picture = snippet("https://e.example/pixel.js", "wk_1").splitlines()
    assert stub == f"<script>{(DIST / 'stub.js').read_text()}</script>"
    assert script == '<script async src="https://e.example/pixel.js" data-key="wk_1"></script>'
    assert '<img src="https://e.example/p.gif?k=wk_1&amp;n=1"' in picture


async def test_gif_records_then_answers_43_bytes(client: httpx.AsyncClient, log: FakeLog):
    query = "k=wk_web&e=Email%20Opened&u=u1&m=d1&p=https%3A%2F%2Fs.example%2Fx%3Fa&utm_source=mail&utm_campaign=c"
    answer = await client.get(f"/p.gif?{query}")
    assert (len(answer.content), answer.headers["content-type"]) == (43, "image/gif")
    assert "no-store" in answer.headers["cache-control"]
    event = log.events()[0]
    assert (event.id, event.name, event.profile, event.utm) == ("d1", "email_opened", "user:u1", Utm("mail", None, "c"))


async def test_gif_without_event_is_a_page_view(client: httpx.AsyncClient, log: FakeLog):
    await client.get("/p.gif", params={"k": "wk_web", "a": "a1", "p": "/pricing?x=1"})
    assert log.events()[0].name == "page_viewed"
    assert log.events()[0].properties == {"path": "/pricing"}


async def test_gif_in_a_page_without_script_is_a_view_of_that_page(client: httpx.AsyncClient, log: FakeLog):
    headers = {"Referer": "https://shop.example/tea?a=1", "User-Agent": "Links (2.28)"}
    await client.get("/p.gif?k=wk_web&n=1", headers=headers)
    [view] = log.events()
    assert (view.name, view.properties["path"], view.profile[:9]) == ("page_viewed", "/tea", "anon:day_")


async def test_gif_about_nobody_is_refused_and_kept(client: httpx.AsyncClient, log: FakeLog):
    answer = await client.get("/p.gif?k=wk_web&e=x")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "userId")
    assert [letter.raw for letter in log.dead_letters()] == [b"k=***&e=x"]


async def test_gif_of_an_unknown_key_is_refused(client: httpx.AsyncClient):
    assert (await client.get("/p.gif?k=no&a=a1")).status_code == 401
    assert (await client.get("/p.gif?a=a1")).status_code == 401


async def test_link_checkers_leave_no_event(client: httpx.AsyncClient, log: FakeLog):
    assert (await client.head("/p.gif?k=wk_web&a=a1")).status_code == 200
    assert log.events() == []
