"""The whole product in a real browser: a cart left behind, the mail that follows, an outage that raises an alert."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import chromium
from tests.e2e.harness import Platform
from tests.e2e.hook_receiver import HookReceiver
from tests.e2e.mail_server import MailServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

WINDOW_S = 5.0
LATE_S = 30.0


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def hooks() -> Iterator[HookReceiver]:
    with HookReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def platform(tmp_path_factory, mail, hooks) -> Iterator[Platform]:
    settings = {**mail.settings, **hooks.settings, "DEMO__CART_WINDOW_S": WINDOW_S}
    with Platform(tmp_path_factory.mktemp("demo") / "data", settings, demo=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def dashboard(browser, platform) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.goto(platform.bootstrap["sign_in_url"])
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "open")
    return page


def visitor(browser: Browser, platform: Platform, email: str) -> Page:
    """Somebody new, who leaves an address in the newsletter form."""
    page = browser.new_context().new_page()
    page.goto(f"{platform.url}/shop/")
    page.get_by_test_id("newsletter-name").fill("Ada Lovelace")
    page.get_by_test_id("newsletter-email").fill(email)
    page.get_by_test_id("newsletter-submit").click()
    expect(page.get_by_test_id("newsletter-note")).to_be_visible()
    return page


def put_into_cart(page: Page, platform: Platform, slug: str) -> None:
    page.goto(f"{platform.url}/shop/p/{slug}")
    page.get_by_test_id("add-to-cart").click()
    expect(page.get_by_test_id("added")).to_be_visible()


def buy(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.url}/shop/checkout")
    page.get_by_test_id("checkout-name").fill("Grace Hopper")
    page.get_by_test_id("checkout-email").fill("grace@example.com")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-number")).to_be_visible()


def profile_of(platform: Platform, email: str) -> str:
    lead = platform.until(f"a lead {email}", lambda: platform.get("/api/leads", search=email)["leads"])
    return str(lead[0]["id"])


def test_a_cart_left_behind_is_recovered_and_a_purchase_is_left_alone(browser, dashboard, platform, mail):
    buyer = visitor(browser, platform, "grace@example.com")
    put_into_cart(buyer, platform, "dune-cups")
    buy(buyer, platform)
    leaver = visitor(browser, platform, "ada@example.com")
    put_into_cart(leaver, platform, "gooseneck-kettle")
    leaver.close()

    profile = profile_of(platform, "ada@example.com")
    mine = f"[data-profile='{profile}']"
    feed = dashboard.get_by_test_id("feed-events").locator(mine)
    expect(feed.and_(dashboard.locator("[data-name=product_added]")).first).to_be_visible()
    expect(dashboard.get_by_test_id("feed-leads").locator(mine)).to_be_visible()

    found = mail.wait_for("ada@example.com", WINDOW_S + LATE_S)
    assert "Gooseneck" in found.text()
    assert "$89.00" in found.text("html")
    outgoing = dashboard.get_by_test_id("feed-outgoing").locator(mine)
    expect(outgoing.and_(dashboard.locator("[data-rule=cart_abandoned]"))).to_be_visible()
    expect(outgoing.and_(dashboard.locator("[data-kind=delivery][data-status=sent]")).first).to_be_visible()
    # Grace's window would have closed before Ada's.
    assert not [m for m in mail.to("grace@example.com") if "left something" in m.message["subject"]]


def test_the_link_in_the_mail_brings_the_cart_back(browser, platform, mail):
    found = mail.wait_for("ada@example.com", LATE_S)
    link = re.search(r"http://\S+restore=\S+", found.text())
    page = browser.new_context().new_page()
    page.goto(link.group(0))
    expect(page.get_by_test_id("cart-line")).to_contain_text("Gooseneck")


def test_the_page_says_how_old_its_data_is_and_how_much_happens(dashboard):
    expect(dashboard.get_by_test_id("data-age")).to_have_attribute("data-state", "fresh")
    expect(dashboard.get_by_test_id("events-total")).not_to_have_attribute("data-value", "0")


def test_an_outage_raises_an_alert_on_the_page_by_mail_and_by_signed_webhook(browser, dashboard, platform, mail, hooks):
    platform.until("traffic of the mobile app", lambda: watched_for(platform, "mobile-app") >= 70, 150)
    switches = browser.new_context().new_page()
    switches.goto(f"{platform.url}/shop/controls")
    switches.get_by_test_id("outage").click()
    alert = dashboard.get_by_test_id("alert-source_silent")
    expect(alert).to_have_attribute("data-state", "firing", timeout=120_000)
    assert "mobile-app" in mail.wait_for("on-call@saltmoor.example", LATE_S).message["subject"]
    assert "mobile-app" in str(hooks.wait_for("alert.firing", LATE_S)["data"])


def watched_for(platform: Platform, source: str) -> float:
    """Seconds since the source's first event."""
    now_ms = int(time.time() * 1000)
    series = platform.get(
        "/api/metrics/events", start_ms=now_ms - 600_000, stop_ms=now_ms, step_ms=10_000, source=source
    )["series"]
    first = min((points["points"][0][0] for points in series), default=now_ms)
    return (now_ms - first) / 1000
