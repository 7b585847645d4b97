"""Questions about partitions are asked again, each time with fresh knowledge of who leads what.

librdkafka keeps for `metadata.max.age.ms`, 15 minutes, whom it knew to lead a partition, or that there was nobody, as
while a broker starts. Until then it waits for a leader that is gone, or says at once that there is none, unless the
client appends or consumes there.
"""

from contextlib import suppress
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from streams.log.kafka_errors import may_pass, translated
from streams.model.errors import CampaignIqError, LogUnavailableError


class Client(Protocol):
    """What this needs of a consumer or an admin client."""

    def list_topics(self, *, timeout: float) -> Any: ...


def refusal(error: KafkaError, doing: str, *, in_time: bool) -> CampaignIqError | None:
    """Return what to raise instead of an answer; None while asking again, `in_time`, may help."""
    passes = may_pass(error) or error.code() == KafkaError.NOT_COORDINATOR
    # A broker that has just started, or has not yet heard of a new topic; or the topic is gone.
    is_unsure = error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    if in_time and (passes or is_unsure):
        return None
    return LogUnavailableError(f"{doing}: Kafka does not answer: {error.str()}") if passes else translated(error, doing)


def learn(client: Client, timeout_s: float) -> None:
    """Ask who leads what, for `timeout_s`."""
    # Whether it has been told shows when the question is asked again.
    with suppress(KafkaException):
        client.list_topics(timeout=timeout_s)
