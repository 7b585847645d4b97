"""A Segment message becomes an event, or is refused with the field named; nothing else happens to it."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.normalise import events_of, normalise
from ingest.provenance import Arrival
from ingest.sources import Source
from ingest.values import amount
from streams.frames import decode, encode_events
from streams.model.events import HISTORICAL, INVALID, Event, Utm
from streams.model.ids import own_id

NOW = 1_800_000_000_000
ARRIVED = Arrival(NOW)
WEB = Source("src_web", "ws", "web", write_key="wk")
SERVER = Source("src_erp", "ws", "server", write_key="wk_erp")


def tracked(event: str = "Thing Done", **fields: Any) -> Event:
    return normalise({"type": "track", "event": event, "userId": "u1", "messageId": "m1", **fields}, WEB, ARRIVED)


def refused(**fields: Any) -> IngestError:
    with pytest.raises(IngestError) as caught:
        tracked(**fields)
    return caught.value


def test_track_fills_every_part_of_the_event():
    event = tracked(
        "Order Completed",
        anonymousId="a1",
        timestamp="2027-01-15T07:59:00+00:00",
        context={"campaign": {"name": "spring", "source": "news"}, "traits": {"email": "Ada@Example.com"}},
        properties={"revenue": "19.90", "currency": "eur"},
    )
    assert (event.id, event.name, event.profile, event.source) == ("m1", "order_completed", "user:u1", "src_web")
    assert (event.at_ms, event.received_ms, event.keys.email) == (NOW - 60_000, NOW, "ada@example.com")
    assert (event.value, event.currency, event.utm) == (19.9, "EUR", Utm("news", None, "spring"))


def test_profile_falls_back_from_user_to_browser_to_email():
    assert tracked(userId=None, anonymousId="a1").profile == "anon:a1"
    assert tracked(userId="", properties={"email": " X@Y.io "}).profile == "email:x@y.io"


def test_numeric_user_id_is_text():
    assert tracked(userId=42).profile == "user:42"


def test_only_a_server_may_send_an_id_as_the_platform_gives_them():
    order = own_id("shopify", "order", "1001")
    assert refused(messageId=order).field == "messageId"
    sent = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": order}
    assert normalise(sent, SERVER, ARRIVED).id == order


def test_same_content_without_message_id_gets_the_same_id_and_its_time_matters():
    first = tracked(messageId=None, timestamp="2026-01-01T00:00:00Z", sentAt="1")
    retry = tracked(messageId=None, timestamp="2026-01-01T00:00:00Z", sentAt="2")
    other = tracked(messageId=None, timestamp="2026-01-01T00:00:01Z")
    assert first.id == retry.id != other.id


@pytest.mark.parametrize("sent", ["2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00", NOW, NOW / 1000])
def test_timestamps_mean_the_same_instant(sent: object):
    assert tracked(timestamp=sent).at_ms == NOW


def test_far_future_is_clamped_and_near_future_kept():
    assert tracked(timestamp=NOW + 300_001).at_ms == NOW
    assert tracked(timestamp=NOW + 300_000).at_ms == NOW + 300_000


@pytest.mark.parametrize("off_ms", [-7_200_000, -31_000, 31_000, 86_400_000])
def test_a_clock_that_is_off_is_corrected_by_when_it_was_sent(off_ms: int):
    assert tracked(timestamp=NOW - 60_000 + off_ms, sentAt=NOW + off_ms).at_ms == NOW - 60_000


@pytest.mark.parametrize("delay_ms", [0, 300, 30_000, -30_000])
def test_a_delay_on_the_way_shifts_no_time(delay_ms: int):
    assert tracked(timestamp=NOW - 60_000, sentAt=NOW - delay_ms).at_ms == NOW - 60_000


@pytest.mark.parametrize("sent", [None, "yesterday", "\ud800", [], True, float("nan")])
def test_a_sending_time_that_makes_no_sense_corrects_nothing(sent: object):
    assert tracked(timestamp=NOW - 60_000, sentAt=sent).at_ms == NOW - 60_000


def test_a_time_that_is_in_the_future_after_correction_is_clamped():
    assert tracked(timestamp=NOW, sentAt=NOW - 86_400_000).at_ms == NOW
    assert tracked(timestamp=NOW - 86_000_000, sentAt=NOW - 86_400_000).at_ms == NOW


def test_no_correction_reaches_back_before_1970():
    assert tracked(timestamp=0, sentAt=2 * NOW).at_ms == 0


def test_what_segment_has_corrected_already_is_left_alone():
    sent = {"timestamp": NOW - 60_000, "originalTimestamp": NOW - 7_260_000, "sentAt": NOW - 7_200_000}
    assert tracked(**sent).at_ms == NOW - 60_000
    assert tracked(**sent | {"timestamp": None}).at_ms == NOW - 60_000


def test_page_takes_its_place_from_context():
    page = {"url": "https://s.example/pricing?utm_source=ad&utm_campaign=c1", "title": "Prices", "referrer": "r"}
    event = normalise({"type": "page", "anonymousId": "a", "context": {"page": page}}, WEB, ARRIVED)
    assert event.name == "page_viewed"
    assert event.properties == {**page, "path": "/pricing"}
    assert event.utm == Utm("ad", None, "c1")


def test_identify_carries_traits():
    event = normalise({"type": "identify", "userId": "u", "traits": {"email": "A@b.c", "name": "Ada"}}, WEB, ARRIVED)
    assert (event.name, event.traits["name"], event.keys.email) == ("identified", "Ada", "a@b.c")


def test_group_traits_are_not_the_persons():
    event = normalise({"type": "group", "userId": "u", "groupId": "g", "traits": {"email": "a@b.c"}}, WEB, ARRIVED)
    assert (event.name, event.traits, event.keys.email) == ("grouped", {}, None)


def test_alias_and_screen_are_accepted():
    assert normalise({"type": "alias", "userId": "u", "previousId": "p"}, WEB, ARRIVED).properties == {
        "previous_id": "p"
    }
    assert normalise({"type": "screen", "userId": "u", "name": "Home"}, WEB, ARRIVED).properties == {"name": "Home"}


def test_ga4_item_becomes_a_canonical_line():
    event = tracked(
        "add_to_cart", properties={"currency": "USD", "items": [{"item_id": 7, "item_name": "Mug", "price": 4}]}
    )
    assert event.properties == {"currency": "USD", "product_id": "7", "name": "Mug", "price": 4.0, "quantity": 1}
    assert event.value == 4.0


def test_cart_snapshot_lists_canonical_lines_without_emptied_ones():
    lines = [{"sku": "A", "price": "2.50", "quantity": 2, "image": "https://i/a.png"}, {"sku": "B", "quantity": 0}]
    event = tracked("Cart Updated", properties={"products": lines})
    assert event.properties["products"] == [
        {"product_id": "A", "name": "A", "price": 2.5, "quantity": 2, "image_url": "https://i/a.png"}
    ]
    assert event.value == 5.0


def test_several_products_added_at_once_become_one_event_each():
    message = {
        "type": "track",
        "event": "add_to_cart",
        "userId": "u",
        "messageId": "m",
        "properties": {"items": [{"item_id": "a", "price": 1}, {"item_id": "b", "price": 2}]},
    }
    events = events_of(message, WEB, ARRIVED)
    assert [(e.id, e.properties["product_id"], e.value) for e in events] == [("m:0", "a", 1.0), ("m:1", "b", 2.0)]


def test_what_goes_with_each_of_several_lines_is_bounded():
    lines = [{"item_id": str(number)} for number in range(250)]
    message = {"type": "track", "event": "add_to_cart", "userId": "u", "messageId": "m"}
    few, many = ({"items": lines, "note": "x" * size} for size in (200, 300))
    assert len(events_of(message | {"properties": few}, WEB, ARRIVED)) == 250
    with pytest.raises(IngestError, match=r"^properties\.items: has 250 lines, and \d+ bytes") as refusal:
        events_of(message | {"properties": many}, WEB, ARRIVED)
    assert (refusal.value.code, refusal.value.field) == ("too_large", "properties.items")


def test_links_that_are_no_web_addresses_are_dropped():
    event = tracked(
        "Product Added", properties={"product_id": "a", "url": "javascript:alert(1)", "image_url": "/a.png"}
    )
    assert "url" not in event.properties
    assert event.properties["image_url"] == "/a.png"


def test_value_of_other_events_is_taken_when_it_is_a_number():
    assert tracked(properties={"value": 12}).value == 12.0
    assert tracked(properties={"value": "high"}).value is None


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"revenue": "much"}, "properties.revenue"),
        ({"value": "19,99"}, "properties.value"),
        ({"value": 1e13}, "properties.value"),
        ({"value": 5, "currency": "dollars"}, "properties.currency"),
    ],
)
def test_money_that_can_not_be_read_flags_the_event_and_says_why(properties: dict[str, Any], field: str):
    told = tracked(properties=properties, timestamp="2020-01-01T00:00:00Z").provenance
    assert told is not None
    assert (told.flags, told.fault.partition(":")[0]) == ((HISTORICAL, INVALID), field)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (1e13, "is beyond ±1,000,000,000,000"),
        (-(10**18), "is beyond ±1,000,000,000,000"),
        ("1e999", "is beyond ±1,000,000,000,000"),
        ("nan", "not a number"),
        ("19,99", "not a number"),
        (True, "not a number"),
        ([1], "not a number"),
    ],
)
def test_what_is_wrong_with_an_amount_is_said(value: object, problem: str):
    with pytest.raises(IngestError, match=re.escape(f"total: {problem}. Send e.g. 19.99")):
        amount(value, "total")
    flagged = tracked(properties={"revenue": value}).provenance
    assert flagged is not None
    assert flagged.fault.startswith(f"properties.revenue: {problem}, so the event has no value")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-1, "is negative"),
        (1e7, "is more than 1,000,000 pieces"),
        (0.5, "not a whole number of pieces"),
        ("two", "not a whole number of pieces"),
    ],
)
def test_what_is_wrong_with_a_quantity_is_said(value: object, problem: str):
    cart = {"event": "cart_add", "properties": {"sku": "a", "quantity": value}}
    assert str(refused(**cart)).startswith(f"properties.quantity: {problem}. Send")


@pytest.mark.parametrize("value", ["high", "", None, True, -5, "-5", [1]])
def test_values_that_are_no_money_or_can_be_read_flag_nothing(value: object):
    assert tracked(properties={"value": value, "currency": ""}).provenance is None


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"userId": None}, "missing_field", "userId"),
        ({"userId": ["u"]}, "wrong_type", "userId"),
        ({"userId": "u" * 300}, "too_large", "userId"),
        ({"type": "trackk"}, "invalid_field", "type"),
        ({"type": ["track"]}, "invalid_field", "type"),
        ({"event": 5}, "wrong_type", "event"),
        ({"event": "!!"}, "invalid_field", "event"),
        ({"properties": [1]}, "wrong_type", "properties"),
        ({"properties": {"a": {"b": float("nan")}}}, "invalid_field", "properties.a.b"),
        ({"properties": {"a": 1 << 70}}, "invalid_field", "properties.a"),
        ({"properties": {"a": list(range(3_000))}}, "too_large", "properties"),
        ({"traits": "x"}, "wrong_type", "traits"),
        ({"context": "x"}, "wrong_type", "context"),
        ({"timestamp": "yesterday"}, "invalid_field", "timestamp"),
        ({"timestamp": "1950-01-01"}, "invalid_field", "timestamp"),
        ({"timestamp": True}, "wrong_type", "timestamp"),
        ({"event": "purchase", "properties": {"revenue": "lots"}}, "invalid_field", "properties.revenue"),
        ({"event": "purchase", "properties": {"currency": "dollars"}}, "invalid_field", "properties.currency"),
        ({"event": "purchase", "properties": {"products": "x"}}, "wrong_type", "properties.products"),
        ({"event": "cart_add", "properties": {}}, "missing_field", "properties.product_id"),
        ({"event": "cart_add", "properties": {"sku": "a", "qty": 1.5}}, "invalid_field", "properties.qty"),
    ],
)
def test_unusable_field_is_named(fields: dict[str, Any], code: str, field: str):
    error = refused(**fields)
    assert (error.code, error.field) == (code, field)


def test_deep_nesting_is_refused():
    nested: dict[str, Any] = {}
    for _ in range(30):
        nested = {"a": nested}
    assert refused(properties=nested).code == "too_deep"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
LINES = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("sku", "price", "quantity", "url", "name"), JSON)))
EVENTS = (
    "add_to_cart", "purchase", "Cart Updated", "Email Opened", "view_item", "Add To Wishlist", "Notify Me",
    "Product Updated", "Back In Stock", "Product Sold Out", "Form Started", "Payment Info Entered", "Unmerged",
)  # fmt: skip
SUBJECTS = dict.fromkeys(("cartId", "cart_token", "formId", "checkout_id", "product_id", "sku", "price"), JSON)
EXTERNAL = st.lists(
    JSON | st.fixed_dictionaries({}, optional={"id": JSON, "type": st.just("crm") | JSON, "collection": JSON}),
    max_size=12,
)
DEVICE = st.fixed_dictionaries({}, optional={"id": JSON, "advertisingId": JSON})
MESSAGES = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]) | JSON},
    optional={
        "event": st.sampled_from(EVENTS) | JSON,
        "userId": st.just("u") | JSON,
        "anonymousId": st.just("a") | JSON,
        "previousId": st.just("p") | JSON,
        "groupId": st.just("g") | JSON,
        "messageId": JSON,
        "timestamp": st.datetimes().map(str) | JSON,
        "properties": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "items": LINES,
                "value": JSON,
                "currency": JSON,
                "url": st.text(),
                "utm_source": JSON,
                "id": st.just("anon:a") | JSON,
                "phone": JSON,
                **SUBJECTS,
            },
        ),
        "traits": JSON,
        "context": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "page": JSON,
                "campaign": JSON,
                "traits": JSON,
                "sessionId": JSON,
                "device": DEVICE | JSON,
                "externalIds": EXTERNAL | JSON,
            },
        ),
    },
)


@given(MESSAGES, st.sampled_from([WEB, SERVER]))
def test_any_json_is_refused_politely_or_survives_the_frame(message: object, source: Source):
    try:
        events = events_of(message, source, ARRIVED)
    except IngestError:
        return
    assert decode(encode_events(events, NOW)).events == events
