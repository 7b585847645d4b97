"""The Kafka of tests and development itself: it comes back after a kill with its data, and ends when it is told."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.server import running_kafka
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


@pytest.mark.slow
def test_three_brokers_go_on_without_one(kafka_jars):
    with running_kafka(kafka_jars, brokers=3) as cluster:
        cluster.brokers[0].kill()
        make_topic(cluster.bootstrap, "two", 2)
        assert has_topic(cluster.bootstrap, "two")


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
