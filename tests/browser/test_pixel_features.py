"""The pixel in a real Chromium: what it sees by itself, and what it must not look at."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page

from streams.model.events import Event
from tests.browser.collector import Collector, Site

pytestmark = pytest.mark.browser

PURCHASE = """{ transaction_id: 'T1', value: 30, currency: 'EUR',
  items: [{ item_id: 'mug', item_name: 'Mug', price: 15, quantity: 2 }] }"""
GTAG = "function gtag() { dataLayer.push(arguments) }"


def opened(page: Page, site: Site, path: str = "/") -> None:
    page.goto(site.url + path)
    page.wait_for_function("window.ciq?.version")


def views(collector: Collector, count: int) -> list[Event]:
    return collector.until(lambda: found if len(found := collector.named("page_viewed")) == count else None)


def settled(page: Page) -> None:
    page.wait_for_function("!Object.keys(localStorage).some(name => name.startsWith('ciq_q'))")


@pytest.mark.parametrize("call", ["pushState", "replaceState"])
def test_a_place_of_a_single_page_app_is_a_view(page: Page, site: Site, collector: Collector, call: str):
    opened(page, site, "/?utm_campaign=spring")
    page.evaluate(f"history.{call}({{}}, '', '/pricing')")
    first, second = views(collector, 2)
    assert (second.properties["path"], second.campaign) == ("/pricing", "spring")
    assert second.properties["referrer"] == f"{site.url}/?utm_campaign=spring"
    assert second.properties["session_id"] == first.properties["session_id"]
    assert collector.arrived("page_engaged")[0].properties["path"] == "/"


def test_going_back_is_a_view_and_the_same_place_is_none(page: Page, site: Site, collector: Collector):
    opened(page, site)
    page.evaluate("history.pushState({}, '', '/a'); history.replaceState({ scroll: 1 }, '', '/a#part')")
    views(collector, 2)
    page.evaluate("history.back()")
    assert [view.properties["path"] for view in views(collector, 3)] == ["/", "/a", "/"]
    settled(page)
    assert len(collector.named("page_viewed")) == 3


def test_a_page_from_the_browsers_cache_is_a_view(page: Page, site: Site, collector: Collector):
    opened(page, site)
    views(collector, 1)
    page.evaluate(
        "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));"
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
    )
    views(collector, 2)
    settled(page)
    assert len(collector.named("page_engaged")) == 1


def test_a_prerendered_page_counts_once_it_is_shown(
    context: BrowserContext, page: Page, site: Site, collector: Collector
):
    context.add_init_script("Object.defineProperty(document, 'prerendering', { value: true, configurable: true })")
    opened(page, site)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert collector.knocks_at("/v1/batch") == []
    page.evaluate("delete document.prerendering; document.dispatchEvent(new Event('prerenderingchange'))")
    views(collector, 1)


def test_another_campaign_or_half_an_hour_of_silence_begins_a_session(page: Page, site: Site, collector: Collector):
    opened(page, site, "/?utm_source=a")
    opened(page, site, "/same?utm_source=a")
    opened(page, site, "/other?utm_source=b")
    settled(page)
    page.evaluate("""() => {
      const session = JSON.parse(localStorage.ciq_session)
      addEventListener('pagehide', () => {
        localStorage.ciq_session = JSON.stringify({ ...session, at: Date.now() - 31 * 60000 })
      })
    }""")
    opened(page, site, "/later")
    sessions = {view.properties["path"]: view.properties["session_id"] for view in views(collector, 4)}
    assert sessions["/"] == sessions["/same"]
    assert len(set(sessions.values())) == 3


def test_time_and_depth_of_a_view_are_told_once(page: Page, site: Site, collector: Collector):
    site.body = '<div style="height: 4000px"></div>'
    opened(page, site)
    page.evaluate("scrollTo(0, 1500)")
    page.wait_for_function("scrollY > 1000")
    page.wait_for_timeout(60)  # the time that is to be measured
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))"
    )
    engaged = collector.arrived("page_engaged")[0].properties
    assert 40 < engaged["scroll_percent"] < 70
    assert 50 < engaged["engaged_ms"] < 60_000
    page.goto("about:blank")
    opened(page, site, "/next")
    views(collector, 2)
    assert [event.properties["path"] for event in collector.named("page_engaged")] == ["/"]


def test_links_to_other_sites_and_files_are_told_with_where_they_lead_and_no_more(
    page: Page, site: Site, collector: Collector
):
    site.body = (
        '<a id=out href="https://partner.example/offer?who=ada@example.com#x" target=_blank>Partner <b>now</b></a>'
        '<a id=file href="/files/Menu.PDF">Menu</a><a id=own href="/next">Next</a>'
        '<a id=mail href="mailto:ada@example.com">Mail</a>'
    )
    page.context.route("https://partner.example/**", lambda route: route.fulfill(body="partner"))
    opened(page, site)
    page.click("#out b")
    page.click("#mail")
    page.click("#file")
    left, file = collector.arrived("outbound_link_clicked", "file_downloaded")
    assert left.properties["url"] == "https://partner.example/offer"
    assert (file.properties["extension"], file.properties["url"]) == ("PDF", f"{site.url}/files/Menu.PDF")
    opened(page, site)
    page.click("#own")
    page.wait_for_url("**/next")
    settled(page)
    assert len(collector.named("outbound_link_clicked") + collector.named("file_downloaded")) == 2


SECRETS = """
<input name=password type=password value=hunter2><input name=shown_password type=text value=hunter3>
<input name=csrf type=hidden value=hunter4><input name=number autocomplete=cc-number value=hunter5>
<input name=cardNumber value=hunter6><input name=free value="my 4111 1111-1111 1111 thanks">
<input name=cvc value=hunter7><input name=code autocomplete=one-time-code value=hunter8>
<input name=new1 autocomplete="section-a new-password" value=hunter9><input name=iban value=hunterA>
<input type=tel name=num value=4111111111111111><div data-ciq-ignore><input name=salary value=hunterB></div>
<input name=note data-ciq-ignore value=hunterC><input name=plan type=radio value=hunterD>
<button name=button value=hunterE>Go</button><textarea name=api_token>hunterF</textarea>"""


def test_a_marked_form_tells_its_answers_and_no_secret(page: Page, site: Site, collector: Collector):
    site.body = f"""<form data-ciq-form="contact" onsubmit="return false">
      <input name=company value="Tea & Co"><input name=email type=email value=ada@example.com>
      <input name=phone type=tel value="+49 1512 3456789"><select name=size><option>10</option></select>
      <input name=plan type=radio value=pro checked><input name=news type=checkbox value=yes checked>
      {SECRETS}</form>"""
    opened(page, site)
    page.click("button")
    form = collector.arrived("form_submitted")[0]
    assert form.properties["form_id"] == "contact"
    assert form.properties["fields"] == {
        "company": "Tea & Co",
        "email": "ada@example.com",
        "phone": "+49 1512 3456789",
        "size": "10",
        "plan": "pro",
        "news": "yes",
    }
    assert form.keys.email == "ada@example.com"
    sent = b"".join(knock.body for knock in collector.knocks)
    assert re.search(rb"hunter|4111\D?1111", sent) is None


TOGGLED = """<form data-ciq-form=f onsubmit="return false"><input name=elements value=mine><input name=id value=x1>
<input id=a name=mine type=password><input id=b name=theirs type=password value=hunter2><button>Go</button></form>
<input name=outside value=hunter3>"""


def test_a_password_that_is_shown_remains_one_and_no_name_of_an_input_disturbs(
    page: Page, site: Site, collector: Collector
):
    site.body = TOGGLED
    opened(page, site)
    page.fill("#a", "hunter1")
    page.evaluate("for (const field of document.querySelectorAll('[type=password]')) field.type = 'text'")
    page.click("button")
    form = collector.arrived("form_submitted")[0]
    assert form.properties["fields"] == {"elements": "mine", "id": "x1"}
    assert b"hunter" not in b"".join(knock.body for knock in collector.knocks)


@pytest.mark.parametrize(
    "head",
    [
        "<div id=dataLayer></div>",
        "<script>window.dataLayer = { push() {} }</script>",
        "<script>dataLayer = 'x'</script>",
    ],
    ids=["element", "object", "text"],
)
def test_another_data_layer_than_googles_disturbs_nothing(page: Page, site: Site, collector: Collector, head: str):
    site.head = head
    opened(page, site)
    page.evaluate("ciq('track', 'Here')")
    collector.arrived("page_viewed", "here")
    page.evaluate("ciq('optOut')")
    page.wait_for_function("Object.keys(localStorage).filter(name => name.startsWith('ciq_')) == 'ciq_optOut'")


def test_what_google_is_told_of_a_person_is_left_out(page: Page, site: Site, collector: Collector):
    opened(page, site)
    page.evaluate(f"""(() => {{ {GTAG}
      gtag('event', 'purchase', {{ ...{PURCHASE}, user_data: {{ email: 'plain@x.co' }} }})
      gtag('event', 'login', {{ method: 'mail', password: 'hunter' }}) }})()""")
    order, login = collector.arrived("order_completed", "logged_in")
    assert (order.value, login.properties["method"]) == (30, "mail")
    sent = b"".join(knock.body for knock in collector.knocks)
    assert re.search(rb"plain@x.co|hunter", sent) is None


def test_a_form_that_is_not_marked_is_not_looked_at(page: Page, site: Site, collector: Collector):
    site.body = "<form onsubmit='return false'><input name=name value=Ada><button>Go</button></form>"
    opened(page, site)
    page.click("button")
    views(collector, 1)
    settled(page)
    assert {event.name for event in collector.events()} == {"page_viewed"}


@pytest.mark.parametrize(
    "push",
    [
        f"{GTAG}; gtag('event', 'purchase', {PURCHASE})",
        f"dataLayer.push({{ event: 'purchase', ecommerce: {PURCHASE} }})",
    ],
    ids=["gtag", "tag manager"],
)
@pytest.mark.parametrize("is_early", [True, False], ids=["before", "after"])
def test_what_google_is_told_of_an_order_is_an_order(
    page: Page, site: Site, collector: Collector, push: str, is_early: bool
):
    if is_early:
        site.head = f"<script>window.dataLayer = window.dataLayer || []; {push}</script>"
    opened(page, site)
    if not is_early:
        page.evaluate(f"(() => {{ {push} }})()")
    order = collector.arrived("order_completed")[0]
    assert (order.value, order.currency, order.properties["order_id"]) == (30, "EUR", "T1")
    assert order.properties["products"][0]["product_id"] == "mug"
    settled(page)
    assert len(collector.named("order_completed")) == 1


GOOGLES = {
    "view_item": "product_viewed",
    "view_item_list": "product_list_viewed",
    "add_to_cart": "product_added",
    "remove_from_cart": "product_removed",
    "view_cart": "cart_viewed",
    "begin_checkout": "checkout_started",
    "add_payment_info": "payment_info_entered",
    "refund": "order_refunded",
    "sign_up": "signed_up",
    "login": "logged_in",
    "generate_lead": "form_submitted",
    "search": "products_searched",
}


def test_googles_names_become_ours(page: Page, site: Site, collector: Collector):
    opened(page, site)
    for theirs in GOOGLES:
        page.evaluate(f"dataLayer.push({{ event: '{theirs}', ecommerce: {PURCHASE} }})")
    collector.arrived(*GOOGLES.values())


def test_what_else_google_is_told_stays_its_own(page: Page, site: Site, collector: Collector):
    opened(page, site)
    page.evaluate(f"""(() => {{ {GTAG}
      gtag('js', new Date()); gtag('config', 'G-1'); gtag('event', 'page_view'); gtag('event', 'my_secret_event')
      dataLayer.push({{ event: 'gtm.js' }}, {{ ecommerce: null }}, null, 'text', {{ user: 'ada' }})
      window.pushed = dataLayer.push({{ event: 'scroll' }}) }})()""")
    views(collector, 1)
    settled(page)
    assert {event.name for event in collector.events()} == {"page_viewed"}
    assert page.evaluate("pushed === dataLayer.length && pushed === 10")


def test_the_data_layer_can_be_left_alone(page: Page, site: Site, collector: Collector):
    site.attributes = 'data-layer=""'
    opened(page, site)
    assert page.evaluate("window.dataLayer === undefined")


def test_the_sites_other_domain_learns_who_comes(page: Page, site: Site, collector: Collector):
    other = f"http://127.0.0.1:{site.port}"
    site.attributes = 'data-domains="localhost, 127.0.0.1"'
    site.body = f'<a href="{other}/there?x=%20#part">There</a>'
    opened(page, site)
    page.click("a")
    page.wait_for_function("location.hostname === '127.0.0.1' && window.ciq?.version")
    here, there = views(collector, 2)
    assert there.profile == here.profile
    assert page.url == f"{other}/there?x=%20#part"
    assert "_ciq" not in there.properties["url"]
    assert collector.named("outbound_link_clicked") == []


def test_a_visitor_known_there_is_joined(page: Page, site: Site, collector: Collector):
    other = f"http://127.0.0.1:{site.port}"
    site.attributes = 'data-domains="localhost 127.0.0.1"'
    site.body = f'<a href="{other}/there">There</a>'
    page.goto(f"{other}/before")
    [before] = views(collector, 1)
    opened(page, site)
    page.click("a")
    alias = collector.arrived("aliased")[0]
    assert f"anon:{alias.properties['previous_id']}" == before.profile
    assert alias.profile != before.profile


def test_who_came_by_a_link_and_opts_out_and_in_is_somebody_else(page: Page, site: Site, collector: Collector):
    site.attributes = 'data-domains="localhost 127.0.0.1" data-cookie="off"'
    site.body = f'<a href="http://127.0.0.1:{site.port}/there">There</a>'
    opened(page, site)
    page.click("a")
    page.wait_for_function("location.hostname === '127.0.0.1' && window.ciq?.version")
    views(collector, 2)
    page.evaluate("ciq('optOut'); ciq('optIn'); ciq('track', 'Again')")
    [again] = collector.arrived("again")
    assert again.profile not in {view.profile for view in views(collector, 3)[:2]}


@pytest.mark.parametrize("spoil", ["stale", "changed", "from elsewhere"])
def test_a_link_that_is_old_changed_or_planted_names_nobody(page: Page, site: Site, collector: Collector, spoil: str):
    site.attributes = 'data-domains="localhost 127.0.0.1"'
    site.body = f'<a href="http://127.0.0.1:{site.port}/there">There</a>'
    opened(page, site)
    [here] = views(collector, 1)
    passed = page.evaluate("""() => new Promise(done => addEventListener('click', event => {
      done(event.target.closest('a').href)
      event.preventDefault()
    }) || document.querySelector('a').click())""")
    assert "_ciq=" in passed
    link = {
        "stale": passed,
        "changed": passed.replace("_ciq=", "_ciq=x"),
        "from elsewhere": passed,
    }[spoil]
    if spoil == "stale":
        page.context.add_init_script("Date.now = (now => () => now() + 121000)(Date.now)")
    page.goto(link, referer=None if spoil == "from elsewhere" else f"{site.url}/")
    page.wait_for_function("window.ciq?.version")
    there = views(collector, 2)[1]
    assert there.profile != here.profile
    assert page.url == f"http://127.0.0.1:{site.port}/there"


def test_a_visitor_stays_known_until_reset(page: Page, site: Site, collector: Collector):
    opened(page, site)
    page.evaluate(
        "ciq('identify', 'u9', { email: 'A@b.io' }); ciq('track', 'x'); ciq('group', 'g1', { plan: 'pro' });"
        "ciq('reset'); ciq('track', 'y'); ciq('identify', { name: 'Ada' }); ciq('alias', 'u10', 'u9')"
    )
    x, y, group, alias = collector.arrived("x", "y", "grouped", "aliased")
    assert (x.profile, x.keys.user_id, group.properties["group_id"]) == ("user:u9", "u9", "g1")
    assert y.keys.user_id is None
    assert y.keys.anonymous_id != x.keys.anonymous_id
    assert (alias.profile, alias.properties["previous_id"]) == ("user:u10", "u9")


def test_a_page_view_of_ones_own_and_unknown_calls(page: Page, site: Site, collector: Collector):
    opened(page, site)
    with page.expect_console_message(lambda message: "dance" in message.text):
        page.evaluate("ciq('page', { section: 'tea' }); ciq('dance')")
    assert views(collector, 2)[1].properties["section"] == "tea"
