"""The pixel in a real Chromium: nothing is lost on unload, through a refusal or without storage."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from infra.build.parts import PARTS
from streams.model.errors import LogFullError
from tests.unit.ingest.fake_log import FakeLog

pytestmark = pytest.mark.browser

STUB = "window.ciq=window.ciq||function(){(ciq.q=ciq.q||[]).push(arguments)};ciq('track','Early Call')"
BLOCKED = """for (const [on, name] of [[window, 'localStorage'], [document, 'cookie']]) {
  Object.defineProperty(on, name, { get() { throw new DOMException() }, set() { throw new DOMException() } })
}"""


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def site_url(app: Starlette) -> AsyncIterator[str]:
    async with served(app) as door_url:

        async def page(_: Request) -> HTMLResponse:
            pixel = f'<script async src="{door_url}/pixel.js" data-key="wk_web"></script>'
            return HTMLResponse(f"<!doctype html><title>Shop</title><script>{STUB}</script>{pixel}")

        async with served(Starlette(routes=[Route("/{path:path}", page)])) as url:
            yield url


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(PARTS["browser"].find()), args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert faults == []


async def test_page_view_and_early_calls_arrive_with_the_campaign(page: Page, site_url: str, log: FakeLog):
    await page.goto(f"{site_url}/?utm_source=ad&utm_campaign=spring")
    view, early = await log.arrived(2)
    assert (view.name, view.properties["path"], early.name) == ("page_viewed", "/", "early_call")
    assert view.campaign == early.campaign == "spring"
    assert view.profile == early.profile


async def test_single_page_navigation_is_a_view_and_keeps_session_and_campaign(page: Page, site_url: str, log: FakeLog):
    await page.goto(f"{site_url}/?utm_campaign=spring")
    await page.evaluate("history.pushState({}, '', '/pricing')")
    events = await log.arrived(3)
    assert (events[2].properties["path"], events[2].campaign) == ("/pricing", "spring")
    assert events[2].properties["session_id"] == events[0].properties["session_id"]


async def test_what_is_called_just_before_leaving_arrives(page: Page, site_url: str, log: FakeLog):
    await page.goto(site_url)
    await log.arrived(2)
    await page.evaluate("ciq('track', 'Product Added', { product_id: 'mug', price: 4 })")
    await page.close()
    assert (await log.arrived(3))[2].properties["product_id"] == "mug"


async def test_refused_events_are_sent_again_once(page: Page, site_url: str, log: FakeLog):
    await page.goto(site_url)
    await log.arrived(2)
    log.fault = LogFullError("disk", 1)
    async with page.expect_response(lambda answer: answer.status == 503):
        await page.evaluate("ciq('track', 'Patient')")
    log.fault = None
    assert [event.name for event in await log.arrived(3)].count("patient") == 1


async def test_identified_visitor_stays_known_until_reset(page: Page, site_url: str, log: FakeLog):
    await page.goto(site_url)
    await log.arrived(2)
    await page.evaluate(
        "ciq('identify', 'u9', { email: 'A@b.io' }); ciq('track', 'x'); ciq('reset'); ciq('track', 'y')"
    )
    events = {event.name: event for event in await log.arrived(5)}
    assert (events["identified"].keys.email, events["x"].profile) == ("a@b.io", "user:u9")
    assert events["y"].keys.user_id is None
    assert events["y"].keys.anonymous_id != events["x"].keys.anonymous_id


async def test_blocked_storage_loses_nothing(page: Page, site_url: str, log: FakeLog):
    await page.add_init_script(BLOCKED)
    await page.goto(site_url)
    await page.evaluate("ciq('track', 'Still Here')")
    assert len({event.profile for event in await log.arrived(3)}) == 1
