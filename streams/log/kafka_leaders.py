"""Who leads which partition, as a client believes it.

librdkafka keeps for `metadata.max.age.ms`, 15 minutes, that Kafka has named no leader, as it does while a broker
starts. Until then it says at once, without asking, that there is none, unless the client appends or consumes there.
"""

import logging
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException

logger = logging.getLogger(__name__)
_OUTDATED = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError._NOENT,  # noqa: SLF001  the library's public constant: of all that was asked for nothing has a leader
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  the same, said by consumers
    }
)


class Client(Protocol):
    """What this needs of a consumer or an admin client."""

    def list_topics(self, *, timeout: float) -> Any: ...


def is_outdated(error: KafkaError) -> bool:
    """Say whether the client may go by an election that is over, or by none, and has to learn of the latest."""
    return error.code() in _OUTDATED


def learn(client: Client, timeout_s: float) -> None:
    """Ask who leads what, for `timeout_s`."""
    try:
        client.list_topics(timeout=timeout_s)
    except KafkaException:
        logger.warning("Kafka does not say who leads what", exc_info=True)
