"""The Faust app over a log without Kafka: it consumes, acknowledges after the flush, and parks on a fault."""

import asyncio
from typing import Self

import msgspec
import pytest

from streams.agents import watchdog
from streams.agents.alerts_stage import AlertsStage
from streams.agents.app import create_app
from streams.agents.stage import EventsStage
from streams.agents.watchdog import EngineStalledError, Watchdog
from streams.frames import encode_events, encode_tick
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.dead_letters import DeadLetter
from streams.model.errors import LogFullError
from streams.model.rules.standard import default_rules
from streams.operators.alerting import AlertBook
from streams.ports import NewRecord
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape
from tests.unit.streams.builders import NOW_MS, event


class Engine:
    """A running app over a memory log with one partition."""

    def __init__(self, folder, log: MemoryEventLog) -> None:
        self.log = log
        self.faults: list[BaseException] = []
        self.faulted = asyncio.Event()
        self.copies: dict[int, MemoryCopy] = {}
        self.events = EventsStage(log, Shape(1, default_rules()), lambda n: self.copies.setdefault(n, MemoryCopy()))
        alerts = AlertsStage(log, AlertBook(1))
        self.app = create_app(log, self.events, alerts, self.on_fault, folder)
        self.watchdog = Watchdog(self.app, self.events, log)

    def on_fault(self, error: BaseException) -> None:
        self.faults.append(error)
        self.faulted.set()

    async def __aenter__(self) -> Self:
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()

    async def send(self, value: bytes) -> None:
        await self.log.append([NewRecord(topics.EVENTS, 0, None, value, NOW_MS)])

    async def committed(self, offset: int) -> None:
        """Wait until the frame at `offset` is durable; the partition says so to nobody, so it is asked."""
        async with asyncio.timeout(60):
            while 0 not in self.events.places or self.events.places[0].flushed_offset < offset:  # noqa: ASYNC110
                await asyncio.sleep(0.002)


async def test_events_become_state_and_totals(tmp_path):
    async with Engine(tmp_path, MemoryEventLog(1)) as engine:
        await engine.send(encode_events([event("demo_requested")], NOW_MS))
        await engine.committed(0)
        assert [t.rule for t in await triggers(engine.log)] == ["lead_tier", "lead_mql"]
        assert await engine.log.bounds(topics.ROLLUPS, 0) == (0, 1)


async def test_a_restarted_app_goes_on_where_the_log_says(tmp_path):
    log = MemoryEventLog(1)
    async with Engine(tmp_path, log) as engine:
        await engine.send(encode_events([event("demo_requested")], NOW_MS))
        await engine.committed(0)
    async with Engine(tmp_path, log) as engine:
        await engine.send(encode_events([event("email_opened", message_id="m2")], NOW_MS))
        await engine.committed(1)
        assert points_of(engine.events.partitions[0].profiles.get("default\x1fuser:ada")) == 55


async def test_bytes_that_are_no_frame_become_a_dead_letter_and_the_stream_goes_on(tmp_path):
    async with Engine(tmp_path, MemoryEventLog(1)) as engine:
        await engine.send(b"garbage")
        await engine.send(encode_events([event("email_opened")], NOW_MS))
        await engine.committed(1)
        [record] = await engine.log.read(topics.DEAD_LETTERS, 0, 0, 10)
        assert msgspec.msgpack.decode(record.value, type=DeadLetter).raw == b"garbage"


async def test_a_log_that_fails_is_reported_and_nothing_is_acknowledged(tmp_path):
    log = MemoryEventLog(1)
    async with Engine(tmp_path, log) as engine:
        await engine.send(encode_events([event("email_opened")], NOW_MS))
        await engine.committed(0)
        before = engine.events.places[0].flushed_offset
        await engine.send(encode_tick(NOW_MS + 20_000))
        log.fail_appends_with = OSError("disk gone")
        async with asyncio.timeout(60):
            await engine.faulted.wait()
        assert (str(engine.faults[0]), engine.events.places[0].flushed_offset) == ("disk gone", before)


@pytest.mark.parametrize("broken", ["read", "commit"])
async def test_a_fault_inside_faust_is_noticed(tmp_path, monkeypatch, broken):
    monkeypatch.setattr(watchdog, "CHECK_S", 0.01)
    log = MemoryEventLog(1)

    async def fail(*_: object) -> None:
        raise OSError("disk gone")

    async with Engine(tmp_path, log) as engine:
        monkeypatch.setattr(log, broken, fail)
        await engine.send(encode_events([event("email_opened")], NOW_MS))
        async with asyncio.timeout(60):
            with pytest.raises(EngineStalledError, match="disk gone"):
                await engine.watchdog.run()


async def test_an_engine_that_fetches_nothing_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(watchdog, "CHECK_S", 0.01)
    monkeypatch.setattr(watchdog, "STALLED_AFTER_S", 0.05)
    async with Engine(tmp_path, MemoryEventLog(1)) as engine:
        engine.app.consumer.stop_flow()
        await engine.send(encode_events([event("email_opened")], NOW_MS))
        async with asyncio.timeout(60):
            with pytest.raises(EngineStalledError, match="frames wait"):
                await engine.watchdog.run()


async def test_a_full_log_is_waited_for(tmp_path):
    log = MemoryEventLog(1)
    async with Engine(tmp_path, log) as engine:
        await engine.send(encode_events([event("email_opened")], NOW_MS))
        log.fail_appends_with = LogFullError("no room", retry_after_s=0.01)
        await asyncio.sleep(0.1)
        log.fail_appends_with = None
        await engine.committed(0)
        assert engine.faults == []


def points_of(state):
    from streams.model.scores import points_at

    return round(points_at(state.scores["lead"], NOW_MS), 9)


async def triggers(log: MemoryEventLog):
    from streams.model.triggers import Trigger

    records = await log.read(topics.TRIGGERS, 0, 0, 100)
    return [msgspec.msgpack.decode(r.value, type=Trigger) for r in records]
