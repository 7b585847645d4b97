"""Strategies for Segment's messages: likely ones, ones that are wrong in some places, and any JSON at all."""

from hypothesis import strategies as st

from tests.fuzz.door import SERVER_KEY, WEB_KEY

CALLS = ("track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a")
any_text = st.text(max_size=12)
weird = st.sampled_from(
    [
        None, True, False, 0, -1, 1.5, 2**31, 2**53, 2**64, -(2**63) - 1, 10**30, 1e308, "",
        " ", "\0", "\x1f", "null", "[object Object]", "0", "NaN", "1e999", "\u202e", "é" * 300, "x" * 300,
        "x" * 70_000, [], {}, [[]], {"": ""}, [None], {"a": {"b": {"c": {"d": {"e": {}}}}}}, [0] * 2_100, "a@b.c",
        "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999+14:00", "-1", "https://[::1", "javascript:alert(1)", "//x",
    ]
)  # fmt: skip
poison = st.sampled_from([float("nan"), float("inf"), "\ud800", "a\udfff"])
"""What some encoders write and JSON has not."""
json_values = st.recursive(
    weird | any_text | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
times = st.sampled_from(["2026-11-21T10:00:00Z", "2020-01-01", 1_800_000_000_000, 1_800_000_000, 0, "1.8e9", "now"])
ids = st.sampled_from(["u1", "u2", "a" * 256, "a" * 257, 7, "custom:x"])
names = st.sampled_from(
    [
        "Order Completed", "add_to_cart", "Product Viewed", "Email Opened", "Price Changed", "Unmerged",
        "Back In Stock",
        "$", "purchase", "Cart Updated", "form_submitted", "product_removed", "begin_checkout", "x" * 300,
    ]
)  # fmt: skip
products = st.fixed_dictionaries(
    {},
    optional={
        key: weird | st.sampled_from(["mug", 2, 9.9, "9.9", -3, "EUR"])
        for key in (
            "product_id",
            "sku",
            "item_id",
            "name",
            "price",
            "quantity",
            "image_url",
            "url",
            "value",
            "currency",
        )
    },
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "products": st.lists(products | weird, max_size=3) | weird,
        "items": st.lists(products, max_size=2) | weird,
        "url": weird | st.sampled_from(["https://s.example/?utm_source=a&utm_medium=", "/x?a=1#b"]),
        **{
            key: weird | st.sampled_from(["9.9", 9.9, "EUR", "mug"])
            for key in ("revenue", "value", "total", "currency")
        },
        **dict.fromkeys(("order_id", "cart_id", "email", "phone", "id", "path", "in_stock", "price", "form_id"), weird),
    },
) | st.dictionaries(any_text, json_values, max_size=2)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "page": properties | weird,
        "campaign": st.dictionaries(st.sampled_from(["name", "source", "medium", "x"]), weird, max_size=2) | weird,
        "externalIds": st.lists(st.dictionaries(st.sampled_from(["id", "type", "collection"]), weird | ids), max_size=3)
        | weird,
        "device": st.dictionaries(st.sampled_from(["id", "advertisingId"]), weird | ids) | weird,
        "consent": st.just({"categoryPreferences": {"Advertising": True, "Analytics": False}}) | weird,
        **dict.fromkeys(("traits", "ip", "userAgent", "sessionId", "sequence", "locale", "library", "active"), weird),
    },
)
messages = (
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from([*CALLS[:6], "import", "TRACK"]) | weird,
            "event": names | weird,
            "userId": ids | weird,
            "anonymousId": ids | weird,
            "groupId": ids | weird,
            "previousId": ids | weird,
            "messageId": st.sampled_from(["m1", "m2", "m" * 300]) | weird,
            "properties": properties | weird,
            "traits": properties | weird,
            "context": contexts | weird,
            "writeKey": st.sampled_from([WEB_KEY, SERVER_KEY, "wrong"]) | weird,
            **dict.fromkeys(("timestamp", "sentAt", "originalTimestamp", "receivedAt"), times | weird),
            **dict.fromkeys(("integrations", "_metadata", "name", "category", "version"), json_values),
        },
    )
    | json_values
)
likely = st.fixed_dictionaries(
    {"type": st.sampled_from(CALLS[:6]), "event": names, "userId": ids, "groupId": ids, "previousId": ids},
    optional={"properties": properties, "context": contexts, "timestamp": times, "sentAt": times | weird},
)
poisoned = st.builds(lambda message, value: {**message, "properties": {"x": value}}, likely, poison)
# Drawn from a list, since one_of takes what is named twice for one.
any_message = st.sampled_from([*[likely] * 5, messages, messages, poisoned, json_values]).flatmap(lambda chosen: chosen)
envelopes = st.fixed_dictionaries(
    {"batch": st.lists(any_message, max_size=4)},
    optional={"context": contexts | weird, "sentAt": times | weird, "writeKey": st.just(WEB_KEY) | weird | poison},
)
