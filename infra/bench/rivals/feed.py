"""R1 as the rivals get it: one JSON record an event, keyed by profile; and what they must say about it."""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from infra.bench.kafka_run import KafkaRun, Message
from infra.bench.r1.encode import WORKSPACE
from infra.bench.r1.generator import R1Event, events, properties
from infra.bench.r1.oracle import Outcome, expected
from infra.bench.r1.verify import Said, differences
from streams.model.ids import partition_for

_GRACE_MS = 20_000
"""What is due so shortly before the end may be left open: some wait for late events, some look at the clock only when a
cart or a purchase comes.
"""


class Feed(NamedTuple):
    """A topic with the first `events` events of R1. What is due between `closed_ms` and the last event may be said or
    not: each partition has a clock of its own.
    """

    topic: str
    events: int
    least: Outcome
    most: Outcome
    closed_ms: int

    def differences(self, said: Said) -> dict[str, int]:
        """Return how much of what was said is wrong, missing or too much."""
        return differences(said, self.least, self.most, self.closed_ms)


def make_feed(kafka: KafkaRun, count: int, partitions: int) -> Feed:
    """Fill a topic of its own with R1's first `count` events."""
    topic = f"rivals-input-{count}"
    kafka.make_topics({topic: False}, partitions)
    kafka.fill(_messages(topic, count, partitions))
    stream = list(events(count))
    clocks = {partition_for(WORKSPACE, event.profile, partitions): event.at_ms for event in stream}
    closed_ms = min(clocks.values()) - _GRACE_MS
    return Feed(topic, count, expected(stream, closed_ms), expected(stream, max(clocks.values())), closed_ms)


def _messages(topic: str, count: int, partitions: int) -> Iterator[Message]:
    for event in events(count):
        partition = partition_for(WORKSPACE, event.profile, partitions)
        yield Message(topic, partition, orjson.dumps(_as_json(event)), event.profile.encode(), event.at_ms)


def _as_json(event: R1Event) -> dict[str, object]:
    return {
        "id": event.id,
        "profile": event.profile,
        "name": event.name,
        "ts": event.at_ms / 1000,
        "source": event.source,
        "campaign": event.campaign,
        "value": event.value,
        "props": properties(event),
    }
