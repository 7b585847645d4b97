"""Subscriptions over Kafka: a member of a group, or a private place in all partitions."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.log.kafka_errors import RETRY_AFTER_S, error_of, may_pass, translated
from streams.log.kafka_offsets import Offsets
from streams.log.kafka_settings import Config, Names
from streams.model.errors import LogClosedError, LogFullError
from streams.ports import LogRecord

logger = logging.getLogger(__name__)
T = TypeVar("T")
Place = tuple[str, int]

_COMMIT_S = 30.0
_PAUSE_S = 0.1
_NO_LONGER_MINE = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
    }
)


class KafkaSubscription:
    """Reads some topics. Kafka spreads their partitions over the members of a group, and moves them when some go.

    Records are delivered at least once: those that a member had not committed go to whoever gets the partition.
    """

    def __init__(
        self, config: Config, names: Names, offsets: Offsets, group: str | None, places: Sequence[Place], start: str
    ) -> None:
        if start == "committed" and group is None:
            raise ValueError('start="committed" needs a group')
        self._consumer = Consumer(config)
        self._names = names
        self._offsets = offsets
        self._group = group
        self._places = tuple(places)
        self._start = start
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"log-subscription-{group or 'private'}")
        self._polling: asyncio.Future[list[LogRecord]] | None = None
        self._joined = False
        self._closed = False
        # Written in the thread; the loop takes copies.
        self._positions: dict[Place, int] = {}
        self._committed: dict[Place, int] = {}
        self._met: set[Place] = set()

    async def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[LogRecord]:
        """Return the next records in partition order, waiting up to `timeout_s` for the first."""
        if not self._joined:
            await self._join()
        if self._polling is None:
            self._polling = self._run(lambda: self._poll(max_records, timeout_s))
        # A caller that is cancelled leaves the thread polling; what it brings belongs to the next poll.
        records = await asyncio.shield(self._polling)
        self._polling = None
        return records

    async def commit(self) -> None:
        """Remember durably, for the group, that everything polled so far is done."""
        if self._group is None:
            raise ValueError("a subscription without a group has nowhere to commit to")
        await self._run(self._commit)

    async def lag(self) -> int:
        """Return how many offsets lie between the place and the end of the log, in this member's partitions."""
        positions = dict(self._positions)
        ends = await self._offsets.ends(positions)
        return sum(max(0, ends[place] - at) for place, at in positions.items())

    async def close(self) -> None:
        """Leave; uncommitted records are delivered again to the group's next subscription."""
        if self._closed:
            return
        closing = self._run(self._consumer.close)
        self._closed = True
        try:
            await closing
        finally:
            self._thread.shutdown(wait=False)

    def _run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        if self._closed:
            raise LogClosedError("the subscription is closed")
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _join(self) -> None:
        if self._group is not None:
            topics = sorted({self._names.topic(topic) for topic, _ in self._places})
            await self._run(
                lambda: self._consumer.subscribe(
                    topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
                )
            )
        else:
            bounds = await self._offsets.bounds(self._places)
            which = 1 if self._start == "latest" else 0
            self._positions = {place: both[which] for place, both in bounds.items()}
            assigned = [TopicPartition(self._names.topic(t), p, at) for (t, p), at in self._positions.items()]
            await self._run(lambda: self._consumer.assign(assigned))
        self._joined = True

    def _poll(self, max_records: int, timeout_s: float) -> list[LogRecord]:
        deadline = time.monotonic() + timeout_s
        while True:
            messages = self._consumer.consume(max_records, 0)
            if not messages:
                # Alone this would gather until all are there or the time is up.
                messages = self._consumer.consume(1, max(0.0, deadline - time.monotonic()))
                if messages and max_records > 1:
                    messages += self._consumer.consume(max_records - 1, 0)
            records = self._taken(messages)
            if records or time.monotonic() >= deadline:
                return records

    def _taken(self, messages: list[Message]) -> list[LogRecord]:
        records = []
        for message in messages:
            topic = self._names.logical(message.topic() or "")
            partition, offset = message.partition() or 0, message.offset() or 0
            error = message.error()
            if error is None:
                stamp = message.timestamp()[1]
                records.append(LogRecord(topic, partition, offset, message.key(), message.value(), stamp))
                self._positions[topic, partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public constant
                # Behind the last record may be markers: having passed them is a place worth keeping too.
                self._positions[topic, partition] = offset
            elif error.code() == KafkaError._MAX_POLL_EXCEEDED:  # noqa: SLF001  see above
                logger.warning("%s was not polled for long and left its group; it joins again", self._group)
            elif not may_pass(error):
                raise translated(error, f"reading {topic}")
        return records

    def _commit(self) -> None:
        moved = {place: at for place, at in self._positions.items() if self._committed.get(place) != at}
        if not moved:
            return
        offsets = [TopicPartition(self._names.topic(topic), partition, at) for (topic, partition), at in moved.items()]
        deadline = time.monotonic() + _COMMIT_S
        while True:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as raised:
                error = error_of(raised)
                if error.code() in _NO_LONGER_MINE:
                    logger.warning("%s lost partitions before it could commit; others read them again", self._group)
                    return
                if not may_pass(error) and error.code() != KafkaError.REBALANCE_IN_PROGRESS:
                    raise translated(error, f"committing where {self._group} is") from raised
                if time.monotonic() >= deadline:
                    raise LogFullError(f"committing where {self._group} is: {error.str()}", RETRY_AFTER_S) from raised
                time.sleep(_PAUSE_S)
            else:
                self._committed.update(moved)
                return

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            place = (self._names.logical(partition.topic), partition.partition)
            if self._start != "committed" and place not in self._met:
                partition.offset = OFFSET_END if self._start == "latest" else OFFSET_BEGINNING
            self._met.add(place)
        consumer.incremental_assign(partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            place = (self._names.logical(partition.topic), partition.partition)
            self._positions.pop(place, None)
            self._committed.pop(place, None)
        consumer.incremental_unassign(partitions)
