"""Bad input: a dead letter with the reason, or as much of the event as makes sense; the stream goes on in any case."""

import asyncio

import msgspec
import pytest

from streams.agents.stage import TRIES, EventsStage
from streams.frames import encode_events
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.dead_letters import DeadLetter
from streams.model.rules.standard import default_rules
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape
from tests.unit.streams.bad_input import Bad, all_bad, event

NOW_MS = 1_790_000_000_000
KAFKA_TAKES = 8 << 20
WRITTEN = (topics.STATE, topics.TRIGGERS, topics.ROLLUPS, topics.DEAD_LETTERS, topics.EVENTS)


async def stage_over(log: MemoryEventLog) -> EventsStage:
    stage = EventsStage(log, Shape(1, default_rules()), lambda _: MemoryCopy())
    stage.assign({0})
    await stage.settle()
    return stage


async def go_on(stage: EventsStage, offset: int) -> int:
    """Apply one more sound event, and return how many its profile has by then."""
    good = event(NOW_MS, f"good{offset}", profile="user:good")
    await stage.apply(0, offset, encode_events([good], NOW_MS), NOW_MS)
    await stage.flush()
    return stage.partitions[0].profiles.get("default\x1fuser:good").facts.events


async def letters(log: MemoryEventLog) -> list[DeadLetter]:
    records = await log.read(topics.DEAD_LETTERS, 0, 0, 100)
    return [msgspec.msgpack.decode(record.value, type=DeadLetter) for record in records]


@pytest.mark.parametrize("bad", all_bad(NOW_MS), ids=lambda bad: bad.name)
async def test_the_stream_goes_on_after(bad: Bad):
    log = MemoryEventLog(1)
    stage = await stage_over(log)
    await go_on(stage, 0)
    await stage.apply(0, 1, bad.frame, NOW_MS)
    assert await go_on(stage, 2) == 2
    found = [letter.reason for letter in await letters(log)]
    assert len(found) == bool(bad.reason)
    assert all(bad.reason in reason for reason in found)


@pytest.mark.parametrize("bad", all_bad(NOW_MS), ids=lambda bad: bad.name)
async def test_what_is_kept_of_it_can_be_loaded_and_fits_into_kafka(bad: Bad):
    log = MemoryEventLog(1)
    stage = await stage_over(log)
    await stage.apply(0, 0, bad.frame, NOW_MS)
    await stage.flush()
    # Ids that it names are told, here in the same partition.
    for record in await log.read(topics.EVENTS, 0, 0, 100):
        await stage.apply(0, record.offset + 1, record.value, NOW_MS)
    await stage.flush()
    again = await stage_over(log)
    assert again.partitions[0].clock_ms == stage.partitions[0].clock_ms
    assert sorted(map(repr, again.partitions[0].profiles)) == sorted(map(repr, stage.partitions[0].profiles))
    sizes = [len(r.value or b"") + len(r.key or b"") for name in WRITTEN for r in await log.read(name, 0, 0, 9_999)]
    assert max(sizes) < KAFKA_TAKES // 4


async def test_a_frame_that_makes_the_engine_fail_is_tried_three_times_and_buried(monkeypatch):
    log = MemoryEventLog(1)
    stage = await stage_over(log)
    await go_on(stage, 0)
    tries = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise ZeroDivisionError("a fault of ours")

    poison = encode_events([event(NOW_MS)], NOW_MS)
    partition = type(stage.partitions[0])
    with monkeypatch.context() as patch:
        patch.setattr(partition, "_collect", fail)
        await stage.apply(0, 1, poison, NOW_MS)
    assert await go_on(stage, 2) == 2
    [letter] = await letters(log)
    assert (len(tries), letter.raw) == (TRIES, poison)
    assert letter.reason == "failed 3 times: ZeroDivisionError: a fault of ours"


async def test_bad_input_does_not_hold_up_the_stream():
    log = MemoryEventLog(1)
    stage = await stage_over(log)
    frames = [bad.frame for bad in all_bad(NOW_MS)] * 3
    began = asyncio.get_running_loop().time()
    for offset, frame in enumerate(frames):
        await stage.apply(0, offset, frame, NOW_MS)
    await stage.flush()
    assert asyncio.get_running_loop().time() - began < 30
