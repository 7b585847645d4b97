"""The Kafka of tests and development itself: it comes back after a kill with its data, and ends when it is told."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.server import Cluster, running_kafka
from infra.settings import load_settings
from streams.log.kafka_admin import TopicAdmin
from streams.log.kafka_offsets import Offsets
from streams.log.kafka_reader import PartitionReader, Place
from streams.log.kafka_settings import Names
from streams.model.errors import LogUnavailableError
from tests.kafka import found_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

LIMIT_S = 90


def make_topic(bootstrap: str, name: str, copies: int) -> None:
    # Kept until the answer is there: a client that goes out of scope fails what it was asked.
    admin, ends = AdminClient({"bootstrap.servers": bootstrap}), time.monotonic() + LIMIT_S
    while True:
        try:
            # A broker may wait for the one that was killed; asked again, it knows who decides now.
            admin.create_topics([NewTopic(name, 1, copies)], request_timeout=10)[name].result(LIMIT_S)
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
def test_three_brokers_go_on_without_one(three):
    three.brokers[0].kill()
    make_topic(three.bootstrap, "two", 2)
    assert has_topic(three.bootstrap, "two")
    three.brokers[0].start()
    three.wait_ready()


@pytest.mark.slow
def test_topics_made_on_three_brokers_are_there_on_each_as_they_must_be(three):
    log = load_settings(log={"url": f"kafka://{three.bootstrap}", "partitions": 2}).log
    made = TopicAdmin(log).check(create=True)
    assert {(report.problem, report.partitions, report.replication) for report in made} == {("", 2, 3)}


def leader_of(cluster: Cluster, topic: str) -> int:
    """Return the number of the broker that leads the topic's only partition; -1 when there is none."""
    found = AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(timeout=10).topics
    return found[topic].partitions[0].leader if topic in found else -1


@pytest.mark.slow
@pytest.mark.parametrize("copies", [1, 2])
def test_who_has_asked_a_broker_that_died_is_answered_once_another_leads_or_it_is_back(three, copies):
    make_topic(three.bootstrap, topic := f"of-{copies}", copies)
    config = {"bootstrap.servers": three.bootstrap, "reconnect.backoff.max.ms": 200}
    offsets = Offsets(AdminClient(config), Names(""), 1)
    reader = PartitionReader(config | {"group.id": "any"}, Place(topic, topic, 0), 1)

    def asked() -> tuple[object, object]:
        return asyncio.run(offsets.ends([(topic, 0)])), reader.read(0, 1)

    def wait_until(is_so: Callable[[], bool]) -> None:
        """Asking all the while, so that both hear what there is to hear."""
        ends = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < ends
            with suppress(LogUnavailableError):
                asked()

    wait_until(lambda: leader_of(three, topic) > 0)
    first = leader_of(three, topic)
    three.brokers[first - 1].kill()
    wait_until(lambda: leader_of(three, topic) != first)
    with suppress(LogUnavailableError):
        asked()
    three.brokers[first - 1].start()
    wait_until(lambda: leader_of(three, topic) > 0)
    with suppress(LogUnavailableError):
        asked()
    assert asked() == ({(topic, 0): 0}, [])
    reader.close()
    three.wait_ready()


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
