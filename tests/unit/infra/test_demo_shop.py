"""The demo shop's pages, as a browser's requests see them."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.demo import shop
from infra.demo.catalogue import PRODUCTS, restore_url, tracked
from infra.demo.controls import TrafficStatus
from infra.demo.shop import PIXEL_STUB, create_shop

PAGES = ["/", "/cart", "/checkout", "/thanks", "/pricing", "/tasting", "/controls", *(p.path for p in PRODUCTS)]
STATIC = Path(shop.__file__).parent / "static"


class FakeTraffic:
    def __init__(self):
        self.calls = []

    def pause(self, source, seconds):
        self.calls.append(("pause", source, seconds))

    def burst(self, factor, seconds):
        self.calls.append(("burst", factor, seconds))

    def normal(self):
        self.calls.append(("normal",))

    def status(self):
        return TrafficStatus({"mobile-app": 42.0}, 1.0, 0.0)


def browser(app: Starlette) -> httpx.AsyncClient:
    site = Starlette(routes=[Mount("/shop", app)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://127.0.0.1")


@pytest.fixture
def traffic():
    return FakeTraffic()


@pytest.fixture
async def client(traffic) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(create_shop("key-<1>", controls=traffic, cart_window_s=20)) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_carries_the_pixel(client, path):
    page = await client.get(f"/shop{path}")
    assert page.status_code == 200
    assert '<script async src="/pixel.js" data-key="key-&lt;1&gt;"></script>' in page.text


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_needs_anything_from_elsewhere(client, path):
    page = (await client.get(f"/shop{path}")).text
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [link for link in links if not link.startswith(("/", "#"))] == []


@pytest.mark.parametrize("path", PAGES)
async def test_links_inside_the_shop_lead_somewhere(client, path):
    page = (await client.get(f"/shop{path}")).text
    links = {link.partition("#")[0] for link in re.findall(r'(?:src|href)="(/shop[^"]*)"', page)}
    assert {link: s for link in links if (s := (await client.get(link)).status_code) != 200} == {}


async def test_the_policy_allows_the_pixels_stub_and_no_other_inline_script(client):
    page = await client.get("/shop/")
    digest = base64.b64encode(hashlib.sha256(PIXEL_STUB.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in page.headers["content-security-policy"]
    assert re.findall(r"<script>(.*?)</script>", page.text) == [PIXEL_STUB]


async def test_a_pixel_from_another_host_is_allowed_by_the_policy():
    async with browser(create_shop("k", pixel_src="https://ciq.example.com/pixel.js")) as client:
        policy = (await client.get("/shop/")).headers["content-security-policy"]
    assert policy.count(" https://ciq.example.com") == 3


async def test_every_product_has_a_page_with_name_price_and_picture(client):
    for product in PRODUCTS:
        page = (await client.get(f"/shop/p/{product.slug}")).text
        assert f"<h1>{product.name}</h1>" in page
        assert f"${product.price:.2f}" in page
        assert (STATIC / "products" / f"{product.slug}.svg").is_file()


def test_pictures_are_light():
    assert sum(path.stat().st_size for path in STATIC.rglob("*.svg")) < 60_000


@pytest.mark.parametrize("path", ["/p/nothing", "/nothing", "/static/nothing.css"])
async def test_a_page_that_does_not_exist_is_a_friendly_404(client, path):
    page = await client.get(f"/shop{path}")
    assert page.status_code == 404
    assert "This shelf is empty" in page.text


async def test_a_form_sent_without_script_leaks_nothing_and_says_why(client):
    page = await client.post("/shop/", data={"email": "ada@example.com"})
    assert page.status_code == 405
    assert "need JavaScript" in page.text


async def test_static_files_are_asked_for_again_so_that_a_release_is_seen(client):
    first = await client.get("/shop/static/js/shop.js")
    again = await client.get("/shop/static/js/shop.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.status_code) == ("no-cache", 304)


@pytest.mark.parametrize(("seconds", "words"), [(20, "20 seconds"), (60, "1 minute"), (7200, "2 hours"), (90, "90 s")])
async def test_controls_tell_the_window(seconds, words):
    async with browser(create_shop("k", cart_window_s=seconds)) as client:
        assert f'data-testid="window">{words}' in (await client.get("/shop/controls")).text


async def test_controls_tell_what_the_traffic_does(client):
    assert "mobile-app is quiet for another 42 s." in (await client.get("/shop/controls")).text


@pytest.mark.parametrize(
    ("action", "call"),
    [("outage", ("pause", "mobile-app", 60.0)), ("burst", ("burst", 8.0, 30.0)), ("normal", ("normal",))],
)
async def test_a_button_drives_the_traffic(client, traffic, action, call):
    answer = await client.post(f"/shop/controls/{action}", headers={"Origin": "http://127.0.0.1"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/shop/controls?done={action}")
    assert traffic.calls == [call]


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
async def test_another_site_cannot_press_the_buttons(client, traffic, headers):
    answer = await client.post("/shop/controls/outage", headers=headers)
    assert (answer.status_code, traffic.calls) == (403, [])


async def test_an_unknown_button_is_not_found(client):
    answer = await client.post("/shop/controls/explode", headers={"Origin": "http://127.0.0.1"})
    assert answer.status_code == 404


async def test_without_traffic_no_buttons_are_offered():
    async with browser(create_shop("k")) as client:
        assert 'data-testid="outage"' not in (await client.get("/shop/controls")).text
        answer = await client.post("/shop/controls/outage", headers={"Origin": "http://127.0.0.1"})
    assert answer.status_code == 404


async def test_an_address_cannot_put_words_on_the_controls_page(client):
    assert "<b>hi" not in (await client.get("/shop/controls?done=<b>hi")).text


def test_tracked_products_have_absolute_links():
    line = tracked(PRODUCTS[0], "http://127.0.0.1/shop", 2)
    assert line["image_url"] == "http://127.0.0.1/shop/static/products/everyday-teapot.svg"
    assert (line["url"], line["quantity"]) == ("http://127.0.0.1/shop/p/everyday-teapot", 2)


def test_a_restore_link_names_products_and_quantities():
    link = restore_url("http://127.0.0.1/shop", [(PRODUCTS[0], 2), (PRODUCTS[1], 1)])
    assert link == "http://127.0.0.1/shop/cart?restore=everyday-teapot:2,dune-cups:1"
