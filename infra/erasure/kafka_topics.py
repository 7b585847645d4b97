"""Lets Kafka compact a topic for a while, so that what was deleted or replaced leaves its disks. Blocks.

Compaction drops records without a key: who calls this has made sure that there are none.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, says the library's manual
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
)

from streams.log.kafka_admin import topic_config
from streams.log.kafka_errors import KafkaLogError, error_of
from streams.log.kafka_settings import Names, client_config
from streams.log.topics import TOPICS
from streams.settings import LogSettings

logger = logging.getLogger(__name__)

FILE_DELETE_DELAY_S = 1.0
_REQUEST_S = 30.0
_AT_ONCE = {
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1",
    # The newest segment is never cleaned: the next record begins another.
    "segment.ms": "1000",
    "delete.retention.ms": "0",
    "file.delete.delay.ms": str(int(FILE_DELETE_DELAY_S * 1000)),
}
_BOTH = "compact,delete"


class TopicCleaner:
    """Changes settings of topics and puts them back."""

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._names = Names(settings.namespace)
        self._client = AdminClient(client_config(settings))

    @contextmanager
    def compacting(self, topic: str) -> Iterator[None]:
        """Let Kafka compact the topic at once, as long as this lasts. Raises KafkaLogError."""
        name = self._names.topic(topic)
        own, wanted = self._own(name), topic_config(TOPICS[topic], self._settings)
        policy = {} if own.get("cleanup.policy") == "compact" else {"cleanup.policy": _BOTH}
        self._alter(name, _AT_ONCE | policy)
        try:
            yield
        finally:
            # A process that died here has left what nobody else sets: then the topic gets what it was made with.
            ours = _AT_ONCE | {"cleanup.policy": _BOTH}
            back = {key: wanted.get(key) if own.get(key) == ours[key] else own.get(key) for key in (*_AT_ONCE, *policy)}
            self._alter(name, back)

    def _own(self, name: str) -> Mapping[str, str]:
        """Return the settings that the topic has of its own, beside the broker's."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        try:
            entries = self._client.describe_configs([resource], request_timeout=_REQUEST_S)[resource].result()
        except KafkaException as raised:
            raise KafkaLogError(f"Kafka does not tell the settings of {name}: {error_of(raised).str()}") from raised
        source = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {key: entry.value for key, entry in entries.items() if entry.source == source}

    def _alter(self, name: str, values: Mapping[str, str | None]) -> None:
        entries = [
            ConfigEntry(
                key,
                value,
                incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
            )
            for key, value in values.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        try:
            self._client.incremental_alter_configs([resource], request_timeout=_REQUEST_S)[resource].result()
        except KafkaException as raised:
            problem = error_of(raised).str()
            raise KafkaLogError(f"Kafka does not let the settings of {name} be changed: {problem}") from raised
