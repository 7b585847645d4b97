"""A Kafka for one measurement: on a core of its own, its topics made, filled, read and emptied from outside."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.bench.cores import pin
from infra.bench.platform import PlatformError, usage_of
from infra.kafka.distribution import find_or_fetch_kafka
from infra.kafka.server import Cluster, running_kafka

if TYPE_CHECKING:
    from concurrent.futures import Future

_HEAP_MIB = 1_024
_TIMEOUT_S = 30.0
_READ_BATCH = 5_000
_SESSION_S = 60.0
_GROUP_POLL_S = 0.5
_QUEUE_KIB = 262_144


class Message(NamedTuple):
    """A record to produce."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None
    timestamp_ms: int = 0


class KafkaRun:
    """The broker while it runs. Everything is read committed."""

    def __init__(self, cluster: Cluster) -> None:
        self.bootstrap = cluster.bootstrap
        self._pid = cluster.brokers[0].pid
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def cpu_s(self) -> float:
        """Return the CPU time that the broker has used; 0 where there is no /proc."""
        usage = usage_of(self._pid)
        return usage.cpu_s if usage else 0.0

    def make_topics(self, topics: Mapping[str, bool], partitions: int) -> None:
        """Make topics that keep all records; True: compacted, whose newest record of each key is kept."""
        kept = {"retention.ms": "-1", "retention.bytes": "-1"}
        wanted = [
            NewTopic(name, partitions, 1, config={"cleanup.policy": "compact"} if is_compacted else kept)
            for name, is_compacted in topics.items()
        ]
        deadline = time.monotonic() + _TIMEOUT_S
        while wanted:
            made = self._admin.create_topics(wanted)
            wanted = [topic for topic in wanted if _failed_with(made[topic.topic], KafkaError.TOPIC_ALREADY_EXISTS)]
            if wanted:
                _pause(deadline, f"does not let go of the topic {wanted[0].topic}")
        while missing := set(topics) - set(self.topics()):
            _pause(deadline, f"does not show {len(missing)} of the topics that were made")

    def drop_topics(self, names: Iterable[str]) -> None:
        """Delete those of the topics that exist."""
        # Without asking first which do: the broker's answer may be from before they were made.
        wanted = list(names)
        for future in self._admin.delete_topics(wanted).values() if wanted else ():
            _failed_with(future, KafkaError.UNKNOWN_TOPIC_OR_PART)

    def topics(self) -> list[str]:
        """Return the names of all topics but Kafka's own."""
        return [name for name in self._admin.list_topics(timeout=_TIMEOUT_S).topics if not name.startswith("__")]

    def forget_groups(self) -> None:
        """Forget all consumer groups, with what they had committed. A member with a name of its own lives on there
        until its session ends, and is waited for. Raises KafkaException when it outlives that.
        """
        deadline = time.monotonic() + _SESSION_S
        while names := [group.group_id for group in self._admin.list_consumer_groups().result().valid or []]:
            for future in self._admin.delete_consumer_groups(names).values():
                fault = future.exception()
                if fault is not None and time.monotonic() > deadline:
                    raise fault
            time.sleep(_GROUP_POLL_S)

    def fill(self, messages: Iterable[Message], compression: str = "none") -> None:
        """Produce all messages, durably."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "linger.ms": 20,
                "compression.type": compression,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": _QUEUE_KIB,
                # Without it a batch that is sent again may come behind the ones after it.
                "enable.idempotence": True,
                "log_level": 0,
            }
        )
        for number, message in enumerate(messages):
            _produce(producer, message)
            if number % 1_000 == 0:
                producer.poll(0)
        if left := producer.flush(_TIMEOUT_S):
            raise PlatformError(f"Kafka did not take {left} records within {_TIMEOUT_S:.0f} s")

    def ends(self, names: Iterable[str]) -> dict[str, int]:
        """Return how many records were ever appended to each topic, marks of transactions included."""
        consumer = self._consumer()
        try:
            return {name: sum(e for _, e in self._bounds(consumer, name).values()) for name in names}
        finally:
            consumer.close()

    def read(self, topic: str) -> Iterator[bytes]:
        """Yield the values of all records that are there now, each partition in order."""
        consumer = self._consumer()
        try:
            bounds = self._bounds(consumer, topic)
            unread = {partition for partition, (start, end) in bounds.items() if end > start}
            consumer.assign([TopicPartition(topic, partition, bounds[partition][0]) for partition in unread])
            deadline = time.monotonic() + _TIMEOUT_S
            while unread:
                if time.monotonic() > deadline:
                    raise PlatformError(f"{topic} could not be read to its end within {_TIMEOUT_S:.0f} s")
                for message in consumer.consume(_READ_BATCH, 0.1):
                    if error := message.error():
                        _pass_over_end(error)
                        unread.discard(message.partition())
                    elif (value := message.value()) is not None:
                        yield value
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                # Marks of transactions are no messages: only this says where a partition has ended.
                "enable.partition.eof": True,
            }
        )

    def _bounds(self, consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
        partitions = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=_TIMEOUT_S) for p in partitions}


@contextmanager
def kafka_run(core: int | None) -> Iterator[KafkaRun]:
    """Run a broker of its own on `core` and stop it afterwards. Raises KafkaUnavailableError."""
    with running_kafka(find_or_fetch_kafka(), heap_mib=_HEAP_MIB) as cluster:
        pin(cluster.brokers[0].pid, core)
        yield KafkaRun(cluster)


def _pause(deadline: float, trouble: str) -> None:
    if time.monotonic() > deadline:
        raise PlatformError(f"Kafka {trouble}, after {_TIMEOUT_S:.0f} s")
    time.sleep(0.1)


def _failed_with(future: "Future[None]", expected: int) -> bool:
    """Say whether the request failed in the `expected` way; another failure is raised."""
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == expected:
            return True
        raise
    return False


def _pass_over_end(error: KafkaError) -> None:
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  its only name
        raise KafkaException(error)


def _produce(producer: Producer, message: Message) -> None:
    while True:
        try:
            producer.produce(
                message.topic,
                message.value,
                message.key,
                message.partition,
                timestamp=message.timestamp_ms,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return
