"""Working stand-ins for what surrounds the senders, and a few ready-made values."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sinks.campaigns import default_campaigns, plan
from sinks.ledger.base import DeliveryRow
from sinks.rendering import Rendered, Renderer
from sinks.settings import MessageSettings
from sinks.tracking import MailTracking
from streams.model.dead_letters import DeadLetter
from streams.model.deliveries import Delivery, Outcome, Sent
from streams.model.events import Event, ProfileKeys
from streams.model.links import LinkSigner
from streams.model.triggers import Trigger
from streams.ports import LogRecord

NOW = 1_790_000_000_000
SETTINGS = MessageSettings(
    brand_name="Nordlys",
    shop_url="https://shop.io/",
    sales_email="sales@shop.io",
    track_opens=False,
    track_clicks=False,
)
ITEMS = (
    {"product_id": "1", "name": "Mug", "quantity": 2, "price": 45.99, "image_url": "https://shop.io/m.png", "url": ""},
    {"product_id": "2", "name": "Linen throw", "quantity": 1, "price": 29.99, "image_url": "", "url": ""},
)


class FakeClock:
    def __init__(self, at_ms: int = NOW) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


class FakeSubscription:
    """Hands out batches once each; `committed` counts the batches that were committed."""

    def __init__(self, *batches: Sequence[bytes | None], topic: str = "t") -> None:
        self.batches = [[LogRecord(topic, 0, i, None, v, NOW) for i, v in enumerate(b)] for b in batches]
        self.committed = 0
        self.before_commit: Callable[[], None] = lambda: None

    async def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[LogRecord]:
        return self.batches.pop(0)[:max_records] if self.batches else []

    async def commit(self) -> None:
        self.before_commit()
        self.committed += 1

    async def lag(self) -> int:
        return sum(map(len, self.batches))

    async def close(self) -> None:
        pass


class FakeDeadLetters:
    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters


class FakeEmit:
    """Collects events; fails with the next of `faults` first."""

    def __init__(self, *faults: Exception) -> None:
        self.events: list[Event] = []
        self.faults = list(faults)

    async def __call__(self, events: Sequence[Event]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.events += events


class FakeChannel:
    """Sends into a list; answers with the next of `outcomes`, then Sent."""

    def __init__(self, *outcomes: Outcome | Exception, name: str = "fake", idempotent: bool = True) -> None:
        self.name = name
        self.idempotent = idempotent
        self.concurrency = 100
        self.outcomes = list(outcomes)
        self.sent: list[str] = []
        self.gate: asyncio.Event | None = None
        self.called = asyncio.Event()

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        self.sent.append(delivery.id)
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else Sent("p")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        pass


class Changes:
    """Collects what `on_change` is told, and lets a test wait for a status."""

    def __init__(self) -> None:
        self.rows: list[DeliveryRow] = []
        self._changed = asyncio.Event()

    def __call__(self, row: DeliveryRow) -> None:
        self.rows.append(row)
        self._changed.set()

    def statuses(self, delivery_id: str) -> list[str]:
        return [row.status.value for row in self.rows if row.delivery.id == delivery_id]

    async def until(self, condition: Callable[[list[DeliveryRow]], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition(self.rows):
                self._changed.clear()
                await self._changed.wait()


SIGNER = LinkSigner(["secret"])


def renderer(settings: MessageSettings = SETTINGS) -> Renderer:
    """A renderer of mails that tell nothing, unless the settings say so."""
    tracking = MailTracking(SIGNER, "https://ciq.io/", settings)
    return Renderer(settings, "https://ciq.io/", lambda d: f"https://ciq.io/u/{d.recipient}", tracking)


def cart_trigger(name: str = "t1", email: str | None = "ann@shop.io", **fields: Any) -> Trigger:
    values = {
        "id": name, "workspace": "w", "rule": "cart_abandoned", "profile": "user:1", "occurrence": "1", "at_ms": NOW,
        "due_ms": NOW, "keys": ProfileKeys("1", None, email), "traits": {"first_name": "Ann"},
        "data": {"items": list(ITEMS), "value": 121.97, "currency": "USD", "url": "https://shop.io/cart"},
    }  # fmt: skip
    return Trigger(**(values | fields))


def cart_delivery(name: str = "t1", **fields: Any) -> Delivery:
    return plan(cart_trigger(name, **fields), default_campaigns(SETTINGS), NOW)[0]


def packed(*values: Any) -> list[bytes]:
    return [msgspec.msgpack.encode(v) for v in values]
