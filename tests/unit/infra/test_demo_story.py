"""What the demo's visitors do: believable stories that ingest accepts as they are."""

from collections import Counter
from itertools import islice
from random import Random

import pytest

from infra.demo.catalogue import PRODUCTS
from infra.demo.people import invent, new_id
from infra.demo.story import (
    STORIES,
    Visit,
    ask_for_a_tasting,
    buy,
    come_back_for_cart,
    leave_cart,
    look_around,
    read_newsletter,
)
from infra.demo.visitors import IN_THE_SHOP, Crowd
from ingest.normalise import normalise
from ingest.provenance import Arrival
from ingest.sources import Source
from streams.model.names import canonical_name
from streams.model.rules.defaults import DEFAULT_POINTS
from streams.model.rules.scoring import ScoreModel

SHOP = "http://127.0.0.1:8000/shop"


def visit(seed=1, is_app=False):
    random = Random(seed)
    return Visit(invent(random, is_app), None, SHOP, PRODUCTS, random, is_app)


def told(story, a_visit):
    return [event for step in story(a_visit) for event in step]


def crowd(is_app=False, recovery_after_s=60.0, seed=1):
    return Crowd(SHOP, PRODUCTS, Random(seed), is_app, recovery_after_s)


def names(events):
    return [event.get("event") or event["type"] for event in events]


@pytest.mark.parametrize("is_app", [False, True])
def test_ingest_takes_everything_that_visitors_send(is_app):
    people = crowd(is_app)
    source = Source(id="web", workspace="w", kind="web")
    steps = [people.next_step(float(second)) for second in range(2000)]
    events = [
        normalise({"messageId": "m", **event}, source, Arrival(1_700_000_000_000)) for step in steps for event in step
    ]
    assert {event.profile.partition(":")[0] for event in events} == {"user" if is_app else "anon"}


@pytest.mark.parametrize("story", STORIES)
def test_no_story_mentions_a_product_that_the_shop_does_not_have(story):
    slugs = {product.slug for product in PRODUCTS}
    for event in told(story, visit()):
        properties = event.get("properties", {})
        mentioned = [properties, *properties.get("products", [])]
        assert {line["product_id"] for line in mentioned if "product_id" in line} <= slugs


def test_a_buyer_is_known_before_the_checkout_and_pays_for_what_is_in_the_cart():
    a_visit = visit()
    events = told(buy, a_visit)
    kinds = names(events)
    order = events[kinds.index("Order Completed")]["properties"]
    assert kinds.index("identify") < kinds.index("Checkout Started") < kinds.index("Order Completed")
    assert order["revenue"] == a_visit.cart_value == sum(line["price"] * line["quantity"] for line in order["products"])


def test_a_left_cart_is_never_paid_for():
    for seed in range(30):
        a_visit = visit(seed)
        assert "Order Completed" not in names(told(leave_cart, a_visit))
        assert a_visit.has_left_cart


def test_added_products_carry_a_link_that_restores_the_cart_so_far():
    added = [e["properties"] for e in told(buy, visit(5)) if e.get("event") == "Product Added"]
    links = [line["cart_url"].partition("restore=")[2].split(",") for line in added]
    assert [len(link) for link in links] == list(range(1, len(added) + 1))


def test_who_comes_back_for_a_cart_buys_it_through_the_recovery_campaign():
    left = visit()
    told(leave_cart, left)
    back = Visit(left.person, None, SHOP, PRODUCTS, Random(2))
    events = [event for step in come_back_for_cart(back, left.cart) for event in step]
    assert names(events)[:2] == ["Email Opened", "Email Link Clicked"]
    assert {event["context"]["campaign"]["name"] for event in events} == {"cart-recovery"}


def test_a_tasting_request_makes_a_hot_lead():
    asked = [canonical_name(name) for name in names(told(ask_for_a_tasting, visit()))]
    assert sum(DEFAULT_POINTS.get(name, 0) for name in asked) >= ScoreModel().tiers[-1].at


def test_newsletter_readers_open_before_they_click():
    for seed in range(20):
        assert names(told(read_newsletter, visit(seed)))[0] == "Email Opened"


def test_the_app_sends_screens_where_the_web_sends_pages():
    assert {"screen"} == {e["type"] for e in told(look_around, visit(is_app=True))} - {"track"}


def test_a_crowd_opens_with_a_hot_lead_a_left_cart_and_a_purchase():
    people = crowd()
    events = [event for _ in range(40) for event in people.next_step(0.0)]
    assert {"Demo Requested", "Product Added", "Order Completed", "Form Submitted"} <= set(names(events))


def test_visitors_take_turns():
    people = crowd()
    first_round = [people.next_step(0.0)[0]["anonymousId"] for _ in range(IN_THE_SHOP)]
    assert len(set(first_round)) == IN_THE_SHOP


def test_nobody_comes_back_for_a_cart_before_the_window_has_closed():
    people = crowd(recovery_after_s=60.0)
    early = [event for _ in range(400) for event in people.next_step(59.0)]
    late = [event for _ in range(400) for event in people.next_step(61.0 + 59.0)]
    clicked = [Counter(e["properties"].get("campaign") for e in part if e["type"] == "track") for part in (early, late)]
    assert (clicked[0]["cart-recovery"], clicked[1]["cart-recovery"] > 0) == (0, True)


def test_a_long_day_remembers_a_bounded_number_of_people():
    people = crowd()
    for second in range(20_000):
        people.next_step(float(second))
    assert len(people._regulars) <= 200
    assert len(people._left_carts) <= 200


def test_every_address_is_one_that_never_gets_mail():
    people = crowd(is_app=True)
    traits = [e["traits"] for _ in range(300) for e in people.next_step(0.0) if e["type"] == "identify"]
    assert all(person["email"].endswith("@example.com") for person in traits)


def test_ids_are_version_4_and_follow_from_the_given_chance():
    random, again = Random(7), Random(7)
    ids = [new_id(random) for _ in range(100)]
    assert len(set(ids)) == 100
    assert list(islice(iter(lambda: new_id(again), None), 100)) == ids
    assert ids[0][14] == "4"
