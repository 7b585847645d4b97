"""Visitors of a shop, over HTTP: they browse, leave carts, buy. They repeat what was not answered, as SDKs do.

Carts carry no timestamp, so their log time is that of arrival; what earns points does, up to 20 days back.
"""

import asyncio
import itertools
import time
from collections import deque
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx

from tests.e2e.reference import POINTS, Accepted

DAY_MS = 86_400_000
BROWSERS = 150
MAX_VISITORS = 200
MAX_REQUESTS = 8
PAUSE_S = 0.015
REPEATED = 0.05
STORIES = {"browse": 6, "leave": 4, "buy_at_once": 1, "buy_soon": 1, "buy_late": 1, "buy_then_leave": 1}

Message = dict[str, Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Load:
    """`accepted` holds every event that was answered with 2xx, in the order of each person's doing."""

    def __init__(self, url: str, write_key: str, rng: Random, window_s: float) -> None:
        self.accepted: list[Accepted] = []
        self.emails: dict[str, str] = {}
        self.lost_answers = 0
        self.repeats = 0
        self._url = f"{url}/v1/batch"
        self._auth = httpx.BasicAuth(write_key, "")
        self._rng = rng
        self._window_s = window_s
        self._numbers = itertools.count()
        self._ending = asyncio.Event()
        self._door = asyncio.Semaphore(MAX_VISITORS)
        self._slots = asyncio.Semaphore(MAX_REQUESTS)
        self._recent: deque[list[Message]] = deque(maxlen=100)

    def end(self) -> None:
        """Let nobody new in; `run` returns once all who are there have their answers."""
        self._ending.set()

    async def run(self) -> None:
        stories = list(STORIES)
        limits = httpx.Limits(max_connections=MAX_REQUESTS)
        async with (
            httpx.AsyncClient(auth=self._auth, timeout=10, limits=limits) as self._client,
            asyncio.TaskGroup() as visitors,
        ):
            while not self._ending.is_set():
                await self._door.acquire()
                visit = visitors.create_task(self._visit(self._rng.choices(stories, list(STORIES.values()))[0]))
                visit.add_done_callback(lambda _: self._door.release())
                await asyncio.sleep(self._rng.uniform(0, 2 * PAUSE_S))

    async def _visit(self, story: str) -> None:
        user = f"v{next(self._numbers)}"
        cart, order = self._cart(user), self._order(user)
        match story:
            case "browse":
                await self._send([])
            case "leave":
                await self._send(cart)
            case "buy_at_once":
                await self._send([*cart, order])
            case "buy_then_leave":
                await self._send([order, *cart])
            case "buy_soon":
                await self._send(cart)
                await asyncio.sleep(self._rng.uniform(0, self._window_s / 3))
                await self._send([order])
            case "buy_late":
                await self._send(cart)
                await asyncio.sleep(self._window_s + self._rng.uniform(0.2, 1))
                await self._send([order])
        if self._rng.random() < REPEATED:
            self.repeats += len(repeated := self._rng.choice(self._recent))
            await self._post(repeated)

    def _cart(self, user: str) -> list[Message]:
        self.emails[user] = f"{user}@shop.test"
        added = [
            self._track(user, "Product Added", product_id=f"p{n}", name=f"Thing {n}", price=9.5, currency="EUR")
            for n in range(self._rng.randint(1, 3))
        ]
        known = {"type": "identify", "userId": user, "traits": {"email": self.emails[user]}}
        return [known | {"messageId": f"m{next(self._numbers)}"}, *added]

    def _order(self, user: str) -> Message:
        return self._track(user, "Order Completed", order_id=user, revenue=20, currency="EUR")

    def _track(self, user: str, event: str, **properties: Any) -> Message:
        number = next(self._numbers)
        return {"type": "track", "userId": user, "event": event, "messageId": f"m{number}", "properties": properties}

    def _points(self) -> Message:
        at_ms = now_ms() - self._rng.randint(0, 20 * DAY_MS)
        message = self._track(f"b{self._rng.randrange(BROWSERS)}", self._rng.choice(list(POINTS)))
        return message | {"timestamp": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()}

    async def _send(self, story: list[Message]) -> None:
        """Send the story's events among others, and note them as accepted."""
        messages = [*story, *(self._points() for _ in range(self._rng.randint(5, 40)))]
        request, sent_ms = next(self._numbers), now_ms()
        await self._post(messages)
        self.accepted += [_accepted(m, request, sent_ms, now_ms()) for m in messages]
        self._recent.append(messages)

    async def _post(self, messages: list[Message]) -> None:
        """Return once the platform has said that it has them all."""
        while True:
            async with self._slots:
                try:
                    answer = await self._client.post(self._url, json={"batch": messages})
                except httpx.TransportError as error:
                    self.lost_answers += not isinstance(error, httpx.ConnectError)
                else:
                    if answer.is_success:
                        assert answer.json()["rejected"] == []
                        return
                    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            await asyncio.sleep(0.05)


def _accepted(message: Message, request: int, sent_ms: int, answered_ms: int) -> Accepted:
    name = "identified" if message["type"] == "identify" else message["event"].lower().replace(" ", "_")
    stamp = message.get("timestamp")
    at_ms = round(datetime.fromisoformat(stamp).timestamp() * 1000) if stamp else answered_ms
    return Accepted(message["messageId"], message["userId"], name, at_ms, request, sent_ms, answered_ms)
