"""What only the log on Kafka has: brokers that die or freeze, topics that must be as expected, transactions."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

from infra.kafka.server import Cluster, running_kafka
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.log.kafka_errors import KafkaLogError
from streams.log.kafka_settings import writer_config
from streams.log.topics import EVENTS, ROLLUPS, STATE, TOPICS
from streams.model.errors import ConfigurationError, FencedError, LogFullError
from streams.ports import NewRecord
from streams.settings import LogSettings
from tests.kafka import faust_reader, found_kafka, shared_kafka  # noqa: F401 - two are fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def settings(cluster: Cluster, namespace: str, **values) -> LogSettings:
    return LogSettings(**{"url": f"kafka://{cluster.bootstrap}", "partitions": 2, "namespace": namespace} | values)


@asynccontextmanager
async def opened(wanted: LogSettings):
    await asyncio.to_thread(TopicAdmin(wanted).check, create=True)
    log = await KafkaEventLog(wanted).open()
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture
def mortal(kafka_jars):
    """A cluster of its own, for tests that kill or freeze it."""
    with running_kafka(kafka_jars) as cluster:
        yield cluster


def record(value: bytes, topic: str = EVENTS, key: bytes | None = None, partition: int = 0) -> NewRecord:
    # A broker removes what is older than its topic keeps, and knows after a crash only the last day's producers.
    return NewRecord(topic, partition, key, value, int(time.time() * 1000))


async def all_of(log: KafkaEventLog, topic: str) -> list[bytes | None]:
    found, at = [], 0
    while records := await log.read(topic, 0, at, 1_000):
        at = records[-1].offset + 1
        found += [one.value for one in records]
    return found


async def test_a_killed_broker_loses_nothing_acknowledged_and_doubles_nothing(mortal):
    async with opened(settings(mortal, "kill.", delivery_timeout_s=60)) as log:
        acknowledged: list[bytes] = []

        async def append(number: int) -> None:
            await log.append([record(b"%d" % number)])
            acknowledged.append(b"%d" % number)

        await asyncio.gather(*map(append, range(500)))
        under_way = asyncio.gather(*map(append, range(500, 3_000)))
        await asyncio.sleep(0.01)
        mortal.brokers[0].kill()
        await asyncio.to_thread(mortal.start)
        await under_way
        counts = Counter(await all_of(log, EVENTS))
    assert len(acknowledged) == 3_000
    assert counts == Counter(acknowledged)


async def test_a_commit_waits_for_a_killed_broker_and_is_there_once(mortal):
    async with opened(settings(mortal, "commit.")) as log:
        writer = await log.open_writer("p0")
        await writer.commit([record(b"before", STATE, b"k")])
        mortal.brokers[0].kill()
        commit = asyncio.create_task(writer.commit([record(b"%d" % n, STATE, b"k%d" % n) for n in range(2_000)]))
        await asyncio.to_thread(mortal.start)
        await commit
        assert await log.wait({(STATE, 0): 2_000}, 60)
        assert await all_of(log, STATE) == [b"before", *(b"%d" % n for n in range(2_000))]


async def test_a_frozen_broker_makes_appends_fail_in_time_and_later_ones_work(mortal):
    async with opened(settings(mortal, "freeze.", delivery_timeout_s=1)) as log:
        await until(lambda: appended(log, b"before"))
        mortal.brokers[0].pause()
        try:
            with pytest.raises(LogFullError) as refused:
                await asyncio.wait_for(log.append([record(b"lost or not")]), 60)
        finally:
            mortal.brokers[0].resume()
        assert refused.value.retry_after_s > 0
        await until(lambda: appended(log, b"after"))
        assert b"after" in await all_of(log, EVENTS)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again: what it waits for happens in another process, which sends no event."""
    async with asyncio.timeout(60):
        while not await is_so():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.05)


async def appended(log: KafkaEventLog, value: bytes) -> bool:
    try:
        await log.append([record(value)])
    except LogFullError:
        return False
    return True


async def test_what_an_unfinished_writer_began_never_becomes_visible(kafka):
    wanted = settings(kafka, "unfinished.")
    async with opened(wanted) as log:
        dead = Producer(writer_config(wanted, f"{wanted.namespace}campaigniq.p0"))
        dead.init_transactions(60)
        dead.begin_transaction()
        dead.produce(f"{wanted.namespace}{STATE}", b"never", b"k", 0)
        assert dead.flush(60) == 0
        writer = await log.open_writer("p0")
        assert await all_of(log, STATE) == []
        await writer.commit([record(b"seen", STATE, b"k")])
        assert await log.wait({(STATE, 0): 0}, 60)
        assert await all_of(log, STATE) == [b"seen"]


async def test_more_than_the_bound_is_refused_and_nothing_of_it_appended(kafka):
    async with opened(settings(kafka, "bound.", max_pending_records=1_000)) as log:
        with pytest.raises(LogFullError, match="records wait"):
            await log.append([record(b"x")] * 1_001)
        assert await log.bounds(EVENTS, 0) == (0, 0)


async def test_a_record_that_is_too_large_is_refused_with_the_setting(kafka):
    async with opened(settings(kafka, "large.", max_record_bytes=1 << 20)) as log:
        with pytest.raises(KafkaLogError, match=r"log\.max_record_bytes"):
            await log.append([record(bytes(2 << 20))])


def delete_topics(wanted: LogSettings) -> None:
    names = [f"{wanted.namespace}{name}" for name in TOPICS]
    for done in TopicAdmin(wanted).client.delete_topics(names, operation_timeout=30).values():
        done.result()


async def test_topics_that_are_made_anew_are_another_log(kafka):
    wanted = settings(kafka, "anew.")
    found = []
    for _ in range(2):
        for _ in range(2):
            async with opened(wanted) as log:
                found.append(log.identity())
        await asyncio.to_thread(delete_topics, wanted)
    assert found[0] == found[1] != found[2] == found[3]


async def test_without_a_broker_the_setting_is_named():
    nowhere = LogSettings(url="kafka://127.0.0.1:1", connect_timeout_s=1)
    with pytest.raises(ConfigurationError, match=r"^log\.url: no broker of 127\.0\.0\.1:1 answers"):
        await KafkaEventLog(nowhere).open()


async def test_without_topics_the_remedy_is_named(kafka):
    with pytest.raises(ConfigurationError, match=r"campaigniq topics --create"):
        await KafkaEventLog(settings(kafka, "bare.")).open()


async def test_another_partition_count_is_refused(kafka):
    async with opened(settings(kafka, "counts.")):
        pass
    with pytest.raises(ConfigurationError, match=r"has 2 partitions, and log\.partitions is 3"):
        await KafkaEventLog(settings(kafka, "counts.", partitions=3)).open()


def test_missing_topics_are_reported_then_made_as_they_must_be(kafka):
    admin = TopicAdmin(settings(kafka, "make."))
    assert all(report.remedy and "missing" in report.problem for report in admin.check())
    assert [report.created for report in admin.check(create=True)] == [True] * len(TOPICS)
    again = admin.check()
    assert [report.problem for report in again] == [""] * len(TOPICS)
    assert {report.cleanup for report in again} == {"compact", "delete"}


def test_a_topic_that_expires_where_it_must_be_compacted_is_a_problem(kafka):
    wanted = settings(kafka, "policy.")
    admin = TopicAdmin(wanted)
    name = f"policy.{STATE}"
    made = admin.client.create_topics([NewTopic(name, 2, 1, config={"max.message.bytes": str(8 << 20)})])
    made[name].result(30)
    state = next(report for report in admin.check(create=True) if report.name == name)
    assert state.problem == "has cleanup.policy delete, and needs compact"
    assert f"--entity-name {name} --add-config cleanup.policy=compact" in state.remedy
    assert "delete the topic" not in state.remedy
    assert state.retention_ms > 0


async def test_members_of_a_group_share_the_partitions_and_take_over(kafka):
    async with opened(settings(kafka, "share.")) as log:
        one, other = log.subscribe("group", [EVENTS]), log.subscribe("group", [EVENTS])
        seen: list[bytes | None] = []

        async def has_seen(count: int) -> bool:
            return len(set(seen)) == count

        async def follow(subscription) -> None:
            while True:
                seen.extend(r.value for r in await subscription.poll(timeout_s=0.2))
                await subscription.commit()

        tasks = [asyncio.create_task(follow(one)), asyncio.create_task(follow(other))]
        await log.append([record(b"%d" % n, partition=n % 2) for n in range(10)])
        await until(lambda: has_seen(10))
        tasks[0].cancel()
        await one.close()
        await log.append([record(b"%d" % n, partition=n % 2) for n in range(10, 20)])
        await until(lambda: has_seen(20))
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await other.close()
    assert len(set(seen)) == 20


async def test_faust_sees_only_what_is_committed(kafka, tmp_path):
    wanted = settings(kafka, "faust.")
    async with opened(wanted) as log:
        dead = Producer(writer_config(wanted, "faust.campaigniq.p1"))
        dead.init_transactions(60)
        dead.begin_transaction()
        dead.produce(f"faust.{ROLLUPS}", b"never", None, 0)
        assert dead.flush(60) == 0
        writer = await log.open_writer("p0")
        seen: asyncio.Queue[bytes] = asyncio.Queue()
        app = faust_reader(wanted, tmp_path)
        topic = app.topic(f"faust.{ROLLUPS}", value_type=bytes, value_serializer="raw")

        async def read(stream) -> None:
            async for value in stream:
                seen.put_nowait(value)

        app.agent(topic)(read)
        app.finalize()
        async with app:
            await writer.commit([record(b"seen", ROLLUPS)])
            await log.open_writer("p1")
            first = await asyncio.wait_for(seen.get(), 60)
    assert first == b"seen"


async def test_faust_does_not_let_a_busy_partition_wait_for_quiet_ones(kafka, tmp_path):
    wanted = settings(kafka, "waiting.")
    async with opened(wanted):
        app = faust_reader(wanted, tmp_path)
        app.agent(app.topic(f"waiting.{ROLLUPS}", value_type=bytes))(lambda stream: stream)
        app.finalize()
        async with app:
            # What goes into each request: there is no setting for it, and a name of aiokafka's own may change.
            asked_ms = app.consumer._thread._consumer._fetcher._fetch_max_wait_ms
    assert asked_ms <= 100


async def test_a_fenced_writer_stays_fenced(kafka):
    async with opened(settings(kafka, "fenced.")) as log:
        earlier = await log.open_writer("p0")
        await log.open_writer("p0")
        for _ in range(2):
            with pytest.raises(FencedError):
                await earlier.commit([record(b"no", STATE, b"k")])
