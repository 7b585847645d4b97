"""Messages: what they say, and that nobody's data becomes markup or a link to elsewhere."""

import json

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.alert_routes import AlertPlanner
from sinks.campaigns import default_campaigns, plan
from sinks.content import money, safe_link, span_text, with_utm
from sinks.rendering import RenderError
from sinks.settings import AlertRouteSettings
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import Delivery
from tests.unit.sinks.fakes_sinks import NOW, SETTINGS, cart_delivery, cart_trigger, packed, renderer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def alert(state: AlertState = AlertState.FIRING, rule: str = "source_silent") -> Alert:
    return Alert("a", "w", rule, "pixel", state, NOW, NOW + 9000, 92_000, 0, 31_000, 0.98, "Nothing from pixel")


def alert_delivery(route: str, found: Alert) -> Delivery:
    settings = (
        AlertRouteSettings(email="on@call.io") if route == "email" else AlertRouteSettings(webhook_url="https://h")
    )
    return AlertPlanner(settings).deliveries(packed(found)[0], NOW)[0]


def test_the_recovery_mail_says_what_the_marketers_asked_for() -> None:
    message = renderer().render(cart_delivery())
    assert message.subject == "You left something behind! 🛒"
    for part in ("Hi Ann", "Mug", "$91.98", "Linen throw", "$29.99", "$121.97", "COMEBACK10", "10%", "48 hours"):
        assert part in message.html
        assert part in message.text


def test_the_recovery_mail_links_to_the_tagged_cart_and_out_of_the_list() -> None:
    message = renderer().render(cart_delivery())
    assert "https://shop.io/cart?utm_source=campaigniq&utm_medium=email&utm_campaign=cart_recovery" in message.text
    assert message.unsubscribe_url == "https://ciq.io/u/ann@shop.io"
    assert message.unsubscribe_url in message.html


def test_product_names_are_never_markup() -> None:
    item = {
        "name": "<script>alert(1)</script>{{ 7*7 }}",
        "quantity": 1,
        "price": 1,
        "image_url": 'https://x/"onload="a',
    }
    html = renderer().render(cart_delivery(data={"items": [item], "value": 1, "currency": "USD"})).html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert '"onload=' not in html


def test_a_script_link_in_a_cart_leads_to_the_shop_instead() -> None:
    html = renderer().render(cart_delivery(data={"items": [], "url": "javascript:alert(1)"})).html
    assert "javascript:" not in html
    assert 'href="https://shop.io/?utm_source' in html


def phishing_delivery() -> Delivery:
    """What anybody who knows the public write key can have sent to anybody."""
    item = {"product_id": "1", "name": "Confirm at https://evil.io/x or www.evil.io", "quantity": 1, "price": 1,
            "url": "https://evil.io/item", "image_url": "https://evil.io/shop-logo.png"}  # fmt: skip
    return cart_delivery(
        traits={"first_name": "Your account is locked, see evil.io/login"},
        data={"items": [item], "value": 1, "currency": "USD", "url": "https://evil.io/login"},
    )


@pytest.mark.parametrize("shop_url", ["https://shop.io/", ""])
def test_a_made_up_cart_cannot_make_the_shop_send_a_link_to_elsewhere(shop_url: str) -> None:
    message = renderer(SETTINGS.model_copy(update={"shop_url": shop_url})).render(phishing_delivery())
    for text in (message.subject, message.text, message.html):
        assert "evil.io" not in text
        assert "https://evil" not in text
    assert ("Complete" in message.html) == bool(shop_url)


def test_a_cart_on_the_shop_or_the_platform_itself_is_linked() -> None:
    for url in ("https://shop.io/cart/7", "https://eu.shop.io/cart/7", "https://ciq.io/shop/cart"):
        assert f"{url}?utm_source" in renderer().render(cart_delivery(data={"items": [], "url": url})).text


def test_other_hosts_are_linked_when_they_are_named() -> None:
    settings = SETTINGS.model_copy(update={"link_hosts": ("cdn.example",)})
    item = {"name": "Mug", "quantity": 1, "price": 1, "image_url": "https://cdn.example/m.png"}
    html = renderer(settings).render(cart_delivery(data={"items": [item], "url": "https://shop.io/cart"})).html
    assert "https://cdn.example/m.png" in html
    assert "https://shop.io/cart?utm_source" in html


def test_every_host_is_linked_only_when_a_star_says_so() -> None:
    settings = SETTINGS.model_copy(update={"link_hosts": ("*",)})
    assert "https://evil.io/login?utm_source" in renderer(settings).render(phishing_delivery()).text


def test_a_long_cart_is_cut_and_says_by_how_much() -> None:
    items = [{"name": f"Thing {i}", "quantity": 1, "price": 1} for i in range(14)]
    assert "and 4 more" in renderer().render(cart_delivery(data={"items": items, "value": 14})).text


RENDERER = renderer()


@hypothesis.settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["items", "value", "currency", "url", "x"]), json_values), json_values)
def test_whatever_a_cart_holds_a_message_comes_of_it(facts: dict[str, object], name: object) -> None:
    item = {"name": name, "price": name, "quantity": name, "image_url": name}
    for data in (facts, facts | {"items": [item, name]}):
        delivery = cart_delivery(data=data, traits={"first_name": name})
        assert RENDERER.render(delivery).html.endswith("</html>\n")


def test_the_same_delivery_always_reads_the_same() -> None:
    assert renderer().render(cart_delivery()) == renderer().render(cart_delivery())


def test_the_notice_to_sales_names_the_lead_and_has_no_unsubscribe_link() -> None:
    trigger = cart_trigger(rule="lead_mql", traits={"name": "Ann Bech"}, data={"score": 53.2, "tier": "hot"})
    message = renderer().render(plan(trigger, default_campaigns(SETTINGS), NOW)[0])
    assert message.subject == "Ann Bech is ready for sales (score 53)"
    assert message.unsubscribe_url == ""


def test_an_alert_mail_says_what_since_when_and_what_was_expected() -> None:
    message = renderer().render(alert_delivery("email", alert()))
    assert message.subject == "Firing: Nothing from pixel"
    for part in ("21 Sep 2026, 14:13 UTC", "92 s without an event", "at most 31 s", "https://ciq.io/"):
        assert part in message.text


def test_a_resolved_rate_alert_reads_in_events() -> None:
    message = renderer().render(alert_delivery("email", alert(AlertState.RESOLVED, "rate_shift")))
    assert message.subject.startswith("Resolved: ")
    assert "0.0 to 31,000.0 events per 10 s" in message.text


@pytest.mark.parametrize(
    ("state", "seen"),
    [(AlertState.FIRING, "a rule that is off"), (AlertState.RESOLVED, "a rule that was changed or released")],
)
def test_an_alert_about_a_rule_speaks_of_no_events(state: AlertState, seen: str) -> None:
    text = renderer().render(alert_delivery("email", alert(state, "rule_failed"))).text
    assert f"Seen:     {seen}" in text
    assert "events" not in text


def test_an_alert_webhook_carries_the_alert_as_json() -> None:
    body = json.loads(renderer().render(alert_delivery("webhook", alert())).text)
    assert body["type"] == "alert.firing"
    assert body["timestamp"] == "2026-09-21T14:13:29Z"
    assert (body["data"]["subject"], body["data"]["value"]) == ("pixel", 92_000)


def test_a_missing_template_is_named() -> None:
    with pytest.raises(RenderError, match=r"nothing\.subject"):
        renderer().render(msgspec.structs.replace(cart_delivery(), template="nothing"))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1234.5, "USD", "$1,234.50"),
        (1200, "JPY", "¥1,200"),
        (12, "CHF", "12.00 CHF"),
        (3, "", "3.00"),
        (-5, "EUR", "-€5.00"),
    ],
)
def test_money_reads_as_shoppers_write_it(amount: float, currency: str, text: str) -> None:
    assert money(amount, currency) == text


@pytest.mark.parametrize(
    "url",
    ["", None, "ftp://x.io/", "javascript:alert(1)", "https://u:p@x.io/", "https://x.io/\nfoo", "//x.io", "https://[x",
     "https://notshop.io/", "https://shop.io.evil.io/", "https://evil.io\\.shop.io/", "https://evil.io/.shop.io"],
)  # fmt: skip
def test_a_link_that_leads_elsewhere_is_dropped(url: object) -> None:
    assert safe_link(url, ["shop.io"]) == ""


def test_without_a_host_nothing_is_linked() -> None:
    assert safe_link("https://shop.io/", ()) == safe_link("https://shop.io/", ("",)) == ""


def test_subdomains_of_a_named_host_are_fine() -> None:
    assert safe_link("https://img.shop.io/a.png", ["shop.io"]) == "https://img.shop.io/a.png"


def test_campaign_tags_of_the_shop_win() -> None:
    assert with_utm("https://shop.io/c?utm_source=own", "x") == "https://shop.io/c?utm_source=own"
    assert with_utm("https://shop.io/c?a=1#top", "x").endswith(
        "?a=1&utm_source=campaigniq&utm_medium=email&utm_campaign=x#top"
    )


def test_spans_read_in_the_unit_that_fits() -> None:
    assert [span_text(s * 1000) for s in (92, 600, 7200, 200_000)] == ["92 s", "10 min", "2 h", "2 d"]
