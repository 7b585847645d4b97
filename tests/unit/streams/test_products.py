"""Product triggers: what a person's events owe to products, whom news of a product concerns, and what then fires."""

import msgspec
import pytest

from streams.model.errors import RuleError
from streams.model.facts import FactsState
from streams.model.products import Interest, ProductState
from streams.model.profile import ProfileState
from streams.model.rules.abandonment import ProductRule
from streams.model.rules.abandonment_defaults import example_products
from streams.model.windows import WindowsState
from streams.operators import product_news
from streams.operators.products import MAX_BOUGHT, Products
from tests.unit.streams.builders import NOW_MS, event, kettle

DAY_MS = 86_400_000
FACTS = FactsState()
PRODUCTS = Products(example_products())
DROP, STOCK = example_products()


def owed(one, state=None):
    return PRODUCTS.on_event(state or WindowsState(), one, one.name, FACTS, one.received_ms)


def words(*names_and_interests, product=None):
    product = product or ProductState()
    for profile, interest in names_and_interests:
        product = PRODUCTS.on_interest(product, profile, interest, NOW_MS)
    return product


def seen(price: float = 100.0, rule: str = "price_drop", at_ms: int = NOW_MS, currency: str = "EUR") -> Interest:
    return Interest(rule, price, NOW_MS + 30 * DAY_MS, at_ms, currency)


def news(product: ProductState, name: str = "product_updated", at_ms: int = NOW_MS + 1, received_ms=None, **told):
    one = event(
        name,
        at_ms,
        f"m{at_ms}",
        "product:kettle",
        received_ms=received_ms or at_ms,
        properties={"currency": "EUR"} | told,
    )
    return PRODUCTS.on_product_event(product, one, name, one.received_ms)


def told(product: ProductState, **more) -> list[str]:
    return [profile for profile, _ in news(product, **more)[1]]


def test_looking_at_a_product_owes_it_the_price_seen():
    _, [(target, interest)] = owed(event("product_viewed", properties=kettle(), currency="EUR"))
    assert (target, interest) == ("product:kettle", Interest("price_drop", 40.0, NOW_MS + DROP.keep_ms, NOW_MS, "EUR"))


def test_an_order_withdraws_the_interest_in_what_was_bought():
    order = event("order_completed", properties={"products": [kettle(), kettle(product_id="cup")]})
    _, found = owed(order)
    assert {(t, i.rule, i.until_ms) for t, i in found} == {
        (target, rule, 0) for target in ("product:kettle", "product:cup") for rule in ("price_drop", "back_in_stock")
    }


def test_an_event_that_concerns_no_product_rule_owes_nothing():
    state = WindowsState()
    assert owed(event("page_viewed", properties=kettle()), state) == (state, ())


@pytest.mark.parametrize("properties", [{}, {"product_id": None}, {"products": [7, {"name": "x"}]}])
def test_an_event_that_names_no_product_owes_nothing(properties):
    assert owed(event("product_viewed", properties=properties))[1] == ()


def test_an_interest_of_long_ago_is_none():
    old = event("product_viewed", NOW_MS - 31 * DAY_MS, received_ms=NOW_MS, properties=kettle())
    assert owed(old)[1] == ()


def test_a_look_from_before_the_purchase_that_arrives_after_it_is_no_interest():
    state, _ = owed(event("order_completed", properties=kettle()))
    earlier = event("product_viewed", NOW_MS - 1_000, received_ms=NOW_MS + 9, properties=kettle())
    assert owed(earlier, state)[1] == ()


def test_purchases_that_are_remembered_are_bounded():
    state = WindowsState(cancelled={"cart_abandoned": 5})
    for number in range(MAX_BOUGHT + 9):
        state, _ = owed(event("order_completed", NOW_MS + number, properties=kettle(product_id=f"p{number}")), state)
    assert (len(state.cancelled), state.cancelled["cart_abandoned"]) == (MAX_BOUGHT + 1, 5)


def test_a_price_that_fell_is_told_to_those_who_saw_a_higher_one():
    product = words(("user:ada", seen(100.0)), ("user:bob", seen(94.0)))
    _, [(profile, notice)] = news(product, price=90.0, name="product_updated")
    assert (profile, notice.rule, notice.data["was_price"], notice.data["drop_percent"]) == (
        "user:ada", "price_drop", 100.0, 10.0,
    )  # fmt: skip


def test_a_drop_is_told_once():
    product, notices = news(words(("user:ada", seen(100.0))), price=90.0)
    assert (len(notices), told(product, price=89.0, at_ms=NOW_MS + 2), told(product, price=80.0, at_ms=NOW_MS + 3)) == (
        1, [], ["user:ada"],
    )  # fmt: skip


def test_a_price_in_another_currency_is_not_compared():
    assert told(words(("user:ada", seen(100.0, currency="USD"))), price=50.0) == []


def test_who_saw_no_price_is_told_of_a_drop_from_the_first_one_known():
    product, none = news(words(("user:ada", seen(0.0, currency=""))), price=50.0)
    assert (none, told(product, price=40.0, at_ms=NOW_MS + 2)) == ((), ["user:ada"])


def test_a_drop_of_what_is_sold_out_is_told_when_it_is_back():
    product, none = news(words(("user:ada", seen(100.0))), price=50.0, availability="https://schema.org/OutOfStock")
    assert (none, told(product, at_ms=NOW_MS + 2, in_stock=True)) == ((), ["user:ada"])


@pytest.mark.parametrize("more", [{"name": "product_restocked"}, {"in_stock": True}, {"inventory": 3}])
def test_who_asked_is_told_once_that_it_is_in_stock_again(more):
    sold_out, _ = news(ProductState(), name="product_sold_out", at_ms=NOW_MS - 5)
    product, notices = news(words(("user:ada", seen(rule="back_in_stock")), product=sold_out), **more)
    assert ([profile for profile, _ in notices], product.interested) == (["user:ada"], {})


def test_a_price_says_nothing_of_the_stock_so_who_asked_is_told_when_it_is_back():
    product, none = news(words(("user:ada", seen(rule="back_in_stock"))), name="price_changed", price=5.0)
    assert (none, told(product, name="product_restocked", at_ms=NOW_MS + 2)) == ((), ["user:ada"])


def test_the_first_word_of_the_stock_counts_whatever_was_told_before():
    product, _ = news(words(("user:ada", seen(rule="back_in_stock"))), name="price_changed", price=5.0)
    assert told(product, in_stock=True, at_ms=NOW_MS + 2) == ["user:ada"]


def test_a_product_of_which_nothing_was_told_is_not_in_stock_however_it_was_written():
    asked = words(("user:ada", seen(rule="back_in_stock")), product=ProductState(in_stock=True))
    product, none = news(asked, name="price_changed", price=5.0)
    assert (none, product.in_stock) == ((), None)


def test_what_was_in_stock_all_along_is_no_news():
    product, _ = news(ProductState(), in_stock=True, at_ms=NOW_MS - 5)
    assert told(words(("user:ada", seen(rule="back_in_stock")), product=product), in_stock=True) == []


def test_the_notice_carries_what_a_message_needs():
    product = words(("user:ada", seen(100.0)))
    _, [(_, notice)] = news(product, price="90", url="https://shop.example/k")
    assert (notice.data["url"], notice.data["value"], notice.data["currency"]) == (
        "https://shop.example/k",
        90.0,
        "EUR",
    )


def test_a_link_that_is_none_is_left_out():
    product, _ = news(ProductState(), price=5, url="javascript:alert(1)", title="Kettle")
    assert product.told == {"name": "Kettle"}


def test_an_older_word_of_a_product_changes_nothing():
    product, _ = news(words(("user:ada", seen(100.0))), price=100.0)
    assert news(product, price=50.0, at_ms=NOW_MS - 9) == (product, ())


def test_news_that_took_a_day_to_arrive_is_told_to_nobody():
    product, notices = news(words(("user:ada", seen(100.0))), price=50.0, received_ms=NOW_MS + 2 * DAY_MS)
    assert (product.price, notices) == (50.0, ())


def test_a_withdrawn_interest_is_told_nothing_and_an_older_word_does_not_bring_it_back():
    withdrawn = Interest("price_drop", 0.0, 0, NOW_MS + 5)
    product = words(("user:ada", seen()), ("user:ada", withdrawn), ("user:ada", seen(at_ms=NOW_MS + 4)))
    assert told(product, price=50.0) == []


def test_an_interest_ends_by_log_time():
    product = words(("user:ada", seen(100.0)))
    assert told(product, price=50.0, at_ms=NOW_MS + 31 * DAY_MS) == []


def test_the_same_word_again_changes_nothing():
    product = words(("user:ada", seen(100.0)))
    assert words(("user:ada", seen(100.0, at_ms=NOW_MS + 60_000)), product=product) is product


def test_interests_are_bounded_and_those_that_end_soonest_go_first(monkeypatch):
    monkeypatch.setattr(product_news, "MAX_INTERESTED", 20)
    monkeypatch.setattr(product_news, "_ROOM", 5)
    product = words(*((f"user:{n}", Interest("price_drop", 9.0, NOW_MS + DAY_MS + n, NOW_MS)) for n in range(21)))
    assert [product_news.profile_of(key) for key in product.interested] == [f"user:{n}" for n in range(5, 21)]


def test_what_is_unknown_to_the_rules_is_ignored():
    assert words(("user:ada", seen(rule="gone"))) == ProductState()
    assert news(ProductState(), name="order_completed", price=5.0) == (ProductState(), ())


def notice_for_ada():
    return news(words(("user:ada", seen(100.0))), price=90.0, name="price_changed")[1][0][1]


def test_a_notice_fires_as_the_same_occurrence_every_time():
    ada = ProfileState("default", "user:ada")
    [firing] = PRODUCTS.on_notice(notice_for_ada(), ada, NOW_MS + 9)
    assert (firing.rule, firing.occurrence, firing.due_ms) == ("price_drop", f"m{NOW_MS + 1}/kettle", NOW_MS + 9)


@pytest.mark.parametrize("bought", [kettle(), {}], ids=["the product", "we are not told what"])
def test_who_has_bought_meanwhile_gets_no_message(bought):
    state, _ = owed(event("order_completed", NOW_MS + 2, properties=bought))
    ada = ProfileState("default", "user:ada", windows=state)
    assert PRODUCTS.on_notice(notice_for_ada(), ada, NOW_MS + 9) == ()


def test_who_has_bought_something_else_gets_the_message():
    state, _ = owed(event("order_completed", NOW_MS + 2, properties=kettle(product_id="cup")))
    ada = ProfileState("default", "user:ada", windows=state)
    assert len(PRODUCTS.on_notice(notice_for_ada(), ada, NOW_MS + 9)) == 1


def test_a_product_survives_being_written_and_read():
    product, _ = news(words(("user:ada", seen())), price=90.0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(product), type=ProductState) == product


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "a\x1fb"}, "products[0].id"),
        ({"kind": "rumour"}, "products[0].kind"),
        ({"interest": ()}, "products[0].interest"),
        ({"cancels": ()}, "products[0].cancels"),
        ({"min_drop_percent": 0}, "products[0].min_drop_percent"),
        ({"min_drop_percent": float("inf")}, "products[0].min_drop_percent"),
        ({"keep_ms": 0}, "products[0].keep_ms"),
    ],
)
def test_a_bad_product_rule_is_refused_by_the_name_of_its_field(changes, field):
    with pytest.raises(RuleError) as caught:
        Products((msgspec.structs.replace(DROP, **changes),))
    assert caught.value.field == field


def test_product_rules_have_ids_of_their_own():
    with pytest.raises(RuleError):
        Products((STOCK, ProductRule(STOCK.id, "price_drop", STOCK.interest, STOCK.cancels)))
