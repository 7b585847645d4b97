"""The running Kafka that all tests share; they are skipped, with the reason, where its jars were not fetched.

One broker for the whole run: a session fixture alone would be one for each module that imports it.
"""

import atexit
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import faust
import pytest

from infra.kafka.distribution import Distribution, find_kafka
from infra.kafka.server import Cluster, running_kafka
from streams.agents import kafka_broker
from streams.settings import LogSettings


@pytest.fixture(name="kafka_jars", scope="session")
def found_kafka() -> Distribution:
    found = find_kafka()
    if found is None:
        pytest.skip("Kafka is not fetched. Fetch it with: python -m infra.kafka.distribution")
    return found


@pytest.fixture(name="kafka", scope="session")
def shared_kafka(kafka_jars: Distribution) -> Cluster:
    return _shared(kafka_jars)


@cache
def _shared(kafka_jars: Distribution) -> Cluster:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running_kafka(kafka_jars))


def faust_reader(settings: LogSettings, folder: Path) -> faust.App:
    """Return a Faust app that reaches Kafka as the engine does, without agents."""
    kafka_broker.register()
    return faust.App(
        "reader",
        datadir=folder,
        store="memory://",
        web_enabled=False,
        autodiscover=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        **kafka_broker.broker_options(settings),
    )
