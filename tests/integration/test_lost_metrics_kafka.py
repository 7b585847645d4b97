"""A file of the charts' totals that was deleted is filled again from what Kafka has kept."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from infra.clock import SystemClock
from sinks.metrics.embedded import EmbeddedMetricStore
from sinks.metrics.writer import GROUP, MetricsWriter, begin_again
from streams.frames import encode_rollups
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.log.topics import ROLLUPS
from streams.model.errors import GroupInUseError
from streams.model.rollups import Rollup, RollupBatch, Series
from streams.ports import NewRecord
from streams.settings import LogSettings
from tests.kafka import found_kafka, shared_kafka  # noqa: F401 - fixtures
from tests.unit.sinks_metrics.fakes_metrics import FlakyStore, ListDeadLetters

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
PARTITIONS = 2


def total(partition: int) -> NewRecord:
    rollup = Rollup(Series("w", "purchase", "", "web", "USD"), 0, partition, 0, 3, 9.5)
    # A broker removes what is older than its topic keeps.
    return NewRecord(ROLLUPS, partition, None, encode_rollups(RollupBatch(partition, 1, (rollup,))), now_ms())


def now_ms() -> int:
    return int(time.time() * 1000)


async def count_in(store: EmbeddedMetricStore) -> int:
    return sum(point.count for point in await store.query("w", 0, 10_000, 10_000))


@pytest.fixture
async def log(kafka) -> AsyncIterator[KafkaEventLog]:
    settings = LogSettings(url=f"kafka://{kafka.bootstrap}", partitions=PARTITIONS, namespace="lostmetrics.")
    await asyncio.to_thread(TopicAdmin(settings).check, create=True)
    opened = await KafkaEventLog(settings).open()
    yield opened
    await opened.close()


async def filled(log: KafkaEventLog, *, refill: bool) -> int:
    """Run a writer over a new store until both totals are there; return how many events they count."""
    store = FlakyStore()
    subscription = log.subscribe(GROUP, [ROLLUPS])

    async def again() -> None:
        await begin_again(log, pause_s=0.05)

    writer = MetricsWriter(subscription, store, ListDeadLetters(), SystemClock(), refill=again if refill else None)
    running = asyncio.create_task(writer.run())
    async with asyncio.timeout(60):
        while await count_in(store) < 3 * PARTITIONS:
            await store.written.wait()
            store.written.clear()
    writer.stop()
    await running
    await subscription.close()
    found = await count_in(store)
    await store.close()
    return found


async def test_a_deleted_file_is_filled_again_once_kafka_lets_go_of_the_group(log):
    await log.append([total(partition) for partition in range(PARTITIONS)])
    assert await filled(log, refill=False) == 3 * PARTITIONS
    left_behind = log.subscribe(GROUP, [ROLLUPS])
    await left_behind.poll(timeout_s=0)
    again = asyncio.create_task(filled(log, refill=True))
    await left_behind.close()
    assert await again == 3 * PARTITIONS


async def test_a_group_with_members_is_not_moved_and_that_is_told(log):
    await log.append([total(0)])
    member = log.subscribe("watched", [ROLLUPS])
    async with asyncio.timeout(60):
        while not await member.poll(timeout_s=1):
            continue
    await member.commit()
    with pytest.raises(GroupInUseError):
        await log.commit("watched", ROLLUPS, {0: 0})
    await member.close()
    await log.commit("watched", ROLLUPS, {0: 0})
    assert (await log.committed("watched", ROLLUPS))[0] == 0
