"""When frames share a flush: what a backlog is worth is decided here."""

import asyncio
from types import SimpleNamespace

import pytest

from streams.agents import flusher as flushing
from streams.agents.flusher import Flusher


class CountingStage:
    """Always has something to write; notes each flush."""

    def __init__(self) -> None:
        self.flushes = 0
        self.flushed = asyncio.Event()

    def has_output(self) -> bool:
        return True

    async def flush(self) -> None:
        self.flushes += 1
        self.flushed.set()


class Acknowledged:
    """A frame of partition 0 as the agent gets it."""

    def __init__(self) -> None:
        self.message = SimpleNamespace(partition=0)
        self.is_acked = False

    def ack(self) -> None:
        self.is_acked = True


@pytest.fixture
async def served():
    stage = CountingStage()
    flusher = Flusher(stage)
    task = asyncio.create_task(flusher.run())
    yield stage, flusher
    task.cancel()


async def test_a_frame_that_nothing_follows_is_not_kept_for_more(served, monkeypatch):
    monkeypatch.setattr(flushing, "MAX_GATHER_S", 3_600)
    stage, flusher = served
    frame = Acknowledged()
    await flusher.take(frame, 0)
    await asyncio.wait_for(stage.flushed.wait(), 30)
    assert frame.is_acked


async def test_frames_of_a_backlog_share_a_flush(served, monkeypatch):
    monkeypatch.setattr(flushing, "MAX_GATHER_S", 3_600)
    stage, flusher = served
    frames = [Acknowledged() for _ in range(20)]
    for frame in frames:
        await flusher.take(frame, 0 if frame is frames[-1] else 50)
        # The flusher looks often enough to flush each by itself.
        await asyncio.sleep(flushing.GATHER_S / 4)
    await asyncio.wait_for(stage.flushed.wait(), 30)
    assert stage.flushes == 1
    assert all(frame.is_acked for frame in frames)


async def test_a_backlog_that_does_not_move_is_flushed_in_time(served, monkeypatch):
    monkeypatch.setattr(flushing, "MAX_GATHER_S", 0.05)
    stage, flusher = served
    await flusher.take(Acknowledged(), 1_000)
    await asyncio.wait_for(stage.flushed.wait(), 30)
    assert stage.flushes == 1


async def test_half_of_the_frames_that_may_wait_are_flushed_though_more_follow(served, monkeypatch):
    monkeypatch.setattr(flushing, "MAX_GATHER_S", 3_600)
    stage, flusher = served
    for _ in range(flushing.MAX_WAITING_FRAMES // 2 + 1):
        await flusher.take(Acknowledged(), 1_000)
    await asyncio.wait_for(stage.flushed.wait(), 30)
    assert stage.flushes == 1
