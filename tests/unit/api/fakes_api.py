"""Working stand-ins for what the API reads, an installation over them, and a WebSocket client without a network."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import httpx
import msgspec
import orjson
from fastapi import FastAPI

from api.alerts import AlertBoard
from api.app import create_api
from api.deps import About, ApiDeps
from api.live import MemoryLiveBus
from api.rule_desk import RuleDesk
from streams.log.controls import ControlSender
from streams.log.memory import MemoryEventLog
from streams.log.rules_in_force import RulesInForceReader
from streams.model.alerts import Alert, AlertState
from streams.model.deliveries import Delivery, DeliveryStatus
from streams.model.errors import SharedIdError
from streams.model.events import ProfileKeys
from streams.model.facts import FactsState, Interaction, Trait, packed
from streams.model.identity import AccountState, Member
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel
from streams.model.rules.standard import default_rules
from streams.model.scores import EPOCH_HALF_LIVES, Contribution, ScoreState
from streams.model.tiers import decayed
from streams.model.windows import CartItem, Window, WindowsState, window_key
from streams.ports import AccountPage, AccountRow, LeadCounts, LeadPage, LeadRow, MetricPoint, Quantiles, Uniques
from streams.state.codec import decode_profile, encode_profile
from streams.store.config import ConfigStore
from streams.store.rule_cache import RuleCache

NOW = 1_700_000_000_000
DAY_MS = 86_400_000
HALF_LIFE_MS = 30 * DAY_MS
HOST = "127.0.0.1:8000"
URL = f"http://{HOST}"
LINES = (Interaction("page_viewed", NOW - 2, "web"), Interaction("demo_requested", NOW, "web", 1.5, "Pricing"))


class FakeClock:
    def __init__(self, now_ms: int = NOW) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def make_score(at_ms: int = NOW, half_life_ms: int = HALF_LIFE_MS, **points: float) -> ScoreState:
    """Return a score that is worth the sum of `points` (by rule) at `at_ms`."""
    epoch = at_ms // (EPOCH_HALF_LIVES * half_life_ms)
    scale = 2.0 ** (at_ms / half_life_ms - epoch * EPOCH_HALF_LIVES)
    parts = {rule: Contribution(1, worth * scale, at_ms) for rule, worth in points.items()}
    return ScoreState(half_life_ms, epoch, sum(part.weight for part in parts.values()), at_ms, parts=parts)


def make_cart(due_ms: int = NOW + 1000) -> WindowsState:
    items = (CartItem("p1", "Lamp", 2, 19.5),)
    cart = Window("cart_abandoned", "cart", "", items, "USD", "", NOW - 5, NOW - 1, due_ms)
    return WindowsState({window_key("cart_abandoned", ""): cart}, due_ms)


def make_state(profile: str = "user:anna", **changes: Any) -> ProfileState:
    state = ProfileState(
        "default",
        profile,
        facts=FactsState(
            ProfileKeys("anna", "a-1", "anna@example.com"),
            {"name": Trait("Anna", NOW - 9, "web")},
            NOW - DAY_MS,
            NOW,
            3,
            2,
            packed(LINES),
            len(LINES),
        ),
        scores={"lead": make_score(demo_requested=50.0, pricing_viewed=15.0)},
        windows=make_cart(),
    )
    return msgspec.structs.replace(state, **changes)


def make_lead(profile: str = "user:anna", score: float = 65.0, **changes: Any) -> LeadRow:
    row = LeadRow(
        "default",
        profile,
        "anna",
        "a-1",
        "anna@example.com",
        "Anna",
        score,
        NOW,
        HALF_LIFE_MS,
        3,
        NOW - DAY_MS,
        NOW,
        True,
        39.0,
        "USD",
        NOW + 1000,
        encode_profile(make_state(profile)),
        score >= 50,
    )
    return row._replace(**changes)


def make_account(name: str = "acme", score: float = 65.0, **changes: Any) -> AccountRow:
    """Return a company of Anna and of somebody of whom only the points are known."""
    anna = make_score(demo_requested=score - 5)
    members = {
        "user:anna": Member(NOW, HALF_LIFE_MS, anna.epoch, anna.total, 0.0),
        "user:gone": Member(NOW, 0, 0, 0.0, 5.0),
    }
    state = ProfileState("default", f"group:{name}", account=AccountState(name.title(), members))
    row = AccountRow(
        "default", state.id, name.title(), 2, score - 5, NOW, HALF_LIFE_MS, 5.0, False, encode_profile(state)
    )
    return row._replace(**changes)


class FakeView:
    def __init__(self, rows: Sequence[LeadRow] = (), accounts: Sequence[AccountRow] = ()) -> None:
        self.rows = list(rows)
        self.companies = list(accounts)

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        found = [r for r in self.rows if r.workspace == workspace and key in (r.profile, r.user_id, r.email)]
        if len(found) > 1:
            raise SharedIdError(key)
        return found[0] if found else None

    async def get_many(self, workspace: str, profiles: Sequence[str]) -> dict[str, LeadRow]:
        return {r.profile: r for r in self.rows if r.workspace == workspace and r.profile in profiles}

    async def page(
        self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        found = [
            r
            for r in self.rows
            if r.workspace == workspace and search in (r.name or "") and cart_open in (None, r.cart_open)
        ]
        found.sort(key=lambda r: -decayed(r.score, now_ms - r.score_at_ms, r.half_life_ms) - r.fit)
        return LeadPage(found[offset : offset + limit], len(found))

    async def tier_counts(self, workspace: str, now_ms: int, model: ScoreModel) -> LeadCounts:
        return LeadCounts(len(self.rows), {tier.name: n for n, tier in enumerate(model.tiers)}, 0)

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        return {"USD": (1, 39.0)}

    async def account(self, workspace: str, account: str) -> AccountRow | None:
        return next((r for r in self.companies if (r.workspace, r.id) == (workspace, account)), None)

    async def accounts(self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "") -> AccountPage:
        found = [r for r in self.companies if r.workspace == workspace and search in r.name]
        found.sort(key=lambda r: -r.score)
        return AccountPage(found[offset : offset + limit], len(found))


class Change(NamedTuple):
    row: LeadRow
    state: ProfileState
    previous: LeadRow | None


def make_change(row: LeadRow, previous: LeadRow | None = None) -> Change:
    return Change(row, decode_profile(row.state), previous)


class FakeMetrics:
    """Answers from events given as (workspace, at_ms, tags, value); to questions about sketches, as told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, dict[str, str], float]] = []
        self.fail_with: Exception | None = None
        self.visitors = Uniques(0.0, {})
        self.values: list[float] = []
        self.asked: tuple[Any, ...] = ()

    async def uniques(self, *question: Any) -> Uniques:
        self.asked = question
        return self.visitors

    async def quantiles(self, *question: Any) -> Quantiles:
        self.asked = question
        return Quantiles(len(self.values), self.values)

    def add(self, at_ms: int, event: str, value: float = 0.0, currency: str = "") -> None:
        self.events.append(("default", at_ms, {"event": event, "currency": currency}, value))

    async def query(
        self,
        workspace: str,
        start_ms: int,
        stop_ms: int,
        step_ms: int,
        group_by: str = "event",
        where: Mapping[str, str] | None = None,
    ) -> list[MetricPoint]:
        if self.fail_with:
            raise self.fail_with
        found: dict[tuple[int, str], tuple[int, float]] = {}
        for of, at_ms, tags, value in self.events:
            bucket = at_ms - at_ms % 10_000
            if of == workspace and start_ms <= bucket < stop_ms and (where or {}).items() <= tags.items():
                key = (bucket - bucket % step_ms, tags.get(group_by, ""))
                count, total = found.get(key, (0, 0.0))
                found[key] = (count + 1, total + value)
        return [MetricPoint(bucket, group, *totals) for (bucket, group), totals in sorted(found.items())]


@dataclass(frozen=True)
class FakeRow:
    delivery: Delivery
    status: DeliveryStatus = DeliveryStatus.SENT
    subject: str = "You left something behind"
    reason: str = ""
    attempts: int = 1
    finished_ms: int | None = NOW
    seq: int = 1


def make_delivery(number: int, status: DeliveryStatus = DeliveryStatus.SENT, workspace: str = "default") -> FakeRow:
    owed = Delivery(
        f"d{number}", workspace, "user:anna", "t1", "cart", "email", "cart.html", "anna@example.com", NOW, NOW
    )
    return FakeRow(owed, status, seq=number)


class FakeDeliveries:
    def __init__(self, rows: Sequence[FakeRow] = ()) -> None:
        self.rows = list(rows)

    async def get(self, workspace: str, delivery_id: str) -> FakeRow | None:
        return next((r for r in self.rows if (r.delivery.workspace, r.delivery.id) == (workspace, delivery_id)), None)

    async def list(
        self,
        workspace: str,
        limit: int,
        status: DeliveryStatus | None = None,
        profile: str | None = None,
        before: int | None = None,
    ) -> list[FakeRow]:
        found = [
            r
            for r in self.rows
            if r.delivery.workspace == workspace
            and status in (None, r.status)
            and profile in (None, r.delivery.profile)
            and (before is None or r.seq < before)
        ]
        return sorted(found, key=lambda r: -r.seq)[:limit]

    async def counts(self, workspace: str) -> dict[str, int]:
        return {"sent": len(self.rows)}


class FakeOutbox:
    async def get(self, workspace: str, delivery_id: str) -> dict[str, Any] | None:
        if (workspace, delivery_id) != ("default", "d1"):
            return None
        return {"subject": "Hi", "from": "s@example.com", "to": "a@example.com", "html": "<p>", "text": "x", "seq": 1}


def make_alert(state: AlertState = AlertState.FIRING, at_ms: int = NOW, since_ms: int = NOW - 5) -> Alert:
    return Alert("a1", "default", "source_silent", "web", state, since_ms, at_ms, 9.0, 0.0, 5.0, 0.9, "web is silent")


_BUILT_OF = {"about", "documented", "extra_routes", "settings", "static"}
"""What of an API's parts an application is built of; all others it asks its state for."""
_idle: list[FastAPI] = []
"""Applications of the usual kind that no test uses now: building one takes longer than most tests."""


def _app_over(deps: ApiDeps, *, is_usual: bool) -> FastAPI:
    if not is_usual or not _idle:
        return create_api(deps)
    app = _idle.pop()
    app.state.deps = deps
    return app


@dataclass
class Installation:
    """An API over fakes, with an API token and helpers that sign a browser in."""

    app: FastAPI
    deps: ApiDeps
    token: str
    clock: FakeClock
    view: FakeView
    metrics: FakeMetrics
    deliveries: FakeDeliveries
    log: MemoryEventLog
    is_usual: bool
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)
        self.clients.append(client)
        return client

    def with_token(self) -> httpx.AsyncClient:
        return self.client(authorization=f"Bearer {self.token}")

    async def browser(self) -> httpx.AsyncClient:
        """Return a client signed in by a link."""
        client = self.client()
        link = (await self.with_token().post("/api/sign-in-links")).json()["url"]
        await client.get(link)
        return client

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()
        await self.deps.store.close()
        if self.is_usual:
            _idle.append(self.app)


def make_desk(store: ConfigStore, clock: FakeClock, log: MemoryEventLog) -> RuleDesk:
    cache = RuleCache(store.rules, default_rules())
    return RuleDesk(store.rules, cache, ControlSender(log, clock), RulesInForceReader(log), clock)


async def install(**changes: Any) -> Installation:
    clock, view, metrics, deliveries = FakeClock(), FakeView([make_lead()]), FakeMetrics(), FakeDeliveries()
    numbers, log = iter(range(1, 1_000_000)), MemoryEventLog(2)
    store = ConfigStore("sqlite://", lambda size: f"r{next(numbers)}")
    await store.open()
    token = (await store.bootstrap(NOW)).api_token or ""
    deps = ApiDeps(
        view=view,  # type: ignore[arg-type]  only what the API reads
        metrics=metrics,  # type: ignore[arg-type]  only what the API reads
        deliveries=deliveries,
        outbox=FakeOutbox(),
        alerts=AlertBoard(),
        store=store,
        clock=clock,
        bus=MemoryLiveBus(clock, ring=5, queue=5),
        about=About(URL, "0.1.0", "outbox", demo=True),
        readiness=lambda: {"engine": "ready"},
        rule_desk=make_desk(store, clock, log),
    )
    deps, is_usual = replace(deps, **changes), not changes.keys() & _BUILT_OF
    app = _app_over(deps, is_usual=is_usual)
    return Installation(app, deps, token, clock, view, metrics, deliveries, log, is_usual)


class Socket:
    """The client's end of a WebSocket, driven through ASGI."""

    def __init__(self, app: FastAPI, path: str, **headers: str) -> None:
        path, _, query = path.partition("?")
        raw = [(k.encode(), v.encode()) for k, v in {"host": HOST, **headers}.items()]
        self._scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": raw,
            "scheme": "ws",
            "server": ("127.0.0.1", 8000),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(self._scope, self._to_app.get, self._from_app.put))
        self.answer = await self.raw()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, 60)

    async def raw(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._from_app.get(), 5)  # type: ignore[no-any-return]  ASGI message

    async def message(self) -> dict[str, Any]:
        return orjson.loads((await self.raw())["text"])  # type: ignore[no-any-return]  a JSON object
