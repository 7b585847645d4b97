"""The events stage between flushes: what is interrupted or delivered again is left out nowhere and done once."""

import asyncio
from collections.abc import Sequence

import pytest

from streams.agents.stage import EventsStage
from streams.frames import FrameKind, decode, encode_events
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.errors import CampaignIqError
from streams.model.events import Event, ProfileKeys
from streams.model.rules.standard import default_rules
from streams.ports import LogWriter, NewRecord
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape

NOW_MS = 1_790_000_000_000


class SlowWriter:
    """Commits when it is let; `error` is raised instead."""

    def __init__(self, writer: LogWriter, log: "SlowLog") -> None:
        self._writer = writer
        self._log = log

    async def commit(self, records: Sequence[NewRecord]) -> None:
        self._log.begun.set()
        await self._log.may_commit.wait()
        if self._log.error:
            raise self._log.error
        await self._writer.commit(records)

    async def close(self) -> None:
        await self._writer.close()


class SlowLog(MemoryEventLog):
    def __init__(self) -> None:
        super().__init__(1)
        self.begun, self.may_commit = asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None

    async def open_writer(self, name: str) -> LogWriter:
        return SlowWriter(await super().open_writer(name), self)


async def stage_with_a_move(log: SlowLog) -> EventsStage:
    """An event whose second id is claimed by a move, applied and not flushed."""
    stage = EventsStage(log, Shape(1, default_rules()), lambda _: MemoryCopy())
    stage.assign({0})
    keys = ProfileKeys(user_id="ada", anonymous_id="browser")
    event = Event("m1", "default", "web", "user:ada", "page_viewed", NOW_MS, NOW_MS, keys)
    await stage.apply(0, 0, encode_events([event], NOW_MS), NOW_MS)
    return stage


async def moves_in(log: SlowLog) -> int:
    records = await log.read(topics.EVENTS, 0, 0, 100)
    return sum(decode(record.value or b"").kind is FrameKind.MOVES for record in records)


async def test_moves_of_a_flush_whose_flusher_is_cancelled_are_sent():
    log = SlowLog()
    stage = await stage_with_a_move(log)
    flushing = asyncio.create_task(stage.flush())
    await log.begun.wait()
    flushing.cancel()
    stage.assign(())
    settling = asyncio.create_task(stage.settle())
    await asyncio.sleep(0)
    log.may_commit.set()
    await settling
    assert await moves_in(log) == 1


async def test_a_partition_whose_commit_failed_is_let_go_without_another():
    log = SlowLog()
    stage = await stage_with_a_move(log)
    log.may_commit.set()
    log.error = CampaignIqError("no")
    with pytest.raises(CampaignIqError):
        await stage.flush()
    log.error = None
    stage.assign(())
    await stage.settle()
    assert await log.bounds(topics.STATE, 0) == (0, 0)


async def test_bytes_that_are_no_frame_and_delivered_again_are_one_dead_letter():
    log = SlowLog()
    stage = await stage_with_a_move(log)
    log.may_commit.set()
    for _ in range(2):
        await stage.apply(0, 1, b"no frame", NOW_MS)
        await stage.flush()
    assert await log.bounds(topics.DEAD_LETTERS, 0) == (0, 1)
