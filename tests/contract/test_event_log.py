"""What every EventLog promises, over each implementation."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.log.topics import EVENTS, STATE
from streams.model.errors import LogClosedError, UnknownTopicError
from streams.ports import EventLog, NewRecord


@pytest.fixture(params=["memory", "embedded"])
async def log(request, tmp_path) -> AsyncIterator[EventLog]:
    made = MemoryEventLog(2) if request.param == "memory" else EmbeddedEventLog(tmp_path / "log.db", 2)
    if isinstance(made, EmbeddedEventLog):
        await made.open()
    yield made
    await made.close()


def record(value: bytes, partition: int = 0, topic: str = EVENTS, key: bytes | None = None) -> NewRecord:
    return NewRecord(topic, partition, key, value, 1_000)


async def test_appended_records_are_read_back_in_order_with_consecutive_offsets(log):
    assert await log.append([record(b"a"), record(b"b")]) == [0, 1]
    await log.append([record(b"c")])
    assert [(r.offset, r.value) for r in await log.read(EVENTS, 0, 0, 10)] == [(0, b"a"), (1, b"b"), (2, b"c")]


async def test_partitions_have_offsets_of_their_own(log):
    assert await log.append([record(b"a", 0), record(b"b", 1)]) == [0, 0]
    assert [r.value for r in await log.read(EVENTS, 1, 0, 10)] == [b"b"]


async def test_read_returns_nothing_at_the_end_and_respects_the_limit(log):
    await log.append([record(b"%d" % n) for n in range(5)])
    assert await log.read(EVENTS, 0, 5, 10) == []
    assert [r.value for r in await log.read(EVENTS, 0, 1, 2)] == [b"1", b"2"]


async def test_bounds_are_first_and_next_offset(log):
    assert await log.bounds(EVENTS, 0) == (0, 0)
    await log.append([record(b"a"), record(b"b")])
    assert await log.bounds(EVENTS, 0) == (0, 2)


async def test_committed_offsets_belong_to_their_group(log):
    await log.commit("one", EVENTS, {0: 3, 1: 7})
    assert await log.committed("one", EVENTS) == {0: 3, 1: 7}
    assert await log.committed("two", EVENTS) == {}


async def test_a_compacted_topic_keeps_the_newest_record_of_each_key(log):
    await log.append([record(b"1", topic=STATE, key=b"a"), record(b"2", topic=STATE, key=b"b")])
    await log.append([record(b"3", topic=STATE, key=b"a"), record(b"4", topic=STATE, key=b"a")])
    assert [(r.key, r.value) for r in await log.read(STATE, 0, 0, 10)] == [(b"b", b"2"), (b"a", b"4")]


async def test_wait_returns_when_a_record_arrives(log):
    waiting = asyncio.create_task(log.wait({(EVENTS, 0): 0}, 10))
    await asyncio.sleep(0)
    await log.append([record(b"a")])
    assert await waiting is True


async def test_wait_gives_up_after_its_time(log):
    assert await log.wait({(EVENTS, 0): 0}, 0.01) is False


async def test_an_unknown_topic_is_refused_by_name(log):
    with pytest.raises(UnknownTopicError, match=r"no\.such"):
        log.partitions("no.such")


async def test_a_closed_log_refuses_appends(log):
    await log.close()
    with pytest.raises(LogClosedError):
        await log.append([record(b"a")])


async def test_a_groups_next_subscription_continues_after_the_committed_records(log):
    await log.append([record(b"a"), record(b"b", 1)])
    first = log.subscribe("group", [EVENTS])
    await first.poll(timeout_s=1)
    await first.commit()
    await log.append([record(b"c")])
    second = log.subscribe("group", [EVENTS])
    assert [r.value for r in await second.poll(timeout_s=1)] == [b"c"]


async def test_uncommitted_records_are_delivered_again(log):
    await log.append([record(b"a")])
    await log.subscribe("group", [EVENTS]).poll(timeout_s=1)
    assert [r.value for r in await log.subscribe("group", [EVENTS]).poll(timeout_s=1)] == [b"a"]


async def test_a_subscription_from_the_latest_sees_only_what_comes(log):
    await log.append([record(b"old")])
    subscription = log.subscribe(None, [EVENTS], "latest")
    assert await subscription.poll(timeout_s=0) == []
    await log.append([record(b"new")])
    assert [r.value for r in await subscription.poll(timeout_s=1)] == [b"new"]


async def test_lag_counts_what_was_not_polled(log):
    subscription = log.subscribe(None, [EVENTS], "earliest")
    await subscription.poll(timeout_s=0)
    await log.append([record(b"a"), record(b"b", 1)])
    assert await subscription.lag() == 2


async def test_a_busy_partition_does_not_starve_another(log):
    await log.append([record(b"busy")] * 50 + [record(b"quiet", 1)])
    subscription = log.subscribe(None, [EVENTS], "earliest")
    polled = await subscription.poll(10, 1) + await subscription.poll(10, 1)
    assert b"quiet" in [r.value for r in polled]


async def test_appends_of_many_tasks_at_once_are_all_there(log):
    await asyncio.gather(*(log.append([record(b"%d" % n, n % 2)]) for n in range(200)))
    counts = [len(await log.read(EVENTS, partition, 0, 1_000)) for partition in (0, 1)]
    assert counts == [100, 100]
