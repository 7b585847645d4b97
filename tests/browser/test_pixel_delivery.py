"""The pixel in a real Chromium: nothing is lost, and nothing counts twice, whatever network, storage and visitor do."""

from email.utils import formatdate
from time import monotonic, time

import pytest
from playwright.sync_api import BrowserContext, Page
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingest.errors import CORS
from tests.browser.collector import Collector, Site

pytestmark = pytest.mark.browser

QUEUE = "Object.keys(localStorage).filter(name => name.startsWith('ciq_q'))"
EMPTY = f"!{QUEUE}.length"
BLOCKED = """for (const [on, name] of [[window, 'localStorage'], [Document.prototype, 'cookie']]) {
  Object.defineProperty(on, name, { get() { throw new DOMException() }, set() { throw new DOMException() } })
}"""
EARLY = "<script>ciq('track', 'Early Call', { n: 1 })</script>"


def refusing(status: int, retry_after: str) -> Response:
    return Response(status_code=status, headers={**CORS, "Retry-After": retry_after})


def opened(page: Page, site: Site, path: str = "/") -> None:
    """Go to a page of the site and wait until the core is there."""
    page.goto(site.url + path)
    page.wait_for_function("window.ciq?.version")


def offline_with_nothing_queued(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    collector.arrived("page_viewed")
    page.wait_for_function(EMPTY)
    page.context.set_offline(True)


def filled_with(count: int) -> str:
    """A script that fills the queue as the pixel would."""
    return f"""for (let n = 0; n < {count}; n++) {{
      const messageId = ((Date.now() - 60000) * 1000 + n).toString(36) + 'x'
      const text = JSON.stringify({{ type: 'track', event: 'Many', messageId, anonymousId: 'a', properties: {{ n }} }})
      localStorage[`ciq_q${{messageId}}.${{text.length}}`] = text
    }}"""


def test_a_view_and_early_calls_arrive_once_with_the_campaign(page: Page, site: Site, collector: Collector) -> None:
    site.head = EARLY
    opened(page, site, "/?utm_source=ad&utm_campaign=spring&gclid=g1")
    view, early = collector.arrived("page_viewed", "early_call")
    assert (view.campaign, early.campaign, view.properties["gclid"]) == ("spring", "spring", "g1")
    assert view.profile == early.profile
    page.wait_for_function(EMPTY)
    assert set(collector.sends().values()) == {1}


def test_the_one_line_of_before_still_works(page: Page, site: Site, collector: Collector) -> None:
    site.has_stub = False
    site.head = (
        "<script>window.ciq=window.ciq||function(){(ciq.q=ciq.q||[]).push(arguments)}</script>"
        "<script>ciq('track', 'Early Call')</script>"
    )
    opened(page, site)
    collector.arrived("page_viewed", "early_call")
    page.wait_for_function(EMPTY)
    assert len(collector.events()) == 2


def test_who_leaves_before_the_core_is_there_is_counted(page: Page, site: Site, collector: Collector) -> None:
    collector.hold_script()
    site.head = EARLY
    page.goto(f"{site.url}/landing?utm_source=ad", wait_until="commit")
    page.wait_for_function("window.ciq?.q?.length === 2")
    page.goto("about:blank")
    view, early = collector.arrived("page_viewed", "early_call")
    assert (view.properties["path"], view.utm.source, view.properties["session_id"]) == (
        "/landing",
        "ad",
        early.properties["session_id"],
    )
    collector.release_script()
    site.head = ""
    opened(page, site, "/next")
    page.wait_for_function(EMPTY)
    views = collector.named("page_viewed")
    # What the stub handed over is offered once more, under the same ids and by the same visitor.
    assert [event.properties["path"] for event in views] == ["/landing", "/next"]
    assert {event.profile for event in collector.events()} == {view.profile}


def test_a_page_that_lives_on_after_the_stubs_beacon_counts_nothing_twice(
    page: Page, site: Site, collector: Collector
) -> None:
    collector.hold_script()
    site.head = EARLY
    page.goto(site.url, wait_until="commit")
    page.wait_for_function("window.ciq?.q?.length === 2")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")  # as if it went to the browser's cache
    collector.arrived("page_viewed", "early_call")
    collector.release_script()
    page.wait_for_function("window.ciq.version")
    page.wait_for_function(EMPTY)
    assert sorted(event.name for event in collector.events()) == ["early_call", "page_viewed"]


def test_what_is_called_while_the_visitor_leaves_arrives(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    collector.arrived("page_viewed")
    page.evaluate("ciq('track', 'Product Added', { product_id: 'mug', price: 4 }); location.href = 'about:blank'")
    added, _ = collector.arrived("product_added", "page_engaged")
    assert added.properties["product_id"] == "mug"


def test_closing_the_page_loses_nothing(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    page.evaluate("ciq('track', 'Last Words')")
    page.close(run_before_unload=True)
    collector.arrived("page_viewed", "last_words", "page_engaged")


def test_what_happens_offline_arrives_when_the_network_is_back(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    offline_with_nothing_queued(page, site, collector)
    page.evaluate("for (let n = 0; n < 30; n++) ciq('track', 'Offline', { n })")
    page.wait_for_function(f"{QUEUE}.length === 30")
    context.set_offline(False)
    page.wait_for_function(EMPTY)
    assert [event.properties["n"] for event in collector.named("offline")] == list(range(30))


def test_what_happened_offline_outlives_the_page(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    opened(page, site)
    collector.arrived("page_viewed")
    context.set_offline(True)
    page.evaluate("ciq('track', 'Offline')")
    later = context.new_page()
    page.close()
    context.set_offline(False)
    opened(later, site, "/later")
    collector.arrived("page_viewed", "page_viewed", "offline")
    later.wait_for_function(EMPTY)
    assert len(collector.named("offline")) == 1


def test_a_refusal_is_obeyed_and_what_was_refused_comes_again(page: Page, site: Site, collector: Collector) -> None:
    collector.refusal = refusing(503, "2")
    opened(page, site)
    [refused] = collector.knocked(1)
    page.wait_for_function("localStorage.ciq_wait")
    collector.refusal = None
    collector.arrived("page_viewed")
    assert collector.knocks_at("/v1/batch")[1].at_s - refused.at_s >= 1.9
    page.wait_for_function(EMPTY)
    assert len(collector.events()) == 1


def test_a_date_as_retry_after_is_understood_by_the_next_page_too(page: Page, site: Site, collector: Collector) -> None:
    async def refused(scope: Scope, receive: Receive, send: Send) -> None:
        await refusing(429, formatdate(time() + 5, usegmt=True))(scope, receive, send)

    collector.refusal = refused
    opened(page, site)
    page.wait_for_function("localStorage.ciq_wait")
    wait_s = page.evaluate("(localStorage.ciq_wait - Date.now()) / 1000")
    assert 0.5 < wait_s <= 5
    collector.refusal = None
    refused_at = monotonic()
    page.close()
    second = page.context.new_page()
    opened(second, site, "/second")
    collector.arrived("page_viewed", "page_viewed")
    assert monotonic() - refused_at > wait_s - 0.5


def test_without_retry_after_it_waits_a_moment_and_tries_again(page: Page, site: Site, collector: Collector) -> None:
    collector.refusal = Response(status_code=502)  # a proxy's, without CORS: a failure like no network
    opened(page, site)
    collector.knocked(1)
    collector.refusal = None
    collector.arrived("page_viewed")


def test_blocked_storage_loses_nothing(context: BrowserContext, page: Page, site: Site, collector: Collector) -> None:
    context.add_init_script(BLOCKED)
    opened(page, site)
    page.evaluate("ciq('track', 'Still Here')")
    page.goto("about:blank")
    events = collector.arrived("page_viewed", "still_here", "page_engaged")
    assert len({event.profile for event in events}) == 1


def test_full_storage_loses_nothing(page: Page, site: Site, collector: Collector) -> None:
    site.head = """<script>
      let piece = 'x'.repeat(1 << 20), n = 0
      while (piece) try { localStorage['site' + n++] = piece } catch { piece = piece.slice(0, piece.length >> 1) }
    </script>"""
    opened(page, site)
    page.evaluate("ciq('track', 'Still Here')")
    first, second = collector.arrived("page_viewed", "still_here")
    assert first.profile == second.profile


def test_a_collector_of_another_site_works_without_any_cookie(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    collector.knocked(1, "/pixel/id")
    opened(page, site, "/second")
    views = collector.until(lambda: found if len(found := collector.named("page_viewed")) == 2 else None)
    assert {view.profile for view in views} == {first.profile}
    assert context.cookies() == []
    assert len(collector.knocks_at("/pixel/id")) == 1  # it is asked once a day, not on each page


def test_tabs_share_the_queue_without_loss(context: BrowserContext, site: Site, collector: Collector) -> None:
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        opened(tab, site)
    collector.refusal = refusing(503, "3")
    for number, tab in enumerate(tabs):
        tab.evaluate(f"for (let n = 0; n < 50; n++) ciq('track', 'Together', {{ tab: {number}, n }})")
    tabs[0].wait_for_function("localStorage.ciq_wait")
    collector.refusal = None
    before = collector.sends()
    collector.until(lambda: len(collector.named("together")) == 150)
    tabs[0].wait_for_function(EMPTY)
    told = {(event.properties["tab"], event.properties["n"]) for event in collector.named("together")}
    assert len(told) == 150
    again = collector.sends() - before
    assert max(again.values()) <= 2  # refused ones come again, but tabs don't send what others send


def test_the_queue_keeps_the_newest_thousand(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    offline_with_nothing_queued(page, site, collector)
    page.evaluate(filled_with(1050))
    page.evaluate("for (let n = 1050; n < 1055; n++) ciq('track', 'Many', { n })")
    assert page.evaluate(f"{QUEUE}.length") == 1000
    context.set_offline(False)
    page.wait_for_function(EMPTY)
    assert [event.properties["n"] for event in collector.named("many")] == list(range(55, 1055))


def test_the_queue_keeps_a_megabyte(context: BrowserContext, page: Page, site: Site, collector: Collector) -> None:
    offline_with_nothing_queued(page, site, collector)
    page.evaluate("for (let n = 0; n < 30; n++) ciq('track', 'Large', { n, text: 'ü'.repeat(20000) })")
    sizes = page.evaluate(f"{QUEUE}.map(name => new Blob([localStorage[name]]).size)")
    assert 950_000 < sum(sizes) <= 1_000_000
    context.set_offline(False)
    page.wait_for_function(EMPTY)
    assert len(collector.named("large")) == len(sizes)


def test_many_calls_at_once_are_all_kept_at_once_and_the_queue_is_looked_through_once(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    context.add_init_script("""window.looks = 0
      Object.keys = (keys => of => (window.looks += of === localStorage, keys(of)))(Object.keys)""")
    offline_with_nothing_queued(page, site, collector)
    looks, kept = page.evaluate(f"""() => {{
      const before = looks
      for (let n = 0; n < 1200; n++) ciq('track', 'Many', {{ n }})
      return [looks - before, {QUEUE}.length]
    }}""")
    assert (looks, kept) == (0, 1200)
    assert page.evaluate(f"{QUEUE}.length") == 1000
    page.close()
    context.set_offline(False)
    later = context.new_page()
    opened(later, site, "/later")
    later.wait_for_function(EMPTY)
    told = {event.properties["n"] for event in collector.named("many")}
    assert told >= set(range(202, 1200))  # the end of a view and the next one are newer


def test_one_task_may_call_more_than_the_disk_holds(
    context: BrowserContext, page: Page, site: Site, collector: Collector
) -> None:
    offline_with_nothing_queued(page, site, collector)
    kept = page.evaluate(f"""() => {{
      for (let n = 0; n < 300; n++) ciq('track', 'Large', {{ n, text: 'x'.repeat(30000) }})
      return {QUEUE}.map(name => JSON.parse(localStorage[name]).properties.n)
    }}""")
    assert set(kept) >= set(range(270, 300))


def test_what_is_a_week_old_is_given_up(page: Page, site: Site, collector: Collector) -> None:
    old = "((Date.now() - 7.01 * 86400000) * 1000).toString(36) + 'x'"
    site.head = f"<script>localStorage['ciq_q' + {old} + '.2'] = '{{}}'</script>"
    opened(page, site)
    collector.arrived("page_viewed")
    page.wait_for_function(EMPTY)
    assert len([message for knock in collector.knocks for message in knock.batch]) == 1


def test_what_is_too_large_is_left_out_and_holds_nothing_up(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    page.evaluate("ciq('track', 'Huge', { text: 'x'.repeat(70000) }); ciq('track', 'After')")
    collector.arrived("page_viewed", "after")
    assert collector.named("huge") == []


@pytest.mark.parametrize(
    "poison", ["'\\ud800'", "{ toJSON() { throw Error() } }", "{ deep: [[[[[[[[[[[[1]]]]]]]]]]]] }"]
)
def test_one_bad_message_spoils_no_other(page: Page, site: Site, collector: Collector, poison: str) -> None:
    opened(page, site)
    page.evaluate(f"ciq('track', 'Before'); ciq('track', 'Poison', {{ poison: {poison} }}); ciq('track', 'After')")
    collector.arrived("page_viewed", "before", "after")
    page.wait_for_function(EMPTY)


def test_more_than_a_beacon_holds_is_split_and_the_rest_kept(page: Page, site: Site, collector: Collector) -> None:
    collector.refusal = refusing(503, "2")
    opened(page, site)
    page.evaluate("for (let n = 0; n < 60; n++) ciq('track', 'Bulky', { n, text: 'x'.repeat(3000) })")
    page.wait_for_function("localStorage.ciq_wait")
    collector.refusal = None
    page.goto("about:blank")
    beacons = collector.knocked(2)[1:]
    assert all(len(knock.body) <= 65_536 for knock in beacons)
    collector.until(lambda: collector.named("bulky"))
    later = page.context.new_page()
    opened(later, site, "/later")
    later.wait_for_function(EMPTY)
    assert {event.properties["n"] for event in collector.named("bulky")} == set(range(60))


def test_nothing_needs_a_preflight(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    collector.arrived("page_viewed")
    page.goto("about:blank")
    collector.arrived("page_engaged")
    posts = [knock for knock in collector.knocks if knock.path in ("/v1/batch", "/pixel/id")]
    assert {knock.headers["content-type"].partition(";")[0] for knock in posts} == {"text/plain"}


def test_the_browser_counts_its_messages(page: Page, site: Site, collector: Collector) -> None:
    opened(page, site)
    page.evaluate("ciq('track', 'One'); ciq('track', 'Two')")
    collector.arrived("page_viewed", "one", "two")
    messages = [message for knock in collector.knocks for message in knock.batch]
    assert [message["context"]["sequence"] for message in messages] == [1, 2, 3]
    assert all(message["context"]["webdriver"] is True for message in messages)


def test_no_other_name_is_left_in_the_page(page: Page, site: Site, collector: Collector) -> None:
    collector.hold_script()
    site.has_stub = False
    page.goto(site.url, wait_until="commit")
    before = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    collector.release_script()
    page.wait_for_function("window.ciq?.version")
    assert set(page.evaluate("Object.getOwnPropertyNames(window)")) - before <= {"ciq", "dataLayer"}
