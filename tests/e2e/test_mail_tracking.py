"""A mail goes out, its reader opens it and follows its link: both are told, count once, and warm the lead."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from tests.e2e.harness import Platform
from tests.e2e.mail_server import MailServer

pytestmark = pytest.mark.slow

WHO = "ada@example.com"
SHOP = "https://shop.example"
CART = {"product_id": "mug", "name": "Mug", "price": 12.5, "quantity": 1, "cart_url": f"{SHOP}/cart?id=7"}
SETTINGS = {"ENGINE__CART_WINDOW_S": 1, "MESSAGES__SHOP_URL": SHOP}


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, mail: MailServer) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("tracking") / "data", SETTINGS | mail.settings) as running:
        yield running


@pytest.fixture(scope="module")
def html(platform: Platform, mail: MailServer) -> str:
    """The recovery mail as its reader's program gets it."""
    message = {"userId": "ada", "event": "Product Added", "properties": CART, "context": {"traits": {"email": WHO}}}
    httpx.post(f"{platform.url}/v1/track", auth=(platform.bootstrap["write_key"], ""), json=message).raise_for_status()
    return mail.wait_for(WHO, 60).text("html")


def test_what_a_reader_does_is_told_once_and_makes_a_score(platform: Platform, html: str):
    pixel = unescape(re.search(r'<img src="([^"]+/o/[^"]+)"', html)[1])
    links = [unescape(url) for url in re.findall(r'href="([^"]+/c/[^"]+)"', html)]
    reader = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    targets = set()
    for _ in range(2):
        assert httpx.get(pixel, headers=reader).headers["content-type"] == "image/gif"
        targets |= {httpx.get(link, headers=reader).headers["location"] for link in links}
    cart = f"{SHOP}/cart?id=7&utm_source=campaigniq&utm_medium=email&utm_campaign=cart_recovery"
    assert targets == {SHOP, cart}
    expected = {"email_opened": 1, "email_clicked": 2}
    platform.until("both counted", lambda: expected.items() <= platform.event_totals().items())

    def told() -> dict[str, int]:
        return {c["rule"]: c["count"] for c in platform.get("/api/leads/ada/score")["contributions"]}

    platform.until("both scored", lambda: told().keys() >= expected.keys())
    assert told() == expected


def test_a_mail_program_that_asks_not_to_be_recorded_is_not(platform: Platform, html: str):
    link = unescape(re.search(r'href="([^"]+/c/[^"]+)"', html)[1])
    platform.until("the mail is counted", lambda: platform.event_totals()["email_sent"])
    before = platform.event_totals()
    assert httpx.get(link, headers={"Sec-GPC": "1"}).status_code == 302
    assert platform.event_totals() == before


def test_a_changed_link_leads_nowhere(platform: Platform, html: str):
    link = unescape(re.search(r'href="([^"]+/c/[^"]+)"', html)[1])
    other = "A" if link[-9] != "A" else "B"
    answer = httpx.get(f"{link[:-9]}{other}{link[-8:]}")
    assert (answer.status_code, "location" in answer.headers) == (404, False)
