"""The live feed: what of the log, the ledger and the view is told, and what it costs when nobody watches."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
import orjson
import pytest

from api.alerts import AlertBoard
from api.feed import LiveFeed
from api.live import MemoryLiveBus, Watcher
from api.sampling import Sampler
from api.totals import STEP_MS, RunningTotals
from streams.frames import encode_events, encode_rollups, encode_tick
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.alerts import AlertState
from streams.model.errors import MetricRefusedError, MetricStoreError
from streams.model.events import Event, ProfileKeys
from streams.model.rollups import Rollup, RollupBatch, Series
from streams.model.triggers import Trigger
from streams.ports import LogRecord, NewRecord
from tests.unit.api.fakes_api import (
    DAY_MS,
    NOW,
    FakeClock,
    FakeDeliveries,
    FakeMetrics,
    FakeView,
    make_alert,
    make_change,
    make_delivery,
    make_lead,
)


class Stage:
    """A feed over fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log = MemoryEventLog(partitions=1)
        self.metrics = FakeMetrics()
        self.board = AlertBoard()
        self.bus = MemoryLiveBus(self.clock)
        parts = (self.log, self.metrics, FakeView([make_lead()]), FakeDeliveries(), self.board, self.bus, self.clock)
        self.feed = LiveFeed(*parts)  # type: ignore[arg-type]  fakes answer what the feed asks

    @contextmanager
    def watching(self) -> Iterator["Told"]:
        with self.bus.watch("default") as watcher:
            yield Told(watcher)


class Told:
    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    async def all(self) -> list[dict]:
        """Return the messages so far."""
        found = []
        with suppress(TimeoutError):
            while True:
                found.append(orjson.loads(await asyncio.wait_for(self._watcher.next(), 0.01)))
        return found

    async def of(self, kind: str) -> list[dict]:
        return [m["data"] for m in await self.all() if m["kind"] == kind]


def record(topic: str, value: bytes) -> LogRecord:
    return LogRecord(topic, 0, 0, None, value, NOW)


def make_event(number: int = 1, name: str = "page_viewed", workspace: str = "default", **changes: object) -> Event:
    event = Event(f"e{number}", workspace, "web", "anon:abcdefghijklmnop", name, NOW, NOW, ProfileKeys())
    return msgspec.structs.replace(event, **changes)


def events(*found: Event, clock_ms: int = NOW) -> LogRecord:
    return record(topics.EVENTS, encode_events(found, clock_ms))


TRIGGER = Trigger(
    "t1", "default", "cart_abandoned", "user:anna", "1", NOW, NOW - 3, ProfileKeys(email="a@b.c"), data={"v": 1}
)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_event_is_told_as_documented(stage: Stage):
    with stage.watching() as told:
        stage.feed.take([events(make_event(value=2.5, currency="USD", properties={"title": "Home"}))])
        (data,) = await told.of("event")
    assert data == {
        "id": "e1",
        "name": "page_viewed",
        "profile": "anon:abcdefghijklmnop",
        "who": "abcdefghijkl…",
        "source": "web",
        "value": 2.5,
        "currency": "USD",
        "detail": "Home",
        "event_at_ms": NOW,
    }


async def test_flood_of_events_is_sampled_and_shows_the_telling_ones(stage: Stage):
    flood = [make_event(n) for n in range(500)]
    flood[7] = make_event(7, "order_completed")
    with stage.watching() as told:
        stage.feed.take([events(*flood)])
        shown = await told.of("event")
    assert len(shown) == 5
    assert shown[0]["name"] == "order_completed"


async def test_nothing_is_told_of_other_workspaces(stage: Stage):
    with stage.watching() as told:
        stage.feed.take([events(make_event(workspace="other"))])
        assert await told.of("event") == []


async def test_unwatched_events_are_counted_all_the_same(stage: Stage):
    stage.feed.take([events(make_event(1), make_event(2), clock_ms=NOW - 1000)])
    assert stage.feed.rates("default")[-1] == (NOW - 1000, 2)
    assert len(stage.feed.rates("default")) == 120


async def test_damaged_frame_is_left_out_and_the_rest_told(stage: Stage, caplog: pytest.LogCaptureFixture):
    with stage.watching() as told:
        stage.feed.take([record(topics.EVENTS, b"junk"), record(topics.TRIGGERS, b"\xc1"), events(make_event())])
        assert len(await told.of("event")) == 1
    assert "is not shown" in caplog.text


async def test_trigger_is_told_each_time(stage: Stage):
    with stage.watching() as told:
        stage.feed.take([record(topics.TRIGGERS, msgspec.msgpack.encode(TRIGGER))])
        (data,) = await told.of("trigger")
    assert data == {
        "id": "t1",
        "rule": "cart_abandoned",
        "profile": "user:anna",
        "who": "a@b.c",
        "fired_ms": NOW,
        "due_ms": NOW - 3,
        "data": {"v": 1},
    }


async def test_alert_is_told_and_put_on_the_board_once(stage: Stage):
    alert = record(topics.ALERTS, msgspec.msgpack.encode(make_alert()))
    with stage.watching() as told:
        stage.feed.take([alert, alert])
        assert [a["state"] for a in await told.of("alert")] == ["firing"]
    assert stage.board.list("default", NOW) == [make_alert()]


async def test_delivery_is_told_as_documented(stage: Stage):
    with stage.watching() as told:
        stage.feed.on_delivery(make_delivery(1))
        (data,) = await told.of("delivery")
    assert (data["id"], data["status"], data["subject"]) == ("d1", "sent", "You left something behind")


async def test_lead_is_told_with_the_tier_it_had(stage: Stage):
    with stage.watching() as told:
        stage.feed.on_leads([make_change(make_lead(score=41.0), make_lead(score=10.0))])
        (data,) = await told.of("lead")
    assert (data["who"], data["tier"], data["previous_tier"], data["score"]) == ("Anna", "hot", "cold", 41.0)
    assert data["cart"] == {"open": True, "value": 39.0, "currency": "USD", "due_ms": NOW + 1000, "items": 1}


async def test_lead_without_news_is_not_told(stage: Stage):
    with stage.watching() as told:
        stage.feed.on_leads([make_change(make_lead(), make_lead(events=2))])
        assert await told.of("lead") == []


async def test_lead_whose_fit_changed_is_told(stage: Stage):
    with stage.watching() as told:
        stage.feed.on_leads([make_change(make_lead(score=10.0, fit=20.0), make_lead(score=10.0))])
        (data,) = await told.of("lead")
    assert (data["score"], data["tier"], data["previous_tier"]) == (30.0, "warm", "cold")


async def test_tier_change_is_shown_before_other_lead_changes(stage: Stage):
    changes = [make_change(make_lead(f"user:{n}", 60.0), make_lead(f"user:{n}", 55.0)) for n in range(100)]
    changes[3] = make_change(make_lead("user:hot", 60.0), make_lead("user:hot", 10.0))
    with stage.watching() as told:
        stage.feed.on_leads(changes)
        assert "user:hot" in [d["id"] for d in await told.of("lead")]


async def test_nothing_is_published_when_nobody_watches(stage: Stage):
    stage.feed.on_delivery(make_delivery(1))
    stage.feed.on_leads([make_change(make_lead())])
    await stage.feed.refresh()
    await stage.feed.publish_stats()
    with stage.bus.watch("default", after=0) as watcher:
        assert await Told(watcher).all() == []


async def test_stats_have_the_promised_fields(stage: Stage):
    stage.metrics.add(NOW - DAY_MS // 2, "order_completed", 12.5, "USD")
    with stage.watching() as told:
        stage.feed.take([record(topics.EVENTS, encode_tick(NOW - 40))])
        await stage.feed.refresh()
        await stage.feed.publish_stats()
        data = (await told.of("stats"))[-1]
    window_ms = data.pop("window_ms")
    assert DAY_MS - STEP_MS <= window_ms < DAY_MS
    assert data == {
        "events_per_s": 0.0,
        "events_total": 1,
        "revenue": {"USD": 12.5},
        "orders": 1,
        "open_carts": {"USD": {"count": 1, "value": 39.0}},
        "leads": {"total": 1, "warm": 0, "hot": 1, "mql": 0, "tiers": {"warm": 0, "hot": 1}},
        "deliveries": {"sent": 0},
        "lag_records": 0,
        "data_age_ms": 40,
    }


@pytest.mark.parametrize("fault", [MetricStoreError("away"), MetricRefusedError("too many campaigns")])
async def test_stats_go_on_while_the_metric_store_is_away(stage: Stage, fault: MetricStoreError):
    stage.metrics.add(NOW, "order_completed", 12.5, "USD")
    with stage.watching() as told:
        await stage.feed.refresh()
        stage.metrics.fail_with = fault
        touched = Rollup(Series("default", "order_completed", "", "web", "USD"), NOW - NOW % 10_000, 0, 0, 1, 12.5)
        stage.feed.take([record(topics.ROLLUPS, encode_rollups(RollupBatch(0, NOW, (touched,))))])
        await stage.feed.refresh()
        await stage.feed.publish_stats()
        data = (await told.of("stats"))[-1]
    assert data["revenue"] == {"USD": 12.5}


async def test_first_watcher_gets_stats_with_the_first_reading(stage: Stage):
    with stage.watching() as told:
        await stage.feed.refresh()
        assert len(await told.of("stats")) == 1


async def test_order_shows_in_the_totals_when_its_rollup_is_seen(stage: Stage):
    with stage.watching() as told:
        await stage.feed.refresh()
        stage.metrics.add(NOW, "order_completed", 5.0, "EUR")
        touched = Rollup(Series("default", "order_completed", "", "web", "EUR"), NOW - NOW % 10_000, 0, 0, 1, 5.0)
        stage.feed.take([record(topics.ROLLUPS, encode_rollups(RollupBatch(0, NOW, (touched,))))])
        await stage.feed.refresh()
        await stage.feed.publish_stats()
        data = (await told.of("stats"))[-1]
    assert (data["orders"], data["revenue"]) == (1, {"EUR": 5.0})


async def test_totals_forget_what_is_older_than_the_window():
    metrics = FakeMetrics()
    metrics.add(NOW - DAY_MS + STEP_MS, "page_viewed")
    totals = RunningTotals(metrics, "default")  # type: ignore[arg-type]  only queried
    assert (await totals.read(NOW)).events == 1
    assert (await totals.read(NOW + 2 * STEP_MS)).events == 0


async def test_late_event_is_counted_when_its_old_bucket_is_touched():
    metrics = FakeMetrics()
    totals = RunningTotals(metrics, "default")  # type: ignore[arg-type]  only queried
    await totals.read(NOW)
    late = NOW - DAY_MS // 2
    metrics.add(late, "page_viewed")
    totals.touch(late, NOW)
    assert (await totals.read(NOW + 1000)).events == 1


def test_sampler_gives_each_slice_of_a_second_its_share():
    sampler = Sampler(20)
    shown = [len(sampler.pick(range(100), at, bool)) for at in range(0, 1000, 50)]
    assert (sum(shown), max(shown)) == (20, 5)


def test_sampler_keeps_the_order():
    assert Sampler(12).pick([1, 2, 3, 4, 5], 0, lambda n: n == 2) == [2, 4, 5]


def test_pending_alert_that_nobody_speaks_of_any_more_is_left_out():
    board = AlertBoard()
    board.put(make_alert(AlertState.PENDING))
    assert len(board.list("default", NOW)) == 1
    assert board.list("default", NOW + 900_001) == []


def test_board_is_bounded_and_ignores_what_is_older():
    board = AlertBoard(max_episodes=2)
    for since in (1, 2, 3):
        board.put(make_alert(since_ms=since))
    assert [a.since_ms for a in board.list("default", NOW)] == [3, 2]
    assert not board.put(make_alert(AlertState.RESOLVED, at_ms=NOW - 1, since_ms=3))


async def append(log: MemoryEventLog, topic: str, value: bytes) -> None:
    await log.append([NewRecord(topic, 0, None, value, NOW)])


async def test_running_feed_recalls_alerts_and_follows_the_log(stage: Stage):
    await append(stage.log, topics.ALERTS, msgspec.msgpack.encode(make_alert()))
    with stage.bus.watch("default") as watcher:
        running = asyncio.create_task(stage.feed.run())
        while not stage.board.list("default", NOW):  # noqa: ASYNC110  the board has no event to wait for
            await asyncio.sleep(0)
        await append(stage.log, topics.TRIGGERS, msgspec.msgpack.encode(TRIGGER))
        kinds = set()
        while not {"trigger", "stats"} <= kinds:
            kinds.add(orjson.loads(await asyncio.wait_for(watcher.next(), 5))["kind"])
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert "alert" not in kinds


async def test_failure_of_a_part_ends_the_feed(stage: Stage):
    stage.metrics.fail_with = RuntimeError("bug")
    with stage.watching(), pytest.raises(ExceptionGroup):
        await asyncio.wait_for(stage.feed.run(), 5)
