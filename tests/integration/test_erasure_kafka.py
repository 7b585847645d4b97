"""Somebody is erased from a platform whose log is a real Kafka: no byte of them is left on the broker's disk."""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from infra.erasure.kafka_topics import TopicCleaner
from infra.offline.sources import LogSource
from streams.frames import decode
from streams.log import topics
from streams.log.kafka import KafkaEventLog
from streams.log.kafka_admin import TopicAdmin
from streams.settings import LogSettings
from tests.e2e.harness import Platform
from tests.e2e.test_erasure import EMAIL, TELLING, done, erase, files_with, live_through
from tests.kafka import found_kafka, shared_kafka  # noqa: F401 - fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]
_installations = count()
ERASED_S = 600


@pytest.fixture(name="settings")
def kafka_settings(kafka) -> LogSettings:
    # Without compression, so that a search of the broker's files finds what there is.
    settings = LogSettings(
        url=f"kafka://{kafka.bootstrap}", partitions=2, namespace=f"erase{next(_installations)}.", compression="none"
    )
    TopicAdmin(settings).check(create=True)
    return settings


@pytest.fixture(name="platform")
def running_platform(tmp_path: Path, settings: LogSettings) -> Iterator[Platform]:
    env = {
        "ENGINE__CART_WINDOW_S": 1,
        "LOG__TICK_INTERVAL_MS": 200,
        "LOG__URL": settings.url,
        "LOG__PARTITIONS": settings.partitions,
        "LOG__NAMESPACE": settings.namespace,
        "LOG__COMPRESSION": settings.compression,
    }
    with Platform(tmp_path / "data", env) as platform:
        yield platform


def told_on_disk(kafka, settings: LogSettings) -> dict[str, list[str]]:
    folder = kafka.brokers[0]._home / "data"
    found = files_with(folder, TELLING)
    return {name: words for name, words in found.items() if name.startswith(settings.namespace)}


async def events_of(settings: LogSettings) -> dict[str, tuple[int, int]]:
    """Every event that an offline command reads: id -> where it stands."""
    log = await KafkaEventLog(settings).open()
    source = await LogSource.open(log)
    found = {}
    for partition in range(settings.partitions):
        while records := await source.read(partition):
            for record in records:
                for event in decode(record.value).events:
                    found[event.id] = (partition, record.offset)
    await log.close()
    return found


async def test_no_byte_of_an_erased_person_is_left_on_the_brokers_disk(kafka, settings, platform):
    live_through(platform)
    before = await events_of(settings)
    assert told_on_disk(kafka, settings)
    certificate = done(platform, erase(platform, EMAIL)["id"], ERASED_S)
    assert (certificate["state"], certificate["error"]) == ("done", "")
    assert told_on_disk(kafka, settings) == {}
    assert files_with(platform.folder, TELLING) == {}
    # What is left of frames that held others' events, too, is read where it stood.
    after = await events_of(settings)
    others = {name: place for name, place in before.items() if name.startswith("msg-bob")}
    assert {name: place for name, place in after.items() if name.startswith("msg-bob")} == others
    assert not [name for name in after if name.startswith("msg-ada")]
    # The engine goes on behind the gap, and the topics are as they were.
    assert platform.get("/api/leads/customer-bob-1791")["id"] == "user:customer-bob-1791"
    assert settled(settings, has_problems=False)
    platform.stop()
    platform.start()
    assert [lead["id"] for lead, _ in platform.leads()] == ["user:customer-bob-1791"]


def settled(settings: LogSettings, *, has_problems: bool) -> bool:
    """Ask until the brokers have heard of the change."""
    ends = time.monotonic() + 60
    while any(report.problem for report in TopicAdmin(settings).check()) != has_problems:
        if time.monotonic() > ends:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.parametrize("topic", [topics.EVENTS, topics.STATE])
def test_a_topic_gets_its_settings_back_also_when_a_process_died_while_it_was_compacted(settings, topic):
    died = TopicCleaner(settings).compacting(topic)
    died.__enter__()
    assert settled(settings, has_problems=True)
    with TopicCleaner(settings).compacting(topic):
        pass
    assert settled(settings, has_problems=False)
    died.__exit__(None, None, None)
