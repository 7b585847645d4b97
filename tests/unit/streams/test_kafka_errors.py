"""Which of Kafka's errors pass, so that `up` outlives a crash of the broker at whatever moment."""

import pytest
from confluent_kafka import KafkaError

from streams.log.kafka_errors import may_pass


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._DESTROY_BROKER,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    ],
)
def test_what_a_crash_of_the_broker_brings_passes(code: int):
    assert may_pass(KafkaError(code))


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE])
def test_what_kafka_refuses_for_good_does_not(code: int):
    assert not may_pass(KafkaError(code))
