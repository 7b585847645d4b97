"""The shop's script in a real browser, with a stand-in for the pixel that keeps every call."""

import json
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from infra.demo.shop import create_shop
from tests.chromium import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PIXEL = """(() => {
  const early = window.ciq.q || []
  window.calls = JSON.parse(sessionStorage.getItem('calls') || '[]')
  window.ciq = (...call) => { calls.push(call); sessionStorage.setItem('calls', JSON.stringify(calls)) }
  early.forEach((call) => ciq(...call))
})()"""


async def pixel(_):
    return Response(PIXEL, media_type="text/javascript")


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    app = Starlette(routes=[Route("/pixel.js", pixel), Mount("/shop", create_shop("wk"))])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off"))
    socket = server.config.bind_socket()
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}/shop"
    server.should_exit = True
    thread.join()
    socket.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        yield page
        assert faults == []


def calls(page: Page) -> list:
    page.wait_for_function("window.calls !== undefined")
    return json.loads(page.evaluate("sessionStorage.getItem('calls') || '[]'"))


def tracked(page: Page, name: str) -> list[dict]:
    return [call[2] for call in calls(page) if call[:2] == ["track", name]]


def names(page: Page) -> list[str]:
    return [call[1] if call[0] == "track" else call[0] for call in calls(page)]


def add(page: Page, shop: str, slug: str) -> None:
    page.goto(f"{shop}/p/{slug}")
    page.get_by_test_id("add-to-cart").click()


def test_adding_to_the_cart_is_counted_and_told_with_absolute_links(page, shop):
    page.goto(f"{shop}/p/dune-cups")
    page.get_by_test_id("quantity").select_option("2")
    page.get_by_test_id("add-to-cart").click()
    expect(page.get_by_test_id("cart-count")).to_have_text("2")
    (added,) = tracked(page, "Product Added")
    assert {key: added[key] for key in ("product_id", "price", "quantity", "currency", "url", "cart_url")} == {
        "product_id": "dune-cups",
        "price": 32,
        "quantity": 2,
        "currency": "USD",
        "url": f"{shop}/p/dune-cups",
        "cart_url": f"{shop}/cart?restore=dune-cups:2",
    }


def test_the_newsletter_identifies_and_submits(page, shop):
    page.goto(f"{shop}/")
    page.get_by_test_id("newsletter-name").fill("Ada")
    page.get_by_test_id("newsletter-email").fill("ada@example.com")
    page.get_by_test_id("newsletter-submit").click()
    expect(page.get_by_test_id("newsletter-note")).to_contain_text("Thank you, Ada")
    assert calls(page) == [
        ["identify", {"email": "ada@example.com", "first_name": "Ada"}],
        ["track", "Form Submitted", {"form": "newsletter"}],
    ]


def test_a_checkout_that_is_left_has_an_address(page, shop):
    add(page, shop, "oak-tray")
    page.goto(f"{shop}/checkout")
    page.get_by_test_id("checkout-email").fill("ada@example.com")
    page.get_by_test_id("checkout-name").focus()
    assert names(page)[-2:] == ["identify", "Checkout Started"]


def test_an_order_is_told_once_and_empties_the_cart(page, shop):
    add(page, shop, "everyday-teapot")
    add(page, shop, "dune-cups")
    page.get_by_test_id("cart-link").click()
    page.get_by_test_id("checkout-link").click()
    expect(page.locator("#cart-totals")).to_contain_text("$96.00")  # by the script, which fills the form in, too
    page.get_by_test_id("checkout-email").fill("ada@example.com")
    page.get_by_test_id("checkout-name").fill("Ada Lovelace")
    page.get_by_test_id("place-order").click()
    page.wait_for_url("**/thanks")
    expect(page.get_by_test_id("order-number")).to_contain_text("$96.00")
    page.reload()
    (order,) = tracked(page, "Order Completed")
    assert (order["revenue"], len(order["products"]), order["order_id"][:3]) == (96, 2, "SM-")
    expect(page.get_by_test_id("cart-count")).to_have_text("0")


def test_changing_a_quantity_tells_the_difference(page, shop):
    page.goto(f"{shop}/cart?restore=dune-cups:2,oak-tray:1")
    quantity = page.get_by_label("Quantity of Dune cups")
    quantity.fill("5")
    quantity.blur()
    page.get_by_label("Remove Oval oak tray").click()
    assert [line["quantity"] for line in tracked(page, "Product Added")] == [3]
    (removed,) = tracked(page, "Product Removed")
    assert (removed["product_id"], removed["cart_url"]) == ("oak-tray", f"{shop}/cart?restore=dune-cups:5")


def test_a_restore_link_fills_the_cart_and_keeps_what_was_there(page, shop):
    add(page, shop, "oak-tray")
    page.goto(f"{shop}/cart?restore=pine-ember:2,oak-tray:1,nonsense:4&utm_campaign=cart-recovery")
    expect(page.get_by_test_id("cart-restored")).to_be_visible()
    expect(page.get_by_test_id("cart-count")).to_have_text("3")
    assert page.url == f"{shop}/cart?utm_campaign=cart-recovery"


def test_a_restore_link_with_nothing_of_ours_leaves_the_cart_empty(page, shop):
    page.goto(f"{shop}/cart?restore=__proto__:3,:2,,constructor:1")
    expect(page.get_by_test_id("cart-empty")).to_be_visible()


def test_a_discount_code_is_taken_off_the_order(page, shop):
    page.goto(f"{shop}/cart?restore=everyday-teapot:1&discount=comeback10")
    expect(page.locator("#cart-totals")).to_contain_text("$57.60")


def test_a_tasting_request_is_a_demo_request_by_somebody(page, shop):
    page.goto(f"{shop}/tasting")
    page.get_by_test_id("tasting-email").fill("bo@example.com")
    page.get_by_test_id("tasting-name").fill("Bo")
    page.get_by_test_id("tasting-submit").click()
    expect(page.get_by_test_id("tasting-note")).to_contain_text("Thank you, Bo")
    assert names(page) == ["identify", "Demo Requested"]


@pytest.mark.parametrize("path", ["/", "/p/oak-tray", "/cart?restore=oak-tray:1", "/pricing", "/tasting", "/controls"])
def test_pages_fit_a_phone(page, shop, path):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(shop + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
