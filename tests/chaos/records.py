"""Reads topics whole, as any consumer that reads committed records does; and what a worker has committed so far."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, TopicPartition

_BATCH = 5_000
_LIMIT_S = 60.0


class Record(NamedTuple):
    """A record as read."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int


def read(bootstrap: str, topic: str, partition: int, start: int = 0) -> Iterator[Record]:
    """Yield the records of one partition that are there now, from `start` on."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "chaos-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        place = TopicPartition(topic, partition)
        first, _ = consumer.get_watermark_offsets(place, timeout=_LIMIT_S)
        consumer.assign([TopicPartition(topic, partition, max(first, start))])
        deadline = time.monotonic() + _LIMIT_S
        while True:
            assert time.monotonic() < deadline, f"{topic} {partition} could not be read to its end"
            for message in consumer.consume(_BATCH, 0.1):
                deadline = time.monotonic() + _LIMIT_S
                if error := message.error():
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    return
                yield Record(partition, message.offset() or 0, message.key(), message.value(), message.timestamp()[1])
    finally:
        consumer.close()


def newest_by_key(bootstrap: str, topic: str, partition: int) -> dict[bytes, bytes]:
    """Return a compacted topic's partition as it stands."""
    found: dict[bytes, bytes] = {}
    for record in read(bootstrap, topic, partition):
        if record.key is not None and record.value is not None:
            found[record.key] = record.value
        elif record.key is not None:
            found.pop(record.key, None)
    return found
