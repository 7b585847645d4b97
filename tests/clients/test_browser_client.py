"""The official Segment client for browsers, unmodified, in a real Chromium, on a page of another origin than ours."""

import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from infra.build.checkout import CLIENTS
from infra.build.parts import PARTS
from tests.clients.calls import NAMES, told
from tests.clients.conftest import KEY, OpenDoor
from tests.serving import served

pytestmark = [pytest.mark.clients, pytest.mark.browser, pytest.mark.slow]

BUNDLES = CLIENTS / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
# The client as a package: its settings come from `cdnURL`, and with them where it sends.
AS_PACKAGE = """
<script src="/bundles/index.js"></script>
<script>window.analytics = AnalyticsNext.AnalyticsBrowser.load({writeKey: %s, cdnURL: %s}, %s)</script>
"""
# The client as Segment's snippet loads it, from the site's own folder.
AS_SNIPPET = """
<script>
window.analytics = []; analytics._writeKey = %s; analytics._cdn = %s; analytics._loadOptions = %s
for (const call of ["identify", "track", "page", "screen", "group", "alias", "ready"])
  analytics[call] = (...told) => { analytics.push([call, ...told]); return Promise.resolve() }
</script>
<script async src="/bundles/standalone.js"></script>
"""
CALLS = """async () => {
  analytics.identify("user-7", {email: "ada@example.com"})
  analytics.track("Email Opened")
  analytics.page("Docs", "Pricing")
  analytics.screen("App", "Home")
  analytics.group("g1", {plan: "pro"})
  analytics.alias("user-7", "old-7")
  analytics.track("Order Completed", {order_id: "1001", revenue: 49.9, currency: "EUR"}, {integrations: {All: true}})
}"""


@pytest.fixture
async def site_url(door: OpenDoor) -> AsyncIterator[str]:
    async def page(request: Request) -> HTMLResponse:
        form = AS_SNIPPET if request.url.path == "/snippet" else AS_PACKAGE
        options = request.query_params.get("options", "{}")
        script = form % (json.dumps(KEY), json.dumps(door.url), options)
        return HTMLResponse(f"<!doctype html><title>Shop</title>{script}")

    routes = [Mount("/bundles", StaticFiles(directory=BUNDLES)), Route("/{path:path}", page)]
    async with served(Starlette(routes=routes)) as url:
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


async def arrived(door: OpenDoor) -> None:
    """Wait until all calls are there, and see that they are whole."""
    events = await door.log.arrived(len(NAMES))
    found = told(events)
    assert sorted(found) == sorted(NAMES)
    assert {event.profile for event in events} == {"user:user-7"}
    assert len({event.keys.anonymous_id for event in events}) == 1
    assert found["identified"].traits["email"] == "ada@example.com"
    view, order = found["page_viewed"], found["order_completed"]
    assert (view.properties["title"], view.properties["name"], view.campaign) == ("Shop", "Pricing", "spring")
    assert (order.value, order.currency) == (49.9, "EUR")
    assert found["grouped"].properties == {"group_id": "g1", "group_traits": {"plan": "pro"}}
    assert found["aliased"].properties["previous_id"] == "old-7"


@pytest.mark.parametrize("form", ["package", "snippet"])
async def test_every_call_arrives(door: OpenDoor, site_url: str, page: Page, form: str):
    await page.goto(f"{site_url}/{form}?utm_campaign=spring")
    await page.evaluate(CALLS)
    await arrived(door)


async def test_every_call_arrives_in_batches(door: OpenDoor, site_url: str, page: Page):
    batching = {"strategy": "batching", "config": {"size": 4, "timeout": 300}}
    options = json.dumps({"integrations": {"Segment.io": {"deliveryStrategy": batching}}})
    await page.goto(f"{site_url}/package?utm_campaign=spring&options={options}")
    await page.evaluate(CALLS)
    await arrived(door)


@pytest.mark.parametrize("refusal", ["full", "rate_limited"])
async def test_what_was_refused_is_sent_again_and_arrives_once(door: OpenDoor, site_url: str, page: Page, refusal: str):
    setattr(door.trouble, refusal, 3)
    await page.goto(f"{site_url}/package?utm_campaign=spring")
    await page.evaluate(CALLS)
    await arrived(door)
    assert door.trouble.refused == 3
