"""What every EventLog promises, over each implementation."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from streams.log.embedded import EmbeddedEventLog
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.log.memory import MemoryEventLog
from streams.log.topics import EVENTS, STATE, TRIGGERS
from streams.model.errors import FencedError, LogClosedError, UnknownTopicError
from streams.ports import EventLog, LogRecord, NewRecord, Subscription
from streams.settings import LogSettings
from tests.kafka import found_kafka, shared_kafka  # noqa: F401 - fixtures

OURS = ("memory", "embedded")
ALL = (*OURS, pytest.param("kafka", marks=pytest.mark.kafka))
# A broker removes what is older than its topic keeps, whenever it looks.
NOW_MS = time.time_ns() // 1_000_000
_installations = count(1)


@pytest.fixture(params=ALL)
async def log(request, tmp_path) -> AsyncIterator[EventLog]:
    made = await open_log(request.param, request, tmp_path / "log.db")
    yield made
    await made.close()


@pytest.fixture(params=OURS)
async def own_log(request, tmp_path) -> AsyncIterator[EventLog]:
    made = await open_log(request.param, request, tmp_path / "log.db")
    yield made
    await made.close()


async def open_log(kind: str, request, file: Path) -> EventLog:
    if kind == "memory":
        return MemoryEventLog(2)
    if kind == "embedded":
        return await EmbeddedEventLog(file, 2).open()
    cluster = request.getfixturevalue("kafka")
    settings = LogSettings(
        url=f"kafka://{cluster.bootstrap}", partitions=2, namespace=f"contract{next(_installations)}."
    )
    await asyncio.to_thread(TopicAdmin(settings).check, create=True)
    return await KafkaEventLog(settings).open()


def record(value: bytes | None, partition: int = 0, topic: str = EVENTS, key: bytes | None = None) -> NewRecord:
    return NewRecord(topic, partition, key, value, NOW_MS)


async def polled(subscription: Subscription, wanted: int) -> list[bytes | None]:
    """Poll until `wanted` records are there; a group may take a moment to form."""
    records: list[LogRecord] = []
    async with asyncio.timeout(60):
        while len(records) < wanted:
            records += await subscription.poll(timeout_s=1)
    return [one.value for one in records]


async def read_to_end(log: EventLog, topic: str, partition: int = 0) -> list[LogRecord]:
    """Read as the engine does: on from the record after the last one, until there is nothing."""
    records: list[LogRecord] = []
    while more := await log.read(topic, partition, records[-1].offset + 1 if records else 0, 7):
        records += more
    return records


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
    # Kafka removes the older ones some time later, so a reader must let the newest win anyway.
    newest = {r.key: r.value for r in await log.read(STATE, 0, 0, 10)}
    assert newest == {b"b": b"2", b"a": b"4"}


async def test_our_own_logs_compact_as_they_write(own_log):
    await own_log.append([record(b"1", topic=STATE, key=b"a"), record(b"2", topic=STATE, key=b"b")])
    await own_log.append([record(b"3", topic=STATE, key=b"a")])
    assert [(r.key, r.value) for r in await own_log.read(STATE, 0, 0, 10)] == [(b"b", b"2"), (b"a", b"3")]


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
    await polled(first, 2)
    await first.commit()
    await first.close()
    await log.append([record(b"c")])
    second = log.subscribe("group", [EVENTS])
    assert await polled(second, 1) == [b"c"]
    await second.close()


async def test_uncommitted_records_are_delivered_again(log):
    await log.append([record(b"a")])
    first = log.subscribe("group", [EVENTS])
    await polled(first, 1)
    await first.close()
    second = log.subscribe("group", [EVENTS])
    assert await polled(second, 1) == [b"a"]
    await second.close()


async def test_what_a_cancelled_poll_took_belongs_to_the_next_one(log):
    subscription = log.subscribe(None, [EVENTS], "earliest")
    waiting = asyncio.create_task(subscription.poll(timeout_s=5))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await log.append([record(b"a")])
    assert await polled(subscription, 1) == [b"a"]
    await subscription.close()


@pytest.mark.parametrize("kind", ALL)
async def test_no_two_logs_are_the_same_one(kind, request, tmp_path):
    logs = [await open_log(kind, request, tmp_path / name) for name in ("one.db", "other.db")]
    for log in logs:
        await log.close()
    assert logs[0].identity() != logs[1].identity()


async def test_a_subscription_from_the_latest_sees_only_what_comes(log):
    await log.append([record(b"old")])
    subscription = log.subscribe(None, [EVENTS], "latest")
    assert await subscription.poll(timeout_s=0) == []
    await log.append([record(b"new")])
    assert await polled(subscription, 1) == [b"new"]
    await subscription.close()


async def test_lag_counts_what_was_not_polled(log):
    subscription = log.subscribe(None, [EVENTS], "earliest")
    await subscription.poll(timeout_s=0)
    await log.append([record(b"a"), record(b"b", 1)])
    assert await subscription.lag() == 2
    await subscription.close()


async def test_a_busy_partition_does_not_starve_another(own_log):
    log = own_log
    await log.append([record(b"busy")] * 50 + [record(b"quiet", 1)])
    subscription = log.subscribe(None, [EVENTS], "earliest")
    polled = await subscription.poll(10, 1) + await subscription.poll(10, 1)
    assert b"quiet" in [r.value for r in polled]


async def test_appends_of_many_tasks_at_once_are_all_there(log):
    await asyncio.gather(*(log.append([record(b"%d" % n, n % 2)]) for n in range(200)))
    counts = [len(await log.read(EVENTS, partition, 0, 1_000)) for partition in (0, 1)]
    assert counts == [100, 100]


async def test_what_a_writer_commits_is_read_back_in_order_to_the_very_end(log):
    writer = await log.open_writer("p0")
    for n in range(10):
        await writer.commit([record(b"%d" % (2 * n), topic=TRIGGERS), record(b"%d" % (2 * n + 1), topic=TRIGGERS)])
    await writer.close()
    assert await log.wait({(TRIGGERS, 0): 19}, 10)
    assert [r.value for r in await read_to_end(log, TRIGGERS)] == [b"%d" % n for n in range(20)]


async def test_a_writers_records_may_go_to_several_topics_and_delete_keys(log):
    writer = await log.open_writer("p0")
    await writer.commit([record(None, topic=STATE, key=b"gone"), record(b"t", 1, TRIGGERS)])
    await writer.close()
    assert await log.wait({(STATE, 0): 0}, 10)
    assert [(r.key, r.value, r.timestamp_ms) for r in await log.read(STATE, 0, 0, 10)] == [(b"gone", None, NOW_MS)]
    assert [r.value for r in await log.read(TRIGGERS, 1, 0, 10)] == [b"t"]


async def test_a_later_writer_of_the_name_fences_the_earlier_one(log):
    earlier = await log.open_writer("p0")
    later = await log.open_writer("p0")
    with pytest.raises(FencedError):
        await earlier.commit([record(b"no", topic=STATE, key=b"k")])
    await later.commit([record(b"yes", topic=STATE, key=b"k")])
    assert await log.wait({(STATE, 0): 0}, 10)
    assert [r.value for r in await log.read(STATE, 0, 0, 10)] == [b"yes"]
    for writer in (earlier, later):
        await writer.close()


async def test_writers_of_other_names_do_not_disturb_each_other(log):
    one, other = await log.open_writer("p0"), await log.open_writer("p1")
    await asyncio.gather(one.commit([record(b"0", 0, STATE, b"k")]), other.commit([record(b"1", 1, STATE, b"k")]))
    assert await log.wait({(STATE, 0): 0}, 10)
    assert await log.wait({(STATE, 1): 0}, 10)
    for writer in (one, other):
        await writer.close()


async def test_after_opening_a_writer_the_end_of_what_the_earlier_one_wrote_is_final(log):
    earlier = await log.open_writer("p0")
    await earlier.commit([record(b"1", topic=STATE, key=b"k")])
    later = await log.open_writer("p0")
    known = await read_to_end(log, STATE)
    with pytest.raises(FencedError):
        await earlier.commit([record(b"2", topic=STATE, key=b"k")])
    assert [r.value for r in known] == [r.value for r in await read_to_end(log, STATE)] == [b"1"]
    for writer in (earlier, later):
        await writer.close()


async def test_waiting_behind_the_last_record_of_a_writer_ends_with_the_time(log):
    writer = await log.open_writer("p0")
    await writer.commit([record(b"1", topic=STATE, key=b"k")])
    await writer.close()
    assert await log.wait({(STATE, 0): 0}, 10)
    after = (await read_to_end(log, STATE))[-1].offset + 1
    assert await log.wait({(STATE, 0): after}, 0.1) is False


async def test_an_empty_commit_changes_nothing(log):
    writer = await log.open_writer("p0")
    await writer.commit([])
    await writer.close()
    assert await log.bounds(STATE, 0) == (0, 0)


async def test_a_groups_subscription_reads_on_over_what_writers_commit(log):
    writer = await log.open_writer("p0")
    subscription = log.subscribe("group", [TRIGGERS])
    await writer.commit([record(b"1", topic=TRIGGERS)])
    await writer.commit([record(b"2", 1, TRIGGERS)])
    assert sorted(await polled(subscription, 2)) == [b"1", b"2"]
    await subscription.commit()
    await subscription.close()
    await writer.commit([record(b"3", topic=TRIGGERS)])
    again = log.subscribe("group", [TRIGGERS])
    assert await polled(again, 1) == [b"3"]
    await again.close()
    await writer.close()
