"""The pixel in a real Chromium: who is known again by the collector's cookie, and who must not be."""

import asyncio

import orjson
import pytest
from playwright.sync_api import BrowserContext, Page
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from streams.model.events import Event
from tests.browser.collector import Collector, Site

pytestmark = pytest.mark.browser

HEARD = "localStorage.ciq_asked > 2"  # the collector has answered
EMPTIED = "sessionStorage.emptied ||= (localStorage.clear(), 1)"  # by the browser, before the next page
OPT_OUT = ("ciq('optOut')", "ciq('optIn')")
CONSENT = ("ciq('consent', { analytics: false })", "ciq('consent', { analytics: true })")


def opened(page: Page, site: Site, path: str = "/") -> None:
    page.goto(site.url + path)
    page.wait_for_function("window.ciq?.version")


def chosen_offline(page: Page, site: Site, collector: Collector, choice: str) -> Event:
    """Let a visitor whom the cookie knows make a choice that the collector does not hear of; return its first event."""
    site.collector_host = "localhost"  # the site's own domain, whose cookie knows the visitor
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.wait_for_function(HEARD)
    page.context.set_offline(True)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/pixel/id")):
        page.evaluate(choice)
    return first


@pytest.mark.parametrize(("refusal", "again"), [OPT_OUT, CONSENT], ids=["opt-out", "consent"])
def test_who_opts_in_again_is_a_new_visitor_though_the_collector_did_not_hear_of_the_opt_out(
    context: BrowserContext, page: Page, site: Site, collector: Collector, refusal: str, again: str
):
    first = chosen_offline(page, site, collector, refusal)
    context.set_offline(False)
    page.evaluate(f"{again}; ciq('track', 'Again')")
    event = collector.until(lambda: collector.named("again"))[0]
    page.wait_for_function(HEARD)
    [cookie] = context.cookies()
    assert first.profile != event.profile == f"anon:{cookie['value']}"


@pytest.mark.parametrize(
    ("choice", "again"),
    [OPT_OUT, CONSENT, ("ciq('forget')", ""), ("ciq('reset')", "")],
    ids=["opt-out", "consent", "forget", "reset"],
)
def test_no_later_page_brings_back_who_made_a_choice_that_the_collector_did_not_hear_of(
    context: BrowserContext, page: Page, site: Site, collector: Collector, choice: str, again: str
):
    first = chosen_offline(page, site, collector, choice)
    page.close()
    context.set_offline(False)
    later = context.new_page()
    opened(later, site, "/later")
    if again:
        later.wait_for_function("!localStorage.ciq_asked")  # told now
    later.evaluate(f"{again}; ciq('track', 'Again')")
    event = collector.until(lambda: collector.named("again"))[0]
    later.wait_for_function(HEARD)
    [cookie] = context.cookies()
    assert first.profile != event.profile == f"anon:{cookie['value']}"


def test_a_choice_is_told_by_each_page_until_the_collector_has_heard_of_it(
    context: BrowserContext, page: Page, site: Site, collector: Collector
):
    site.collector_host = "localhost"
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.wait_for_function(HEARD)
    collector.refusal = Response(status_code=503)
    page.evaluate("ciq('forget')")
    opened(page, site, "/in-vain")
    page.evaluate("ciq('track', 'Again')")
    collector.knocked(3, "/pixel/id")
    collector.refusal = None
    opened(page, site, "/heard")
    event = collector.until(lambda: collector.named("again"))[0]
    page.wait_for_function(HEARD)
    [cookie] = context.cookies()
    assert first.profile != event.profile == f"anon:{cookie['value']}"


def test_an_answer_that_comes_after_a_change_of_mind_brings_nobody_back(page: Page, site: Site, collector: Collector):
    site.collector_host = "localhost"
    opened(page, site)
    page.wait_for_function(HEARD)
    known = page.evaluate("localStorage.ciq_asked = 5, localStorage.ciq_anon")  # so it is asked again
    answering = asyncio.Event()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        asked = orjson.loads((await receive())["body"])
        await answering.wait()
        headers = {"Access-Control-Allow-Origin": site.url, "Access-Control-Allow-Credentials": "true"}
        answer = {"anonymousId": {"keep": known, "set": asked.get("anonymousId")}.get(asked.get("how"))}
        await JSONResponse(answer, headers=headers)(scope, receive, send)

    collector.refusal = late
    opened(page, site, "/next")
    collector.knocked(2, "/pixel/id")
    page.evaluate("ciq('optOut'); ciq('optIn')")
    collector.knocked(4, "/pixel/id")
    collector.in_loop(answering.set)
    collector.knocked(5, "/pixel/id")  # once more, since the answer to the first question was about somebody else
    assert page.evaluate("localStorage.ciq_anon") != known


def test_the_collectors_cookie_brings_a_visitor_back_whose_storage_was_emptied(
    context: BrowserContext, page: Page, site: Site, collector: Collector
):
    site.collector_host = "localhost"  # the site's own domain, another port
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.wait_for_function(HEARD)
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("ciq", True, "Lax")
    assert first.profile == f"anon:{cookie['value']}"
    context.add_init_script(EMPTIED)
    opened(page, site, "/a-week-later")
    views = collector.until(
        lambda: [view for view in collector.named("page_viewed") if view.properties["path"] == "/a-week-later"]
    )
    assert views[0].profile == first.profile


@pytest.mark.parametrize("has_opted_out", [False, True])
def test_a_question_without_an_answer_is_asked_again_unless_the_visitor_has_opted_out(
    context: BrowserContext, page: Page, site: Site, collector: Collector, has_opted_out: bool
):
    site.collector_host = "localhost"
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.wait_for_function(HEARD)
    context.add_init_script(EMPTIED)
    collector.refusal = Response(status_code=503)
    opened(page, site, "/a-week-later")
    page.evaluate("ciq('optOut')" if has_opted_out else "ciq('track', 'Meanwhile')")
    collector.knocked(2, "/pixel/id")
    collector.refusal = None
    opened(page, site, "/heard")
    if has_opted_out:
        page.wait_for_function("!localStorage.ciq_asked")  # told now
        page.evaluate("ciq('optIn')")
    page.wait_for_function(HEARD)
    page.evaluate("ciq('track', 'Again')")
    event = collector.until(lambda: collector.named("again"))[0]
    assert (event.profile == first.profile) is not has_opted_out
