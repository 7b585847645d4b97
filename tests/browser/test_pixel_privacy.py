"""The pixel in a real Chromium: nothing is stored or sent against what the visitor or the browser says."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.collector import Collector, Site

pytestmark = pytest.mark.browser

STORED = "Object.keys(localStorage).filter(name => name.startsWith('ciq_')).sort()"
GPC = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
DNT = "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })"
BUSY = (
    "ciq('track', 'Called'); ciq('identify', 'u1', { email: 'ada@example.com' }); dataLayer.push({ event: 'purchase' })"
)
Visitors = Callable[..., BrowserContext]


def opened(page: Page, site: Site, path: str = "/") -> None:
    page.goto(site.url + path)
    page.wait_for_function("window.ciq?.version")


def kept_and_sent_nothing(page: Page, site: Site, collector: Collector) -> bool:
    """Say so, once whatever is on its way has arrived: a picture asked for after the last event."""
    page.evaluate(
        "url => new Promise(done => { const one = new Image(); one.onload = one.onerror = done; one.src = url })",
        f"http://127.0.0.1:{collector.port}/stub.js?last",
    )
    return page.evaluate(STORED) == [] and asked_of(collector) == set() and page.context.cookies() == []


def asked_of(collector: Collector) -> set[str]:
    return {knock.path for knock in collector.knocks} - {"/pixel.js", "/stub.js"}


@pytest.mark.parametrize("signal", [GPC, DNT], ids=["gpc", "dnt"])
def test_browsers_that_ask_not_to_be_followed_are_not(visitor: Visitors, site: Site, collector: Collector, signal: str):
    context = visitor()
    context.add_init_script(signal)
    site.collector_host = "localhost"
    page = context.new_page()
    opened(page, site, "/?gclid=1")
    page.evaluate(BUSY)
    page.evaluate("history.pushState({}, '', '/second')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert kept_and_sent_nothing(page, site, collector)


@pytest.mark.parametrize("signal", [GPC, DNT], ids=["gpc", "dnt"])
def test_such_browsers_are_left_alone_also_before_the_core_is_there(
    visitor: Visitors, site: Site, collector: Collector, signal: str
):
    context = visitor()
    context.add_init_script(signal)
    collector.hold_script()
    site.head = "<script>ciq('track', 'Early')</script>"
    page = context.new_page()
    page.goto(site.url, wait_until="commit")
    page.wait_for_function("window.ciq?.q?.length === 2 && document.querySelector('[data-key]')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert kept_and_sent_nothing(page, site, collector)


def test_a_browser_that_begins_to_ask_is_forgotten(context: BrowserContext, site: Site, collector: Collector):
    site.collector_host = "localhost"
    page = context.new_page()
    opened(page, site)
    collector.arrived("page_viewed")
    page.wait_for_function("localStorage.ciq_asked > 2")
    assert [cookie["name"] for cookie in context.cookies()] == ["ciq"]
    page.close()
    collector.arrived("page_engaged")
    before = len(collector.knocks_at("/v1/batch"))
    context.add_init_script(GPC)
    later = context.new_page()
    opened(later, site)
    collector.knocked(2, "/pixel/id")  # only to have the cookie ended
    collector.until(lambda: context.cookies() == [])
    later.wait_for_function(f"!{STORED}.length")
    assert len(collector.knocks_at("/v1/batch")) == before


def test_a_site_may_rule_that_signals_do_not_apply(visitor: Visitors, site: Site, collector: Collector):
    context = visitor()
    context.add_init_script(DNT)
    site.attributes = 'data-signals="ignore"'
    opened(context.new_page(), site)
    collector.arrived("page_viewed")


def test_the_collector_too_honours_the_signal(visitor: Visitors, site: Site, collector: Collector):
    context = visitor(extra_http_headers={"Sec-GPC": "1"})  # a browser whose pages can't see what it asks for
    page = context.new_page()
    site.has_stub = False
    opened(page, site)
    collector.knocked(1)
    page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('ciq_q'))")
    assert collector.events() == []


def test_where_consent_is_required_nothing_happens_before_it(page: Page, site: Site, collector: Collector):
    site.attributes = 'data-consent="required"'
    opened(page, site)
    page.evaluate(BUSY)
    page.evaluate("ciq('consent', { marketing: true })")  # not what recording needs
    page.evaluate("delete localStorage.ciq_consent; dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert kept_and_sent_nothing(page, site, collector)


@pytest.mark.parametrize(("consent", "counted"), [("false", []), ("true", ["/landing"])])
def test_the_stub_waits_for_consent_too(page: Page, site: Site, collector: Collector, consent: str, counted: list[str]):
    collector.hold_script()
    site.attributes = 'data-consent="required"'
    site.head = f"<script>ciq('track', 'Before'); ciq('consent', {{ analytics: {consent} }})</script>"
    page.goto(f"{site.url}/landing", wait_until="commit")
    page.wait_for_function("window.ciq?.q?.length === 3 && document.querySelector('[data-key]')")
    page.goto("about:blank")
    collector.release_script()
    site.head = ""
    opened(page, site, "/next")
    page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('ciq_q'))")
    assert [event.properties["path"] for event in collector.events()][: len(counted)] == counted
    assert {event.name for event in collector.events()} <= {"page_viewed"}
    assert consent == "true" or collector.knocks_at("/v1/batch") == []


def test_with_consent_the_page_counts_from_then_on_and_says_to_what(page: Page, site: Site, collector: Collector):
    site.attributes = 'data-consent="required"'
    opened(page, site)
    page.evaluate("ciq('track', 'Before')")
    page.evaluate("ciq('consent', { analytics: true, marketing: false }); ciq('track', 'After')")
    collector.arrived("page_viewed", "after")
    assert collector.named("before") == []
    messages = [message for knock in collector.knocks for message in knock.batch]
    told = [message["context"]["consent"] for message in messages]
    assert told == [{"categoryPreferences": {"analytics": True, "marketing": False}}] * 2


def test_consent_is_remembered_on_the_next_page(page: Page, site: Site, collector: Collector):
    site.attributes = 'data-consent="statistics"'
    opened(page, site)
    page.evaluate("ciq('consent', { statistics: true })")
    collector.arrived("page_viewed")
    opened(page, site, "/next")
    collector.arrived("page_viewed", "page_viewed")


@pytest.mark.parametrize("refusal", ["ciq('consent', { analytics: false })", "ciq('optOut')", "ciq('forget')"])
def test_a_refusal_ends_all_and_takes_back_what_waits(
    context: BrowserContext, page: Page, site: Site, collector: Collector, refusal: str
):
    opened(page, site)
    collector.arrived("page_viewed")
    page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('ciq_q'))")
    sent = collector.sends()
    page.evaluate(f"ciq('track', 'Waiting'); {refusal}; ciq('track', 'Afterwards')")
    page.evaluate("history.pushState({}, '', '/second')")
    page.goto("about:blank")
    page.goto(site.url)  # its own requests show that nothing before them is on its way
    page.wait_for_function("window.ciq?.version")
    assert collector.named("waiting") == collector.named("afterwards") == collector.named("page_engaged") == []
    assert sent.keys() <= collector.sends().keys()


@pytest.mark.parametrize("refusal", ["ciq('consent', { analytics: false })", "ciq('optOut')"])
def test_a_refusal_lasts(page: Page, site: Site, collector: Collector, refusal: str):
    opened(page, site)
    collector.arrived("page_viewed")
    page.evaluate(refusal)
    page.wait_for_function(f"{STORED}.every(name => ['ciq_consent', 'ciq_optOut'].includes(name))")
    before = len(collector.knocks_at("/v1/batch"))
    opened(page, site, "/next")
    page.evaluate(BUSY)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    opened(page, site, "/third")
    assert len(collector.knocks_at("/v1/batch")) == before


def test_a_refusal_before_the_core_is_there_lasts_too(page: Page, site: Site, collector: Collector):
    collector.hold_script()
    site.head = "<script>ciq('track', 'Early'); ciq('optOut')</script>"
    page.goto(site.url, wait_until="commit")
    page.wait_for_function("window.ciq?.q?.length === 3 && document.querySelector('[data-key]')")
    page.goto("about:blank")
    collector.release_script()
    site.head = ""
    opened(page, site, "/next")
    assert page.evaluate(STORED) == ["ciq_optOut"]
    assert asked_of(collector) == set()


def test_who_opts_in_again_is_a_new_visitor(page: Page, site: Site, collector: Collector):
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.evaluate("ciq('optOut'); ciq('optIn')")
    views = collector.until(lambda: found if len(found := collector.named("page_viewed")) == 2 else None)
    assert views[1].profile != first.profile
    assert collector.named("page_engaged") == []  # it would tell of the time in between


def test_who_is_forgotten_comes_back_as_somebody_else(page: Page, site: Site, collector: Collector):
    opened(page, site)
    first = collector.arrived("page_viewed")[0]
    page.evaluate("ciq('forget')")
    page.wait_for_function(f"!{STORED}.length")
    opened(page, site, "/next")
    views = collector.until(lambda: found if len(found := collector.named("page_viewed")) == 2 else None)
    assert views[1].profile != first.profile


def test_without_cookies_nothing_is_kept_and_visits_of_a_day_are_one_visitors(
    context: BrowserContext, page: Page, site: Site, collector: Collector
):
    site.attributes, site.collector_host = "data-cookieless", "localhost"
    opened(page, site)
    page.evaluate("ciq('track', 'Here')")
    collector.arrived("page_viewed", "here")
    opened(page, site, "/next")
    events = collector.arrived("page_viewed", "page_viewed", "here", "page_engaged")
    [profile] = {event.profile for event in events}
    assert profile.startswith("anon:day_")
    assert (page.evaluate(STORED), context.cookies(), collector.knocks_at("/pixel/id")) == ([], [], [])


@pytest.mark.parametrize("attributes", ["data-cookieless", ""])
def test_what_waits_in_a_tab_is_dropped_by_an_opt_out_in_another(
    context: BrowserContext, page: Page, site: Site, collector: Collector, attributes: str
):
    site.attributes = attributes
    other = context.new_page()
    for tab in (page, other):
        opened(tab, site)
        tab.evaluate("ciq('track', 'Here')")
    collector.until(lambda: len(collector.named("here")) == 2)
    context.set_offline(True)
    other.evaluate("ciq('track', 'Waiting')")
    page.evaluate("ciq('optOut')")
    other.wait_for_function("localStorage.ciq_optOut")  # another process learns of it a moment later
    context.set_offline(False)
    other.evaluate("dispatchEvent(new Event('online')); dispatchEvent(new PageTransitionEvent('pagehide'))")
    other.evaluate("fetch('/last')")
    opened(page, site, "/after")
    assert "waiting" not in {event.name for event in collector.events()}


def test_without_cookies_the_stub_keeps_nothing_either(
    context: BrowserContext, page: Page, site: Site, collector: Collector
):
    collector.hold_script()
    site.attributes = "data-cookieless"
    page.goto(site.url, wait_until="commit")
    page.wait_for_function("window.ciq?.q && document.querySelector('[data-key]')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert collector.arrived("page_viewed")[0].profile.startswith("anon:day_")
    assert page.evaluate(STORED) == []


def test_going_cookieless_removes_what_was_kept(page: Page, site: Site, collector: Collector):
    opened(page, site)
    collector.arrived("page_viewed")
    site.attributes = "data-cookieless"
    opened(page, site, "/next")
    page.wait_for_function(f"!{STORED}.length")


def test_without_script_the_picture_counts_the_view(visitor: Visitors, site: Site, collector: Collector):
    context = visitor(java_script_enabled=False)
    context.new_page().goto(f"{site.url}/plain")
    view = collector.arrived("page_viewed")[0]
    assert view.profile.startswith("anon:day_")
