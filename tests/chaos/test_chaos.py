"""Two workers on a real Kafka through faults: what comes out is what a single pass over the log gives, exactly.

`make chaos` runs it at length; CAMPAIGNIQ_CHAOS_SEED gives other people and other faults, CAMPAIGNIQ_CHAOS_BROKERS=3
brokers that take over from one another.
"""

import os

import pytest

from infra.kafka.server import running_kafka
from tests.chaos.run import Plan, run_chaos
from tests.kafka import found_kafka  # noqa: F401 - a fixture

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

EVENTS = int(os.environ.get("CAMPAIGNIQ_CHAOS_EVENTS", "60000"))
FAULTS = int(os.environ.get("CAMPAIGNIQ_CHAOS_FAULTS", "6"))
BROKERS = int(os.environ.get("CAMPAIGNIQ_CHAOS_BROKERS", "1"))
SEED = int(os.environ.get("CAMPAIGNIQ_CHAOS_SEED", "1"))


@pytest.mark.timeout(600 + 60 * FAULTS + EVENTS // 200)
def test_through_all_faults_the_output_is_that_of_a_single_pass(kafka_jars, tmp_path):
    with running_kafka(kafka_jars, data=tmp_path / "kafka", brokers=BROKERS) as cluster:
        figures = run_chaos(cluster, tmp_path, Plan(EVENTS, FAULTS, SEED))
    assert figures["differences"] == {}
    assert sum(figures["faults"].values()) == FAULTS
