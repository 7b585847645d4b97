"""Mails tell of opens and clicks: which links are led through the platform, and which never are."""

import re
from html import unescape

import pytest

from sinks.channels.mime import mail_bytes
from sinks.tracking import MailTracking, with_pixel
from streams.model.links import Link
from tests.unit.sinks.fakes_sinks import NOW, SETTINGS, SIGNER, cart_delivery, renderer
from tests.unit.sinks.test_rendering import alert, alert_delivery

TRACKED = SETTINGS.model_copy(update={"track_opens": True, "track_clicks": True})
SENDER = "Nordlys <no-reply@shop.io>"
DELIVERY = cart_delivery()


def tokens(html: str, path: str) -> list[Link | None]:
    return [SIGNER.read(found) for found in re.findall(rf"https://ciq\.io/{path}/([\w-]+)", html)]


def wrapped(html: str, unsubscribe_url: str = "https://ciq.io/u/x") -> str:
    return MailTracking(SIGNER, "https://ciq.io", TRACKED).wrapped(html, DELIVERY, unsubscribe_url)


def test_every_link_of_a_mail_but_the_way_out_is_led_through_here():
    message = renderer(TRACKED).render(DELIVERY)
    targets = {link.url for link in tokens(message.html, "c") if link}
    cart = "https://shop.io/cart?utm_source=campaigniq&utm_medium=email&utm_campaign=cart_recovery"
    assert targets == {"https://shop.io/", cart}
    left = [unescape(url) for url in re.findall(r'href="([^"]*)"', message.html) if "/c/" not in url]
    assert left == [message.unsubscribe_url]


def test_the_plain_text_keeps_its_addresses():
    assert renderer(TRACKED).render(DELIVERY).text == renderer().render(DELIVERY).text


def test_the_pixel_is_in_the_mail_that_goes_out_and_not_in_what_is_looked_at():
    message = renderer(TRACKED).render(DELIVERY)
    link = Link(DELIVERY.workspace, DELIVERY.id, DELIVERY.campaign, DELIVERY.profile)
    assert tokens(message.html, "o") == []
    sent = mail_bytes(DELIVERY, message, SENDER, "", NOW).replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()
    assert tokens(sent, "o") == [link]
    assert sent.index("/o/") < sent.index("</body>")


def test_nothing_is_tracked_when_the_settings_say_so():
    message = renderer().render(DELIVERY)
    assert "/c/" not in message.html
    assert message.pixel == ""


def test_mails_to_the_team_tell_nothing():
    message = renderer(TRACKED).render(alert_delivery("email", alert()))
    assert "/c/" not in message.html
    assert message.pixel == ""


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:a@b.c">x</a>',
        '<a href="tel:+49">x</a>',
        '<a href="#top">x</a>',
        '<a href="/relative">x</a>',
        '<a href="">x</a>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="https://ciq.io/u/x">out</a>',
        f'<a href="https://shop.io/{"x" * 2_000}">long</a>',
        '<img src="https://shop.io/m.png">',
        '<link rel="x" href="https://shop.io/s.css">',
        '<a data-href="https://shop.io/">x</a>',
    ],
)
def test_what_is_no_link_to_a_page_stays(html: str):
    assert wrapped(html) == html


def test_a_link_is_read_as_a_browser_reads_it():
    found = wrapped('<A class="b" HREF="https://shop.io/?a=1&amp;b=&quot;2&quot;" style="x">y</A>')
    assert [link.url for link in tokens(found, "c") if link] == ['https://shop.io/?a=1&b="2"']
    assert found.endswith('" style="x">y</A>')


def test_a_mail_without_a_body_element_gets_the_pixel_at_its_end():
    assert with_pixel("<p>Hi</p>", "<img>") == "<p>Hi</p><img>"
