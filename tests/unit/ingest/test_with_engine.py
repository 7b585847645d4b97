"""What ingest delivers, the engine's pipeline understands: people are joined, products find who waits for them."""

from collections import deque
from typing import Any

import orjson
from msgspec.structs import replace

from ingest.normalise import events_of
from ingest.provenance import Arrival
from ingest.sources import Source
from ingest.vendors.base import WebhookRequest
from ingest.vendors.shopify import Shopify
from streams.model.events import Event
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.abandonment_defaults import example_products
from streams.model.rules.standard import default_rules
from streams.operators.identity.nodes import forwarded_event, forwarding
from streams.operators.pipeline import Pipeline

NOW = 1_800_000_000_000
WEB = Source("src_web", "ws", "web", write_key="wk")
SERVER = Source("src_erp", "ws", "server", write_key="wk_erp")
SHOP = Source("src_shop", "ws", "shopify", webhook_secrets=("s",))


class Engine:
    """One pipeline over profiles in a dict; moves are delivered at once."""

    def __init__(self) -> None:
        self.profiles: dict[str, ProfileState] = {}
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        self._pipeline = Pipeline(replace(default_rules(), products=example_products()))
        self._waiting: deque[Event | Move] = deque()

    def take(self, *events: Event) -> None:
        self._waiting += events
        while self._waiting:
            self._apply(self._waiting.popleft())

    def profile(self, name: str) -> ProfileState:
        return self.profiles.get(name) or ProfileState("ws", name)

    def _apply(self, item: Event | Move) -> None:
        before = self.profile(item.profile if isinstance(item, Event) else item.target)
        if isinstance(item, Move) and item.kind is MoveKind.FORWARD and not before.identity.moved_to:
            item = forwarded_event(before, item)
        if isinstance(item, Event) and before.identity.moved_to:
            self._waiting.append(forwarding(before, item, NOW))
            return
        step = self._pipeline.on_event if isinstance(item, Event) else self._pipeline.on_move
        after, triggers, moves = step(before, item, NOW)  # type: ignore[arg-type]  # as the line above chose
        self.profiles[before.id] = after
        self.told += [(one.rule, one.profile, one.data) for one in triggers]
        self._waiting += moves


def sent(source: Source, event: str, who: dict[str, Any], /, **properties: Any) -> list[Event]:
    message = {"type": "track", "event": event, "timestamp": NOW, **who, "properties": properties}
    return events_of(message, source, Arrival(NOW))


def ordered(**fields: Any) -> list[Event]:
    order = {"id": 1, "line_items": [{"product_id": 1, "title": "Mug", "price": "5"}], **fields}
    url = "https://events.example.com/webhooks/src_shop"
    request = WebhookRequest(url, {"x-shopify-topic": "orders/paid"}, orjson.dumps(order))
    return Shopify().parse(request, SHOP, NOW)


def test_an_order_by_webhook_closes_the_cart_that_the_pixel_saw():
    engine = Engine()
    engine.take(*sent(WEB, "Product Added", {"anonymousId": "a1"}, product_id=1, price=5))
    assert engine.profile("anon:a1").windows.due_ms
    engine.take(*events_of({"type": "identify", "anonymousId": "a1", "traits": {"email": "a@b.io"}}, WEB, Arrival(NOW)))
    engine.take(*ordered(email="a@b.io", customer={"id": 5}, cart_token="c1"))
    assert engine.profile("email:a@b.io").identity.moved_to == "anon:a1"
    assert engine.profile("custom:shopify:5").identity.moved_to == "anon:a1"
    assert not engine.profile("anon:a1").windows.windows


def test_a_device_and_a_custom_id_lead_to_their_user():
    engine = Engine()
    context = {"device": {"id": "d1"}, "externalIds": [{"type": "crm", "id": "7"}]}
    engine.take(*sent(SERVER, "App Opened", {"context": {"device": {"id": "d1"}}}))
    engine.take(*sent(SERVER, "App Opened", {"context": context, "userId": "u"}))
    assert engine.profile("user:u").identity.ids == ("custom:crm:7", "device:d1")


def test_a_server_takes_an_id_out_again():
    engine = Engine()
    engine.take(
        *sent(WEB, "Email Opened", {"anonymousId": "a1"}), *sent(WEB, "Seen", {"userId": "u", "anonymousId": "a1"})
    )
    assert engine.profile("anon:a1").identity.moved_to == "user:u"
    engine.take(*sent(SERVER, "Unmerged", {"userId": "u"}, id="anon:a1"))
    assert not engine.profile("anon:a1").identity.moved_to


def test_who_asked_for_a_product_hears_that_it_is_back():
    engine = Engine()
    engine.take(*sent(SERVER, "Product Sold Out", {}, product_id=7, name="Mug", price=5, currency="EUR"))
    engine.take(*sent(WEB, "Back In Stock Requested", {"anonymousId": "a1"}, productId="7"))
    engine.take(*sent(SERVER, "Back In Stock", {"anonymousId": "job"}, sku="7"))
    assert [(rule, who, data["name"]) for rule, who, data in engine.told] == [("back_in_stock", "anon:a1", "Mug")]


def test_who_looked_at_a_product_hears_that_it_is_cheaper():
    engine = Engine()
    engine.take(*sent(WEB, "view_item", {"userId": "u"}, currency="EUR", items=[{"item_id": "7", "price": 10}]))
    engine.take(*sent(SERVER, "Price Changed", {}, product_id="7", price="8", currency="eur"))
    [(rule, _, data)] = engine.told
    assert (rule, data["was_price"], data["price"]) == ("price_drop", 10.0, 8.0)
