"""News of products: no person's, taken from servers alone, read by the engine."""

from typing import Any

import httpx
import pytest

from ingest.errors import IngestError
from ingest.normalise import normalise
from ingest.provenance import Arrival
from ingest.sources import Source
from streams.model.events import Event, ProfileKeys
from streams.model.products import ProductState
from streams.operators.product_news import product_after
from tests.unit.ingest.fake_log import FakeLog

NOW = 1_800_000_000_000
ARRIVED = Arrival(NOW)
WEB = Source("src_web", "ws", "web", write_key="wk")
SERVER = Source("src_erp", "ws", "server", write_key="wk_erp")
NEWS = {
    "Product Updated": "product_updated",
    "Price Changed": "price_changed",
    "Product Restocked": "product_restocked",
    "Back In Stock": "product_restocked",
    "Product Sold Out": "product_sold_out",
    "Out Of Stock": "product_sold_out",
}


def told(event: str, source: Source = SERVER, /, **properties: Any) -> Event:
    message = {"type": "track", "event": event, "messageId": "m", "properties": properties}
    return normalise(message, source, ARRIVED)


@pytest.mark.parametrize(("event", "name"), NEWS.items())
def test_news_of_a_product_needs_no_person(event: str, name: str):
    news = told(event, product_id=7, price="19.90", currency="eur")
    assert (news.name, news.profile, news.keys) == (name, "product:7", ProfileKeys())
    assert (news.value, news.currency) == (None, "EUR")


def test_whoever_a_sdk_names_is_not_the_product():
    message = {"type": "track", "event": "Price Changed", "userId": "job", "traits": {"email": "a@b.c"}}
    news = normalise(message | {"properties": {"sku": "k", "price": 5, "email": "a@b.c"}}, SERVER, ARRIVED)
    assert (news.profile, news.keys, news.traits) == ("product:k", ProfileKeys(), {})


@pytest.mark.parametrize("product", [7, "k", "k" * 400, " k"])
def test_a_product_has_one_id_in_carts_and_in_news(product: object):
    cart = {"type": "track", "event": "Product Added", "userId": "u", "properties": {"item_id": product}}
    line = normalise(cart, WEB, ARRIVED).properties["product_id"]
    assert told("Product Updated", productId=product).profile == f"product:{line}"


def test_the_engine_reads_what_is_told():
    news = told("Price Changed", id="k", new_price="8", currency="EUR", title="Mug", image="/m.png", inStock=False)
    product = product_after(ProductState(), news, news.name)
    assert (product.price, product.currency, product.in_stock) == (8.0, "EUR", False)
    assert product.told == {"name": "Mug", "image_url": "/m.png"}


def test_what_is_not_told_is_not_invented():
    assert told("Product Updated", product_id="k").properties == {"product_id": "k"}


@pytest.mark.parametrize("event", ["Product Updated", "Price Changed", "Product Restocked", "Product Sold Out"])
def test_a_browser_tells_no_news_of_products(event: str):
    with pytest.raises(IngestError, match="Send it from your server") as caught:
        told(event, WEB, product_id="k")
    assert (caught.value.code, caught.value.field) == ("not_trusted", "event")


@pytest.mark.parametrize("source", [WEB, SERVER])
def test_what_a_person_is_told_of_a_product_stays_the_persons(source: Source):
    message = {"type": "track", "event": "Back In Stock", "userId": "u1", "properties": {"product_id": "k"}}
    event = normalise(message, source, ARRIVED)
    assert (event.name, event.profile) == ("back_in_stock", "user:u1")


def test_only_the_news_of_a_server_may_be_a_products():
    message = {"type": "track", "event": "Out Of Stock", "anonymousId": "a1", "properties": {"product_id": "k"}}
    assert normalise(message, WEB, ARRIVED).profile == "anon:a1"
    assert normalise(message, SERVER, ARRIVED).profile == "product:k"


@pytest.mark.parametrize(
    ("properties", "code", "field"),
    [
        ({}, "missing_field", "product_id"),
        ({"name": "Mug"}, "missing_field", "product_id"),
        ({"product_id": None, "sku": ""}, "missing_field", "product_id"),
        ({"product_id": "  "}, "invalid_field", "product_id"),
        ({"product_id": ["k"]}, "wrong_type", "product_id"),
        ({"product_id": "k", "price": "dear"}, "invalid_field", "price"),
        ({"product_id": "k", "currency": "euro"}, "invalid_field", "currency"),
    ],
)
def test_unusable_news_names_the_field(properties: dict[str, Any], code: str, field: str):
    with pytest.raises(IngestError) as caught:
        told("Product Updated", **properties)
    assert (caught.value.code, caught.value.field) == (code, f"properties.{field}")


async def test_news_from_a_browser_is_refused_and_kept(client: httpx.AsyncClient, log: FakeLog):
    body = {"event": "Product Sold Out", "anonymousId": "a", "properties": {"product_id": "k"}}
    answer = await client.post("/v1/track", auth=("wk_web", ""), json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_trusted")
    assert [letter.field for letter in log.dead_letters()] == ["event"]
    assert log.events() == []
