"""Damaged records in the log: they become dead letters with their bytes, and the stream goes on behind them."""

import asyncio

import httpx
import msgspec
import pytest

from streams.frames import encode_tick
from streams.log import topics
from streams.log.embedded import EmbeddedEventLog
from streams.model.dead_letters import DeadLetter
from streams.ports import NewRecord
from tests.e2e.harness import Platform

pytestmark = pytest.mark.slow

PARTITIONS = 4
GARBAGE = (b"garbage", b"", bytes(range(256)), encode_tick(1)[:-1], encode_tick(1)[:-1] + b"\xff")


async def damage(platform: Platform) -> None:
    """Append garbage to every partition of every topic that is read as a stream."""
    log = await EmbeddedEventLog(platform.folder / "log.db", PARTITIONS).open()
    damaged = (topics.EVENTS, topics.TRIGGERS, topics.ROLLUPS)
    await log.append(
        [NewRecord(topic, p, None, raw, 1) for topic in damaged for p in range(PARTITIONS) for raw in GARBAGE]
    )
    await log.close()


async def letters(platform: Platform) -> list[DeadLetter]:
    log = await EmbeddedEventLog(platform.folder / "log.db", PARTITIONS).open()
    records = [r for p in range(PARTITIONS) for r in await log.read(topics.DEAD_LETTERS, p, 0, 10_000)]
    await log.close()
    return [msgspec.msgpack.decode(record.value or b"", type=DeadLetter) for record in records]


def track(platform: Platform, name: str) -> None:
    """Send an event of 20 people, so that every partition has some."""
    batch = [{"type": "track", "userId": f"u{n}", "event": name, "messageId": f"{name}{n}"} for n in range(20)]
    answer = httpx.post(f"{platform.url}/v1/batch", json={"batch": batch}, auth=(platform.bootstrap["write_key"], ""))
    answer.raise_for_status()


def test_damaged_records_become_dead_letters_with_their_bytes_and_the_stream_goes_on(tmp_path):
    with Platform(tmp_path / "data") as platform:
        track(platform, "before")
        platform.until("counted", lambda: platform.event_totals()["before"] == 20)
        platform.stop()
        asyncio.run(damage(platform))
        platform.start()
        track(platform, "behind")
        platform.until("counted", lambda: platform.event_totals()["behind"] == 20)
        platform.until("shown", lambda: {lead["events"] for lead, _ in platform.leads()} == {2})
        platform.until("all buried", lambda: len(asyncio.run(letters(platform))) >= 4 * PARTITIONS * len(GARBAGE))
    kept = sorted((letter.stage, letter.raw) for letter in asyncio.run(letters(platform)))
    stages = ("engine", "engine", "metrics", "senders")
    expected = sorted((stage, raw) for stage in stages for raw in GARBAGE for _ in range(PARTITIONS))
    assert (kept, platform.complaints) == (expected, [])
