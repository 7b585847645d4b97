"""The Kafka of tests and development itself: it comes back after a kill with its data, and ends when it is told."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.server import Cluster, running_kafka
from infra.settings import load_settings
from streams.log.kafka_admin import TopicAdmin
from streams.log.kafka_errors import KafkaLogError
from streams.log.kafka_offsets import Offsets
from streams.log.kafka_reader import PartitionReader, Place
from streams.log.kafka_settings import Names
from streams.model.errors import LogUnavailableError
from streams.ports import LogRecord
from tests.kafka import found_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

LIMIT_S = 90


def make_topic(bootstrap: str, name: str, copies: int | list[list[int]]) -> None:
    """Make it with one partition: so many copies, or for each partition the brokers that have it."""
    where = {"num_partitions": 1, "replication_factor": copies}
    if isinstance(copies, list):
        where = {"num_partitions": len(copies), "replica_assignment": copies}
    ends = time.monotonic() + LIMIT_S
    while True:
        # Kept until the answer is there: a client that goes out of scope fails what it was asked. A new one each time:
        # it may wait for the broker that was killed, and the next knows who decides now.
        admin = AdminClient({"bootstrap.servers": bootstrap})
        try:
            admin.create_topics([NewTopic(name, **where)], request_timeout=10)[name].result(LIMIT_S)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return
            if time.monotonic() > ends:
                raise
        else:
            return


def has_topic(bootstrap: str, name: str) -> bool:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    ends = time.monotonic() + LIMIT_S
    # Brokers hear of a new topic one after the other.
    while name not in admin.list_topics(timeout=10).topics:
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_broker_comes_back_with_its_topics_on_the_same_port(kafka_jars):
    with running_kafka(kafka_jars) as cluster:
        make_topic(cluster.bootstrap, "kept", 1)
        first = cluster.brokers[0].pid
        cluster.brokers[0].kill()
        cluster.start()
        assert cluster.brokers[0].pid != first
        assert has_topic(cluster.bootstrap, "kept")


@pytest.fixture(scope="module")
def three(kafka_jars):
    with running_kafka(kafka_jars, brokers=3) as cluster:
        yield cluster


@pytest.mark.slow
def test_topics_made_on_three_brokers_are_there_on_each_as_they_must_be(three):
    log = load_settings(log={"url": f"kafka://{three.bootstrap}", "partitions": 2, "replication_factor": 3}).log
    made = TopicAdmin(log).check(create=True)
    assert {(report.problem, report.partitions, report.replication) for report in made} == {("", 2, 3)}


@pytest.mark.slow
def test_three_brokers_go_on_without_one(three):
    three.brokers[0].kill()
    make_topic(three.bootstrap, "two", 2)
    assert has_topic(three.bootstrap, "two")
    three.start()


def leaders_of(cluster: Cluster, *topics: str) -> list[int]:
    """Return the number of the broker that leads each topic's only partition; -1 where there is none."""
    found = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(timeout=10).topics
    return [found[topic].partitions[0].leader if topic in found else -1 for topic in topics]


@pytest.mark.slow
def test_who_has_asked_a_broker_that_died_is_answered_once_another_leads_or_it_is_back(three):
    names = ("here", "here-and-there")
    for topic, brokers in zip(names, ([2], [2, 3]), strict=True):
        make_topic(three.bootstrap, topic, [brokers])
    config = {"bootstrap.servers": three.bootstrap, "reconnect.backoff.max.ms": 200}
    offsets = Offsets(AdminClient(config), Names(""), 1)
    readers = {topic: PartitionReader(config | {"group.id": "any"}, Place(topic, topic, 0), 1) for topic in names}

    def answer(topic: str) -> tuple[int, list[LogRecord]] | None:
        with suppress(LogUnavailableError, KafkaLogError):
            return asyncio.run(offsets.ends([(topic, 0)]))[topic, 0], readers[topic].read(0, 1)
        return None

    def wait_until(leaders: list[int], answers: list[object]) -> None:
        """Asking all the while, so that everybody hears what there is to hear."""
        ends = time.monotonic() + LIMIT_S
        while [answer(topic) for topic in names] != answers or leaders_of(three, *names) != leaders:
            assert time.monotonic() < ends

    wait_until([2, 2], [(0, []), (0, [])])
    three.brokers[1].kill()
    wait_until([-1, 3], [None, (0, [])])
    three.brokers[1].start()
    wait_until([2, 3], [(0, []), (0, [])])
    for reader in readers.values():
        reader.close()


def test_the_command_says_when_it_is_ready_and_ends_on_sigterm(kafka_jars):
    argv = [sys.executable, "-m", "infra.kafka", "--port", "0", "--heap-mib", "512"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("ready 127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_command_ends_when_its_broker_dies(kafka_jars, tmp_path):
    argv = [sys.executable, "-m", "infra.kafka", "--port", "0", "--heap-mib", "512", "--data", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("ready")
        os.kill(child_of(process.pid), signal.SIGKILL)
        assert process.wait(60) == 1
        assert "does not run" in process.stderr.read()


def child_of(pid: int) -> int:
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert len(found) == 1
    return found[0]
