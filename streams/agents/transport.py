"""Faust over an EventLog: the transport that lets the same Faust app run without Kafka.

One process is the whole consumer group: it is assigned every partition at once and there is never a rebalance. The app
must be an `EngineApp`, which carries the log. Scheme: `embedded://`.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.transport.base import Transport
from faust.transport.consumer import Consumer
from faust.transport.drivers import TRANSPORTS
from faust.transport.producer import Producer
from faust.types import TP, ConsumerMessage

from streams.model.errors import LogFullError
from streams.ports import EventLog, LogRecord

logger = logging.getLogger(__name__)

SCHEME = "embedded"
_MAX_RECORDS_PER_FETCH = 64
_EXPLICIT = "partitions are passed explicitly; see streams.model.ids.partition_for"


def register() -> None:
    """Make Faust know the scheme; calling it again changes nothing."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:EmbeddedTransport"


class EmbeddedConsumer(Consumer):
    """Reads the log's partitions as Faust's consumer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._log: EventLog = cast("Any", self.app).event_log
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Assign every partition of `topics` to this process."""
        assigned = {TP(topic, n) for topic in topics for n in range(self._log.partitions(topic))}
        if assigned == self._assigned:
            return
        self._assigned = assigned
        by_topic: dict[str, list[int]] = {}
        for tp in sorted(assigned):
            by_topic.setdefault(tp.topic, []).append(tp.partition)
        cast("Any", self.app.assignor)._assignment = ClientAssignment(actives=by_topic, standbys={})  # noqa: SLF001
        # Messages of another generation are skipped without a word, so both sides must know this one.
        self.app.consumer_generation_id += 1
        self.add_future(self._announce(assigned, self.app.consumer_generation_id))

    async def _announce(self, assigned: set[TP], generation_id: int) -> None:
        self.app.on_rebalance_start()
        await self.on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to where the group has committed, else to the beginning."""
        for topic in {tp.topic for tp in self._assigned}:
            known = await self._log.committed(self.app.conf.id, topic)
            for tp in self._assigned:
                if tp.topic == topic:
                    first, _ = await self._log.bounds(topic, tp.partition)
                    self._positions[tp] = known.get(tp.partition, first)
        return dict(self._positions)

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[partition] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to the given offsets."""
        self._positions.update(partitions)

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Go to the first offsets that exist."""
        for tp in partitions:
            self._positions[tp] = (await self._log.bounds(tp.topic, tp.partition))[0]

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  Faust's signature
    ) -> dict[TP, list[LogRecord]]:
        active = [tp for tp in (active_partitions or ()) if tp in self._positions]
        found = await self._read(active)
        if not found and await self._log.wait(
            {(tp.topic, tp.partition): self._positions[tp] for tp in active}, timeout
        ):
            found = await self._read(active)
        return found

    async def _read(self, active: list[TP]) -> dict[TP, list[LogRecord]]:
        found = {}
        for tp in active:
            start = self._positions[tp]
            records = await self._log.read(tp.topic, tp.partition, start, _MAX_RECORDS_PER_FETCH)
            # A seek may have moved the place while the read was under way.
            if records and self._positions[tp] == start:
                self._positions[tp] = records[-1].offset + 1
                found[tp] = records
        return found

    def _to_message(self, tp: TP, record: LogRecord) -> ConsumerMessage:
        value = record.value or b""
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp_ms / 1000,
            0,
            [],
            record.key,
            value,
            None,
            len(record.key or b""),
            len(value),
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        for topic in {tp.topic for tp in offsets}:
            moved = {tp.partition: offset for tp, offset in offsets.items() if tp.topic == topic}
            try:
                await self._log.commit(self.app.conf.id, topic, moved)
            except LogFullError as error:
                # The place is a convenience: frames that the engine's own commit covers are skipped anyway.
                logger.warning("the place in %s was not stored: %s", topic, error)
                return False
        return True

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    def assignment(self) -> set[TP]:
        """Return the assigned partitions: all."""
        return self._assigned

    def highwater(self, tp: TP) -> int:
        """Return the last place read: what may lie behind it takes a question to the log."""
        return self._positions.get(tp, 0)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the next offsets to be written."""
        return {tp: (await self._log.bounds(tp.topic, tp.partition))[1] for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the first offsets that exist."""
        return {tp: (await self._log.bounds(tp.topic, tp.partition))[0] for tp in partitions}

    async def position(self, tp: TP) -> int | None:
        """Return the next offset to read."""
        return self._positions.get(tp)

    def topic_partitions(self, topic: str) -> int | None:
        """Return the topic's partition count."""
        return self._log.partitions(topic)

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Topics of the embedded log always exist."""

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Refuse: partitions are always passed explicitly."""
        raise NotImplementedError(_EXPLICIT)


class EmbeddedProducer(Producer):
    """Faust's producer. The engine writes through the log itself, so this one only answers questions."""

    async def create_topic(self, *args: Any, **kwargs: Any) -> None:
        """Topics of the embedded log always exist."""

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Refuse: partitions are always passed explicitly."""
        raise NotImplementedError(_EXPLICIT)


class EmbeddedTransport(Transport):
    """Joins the two under the scheme `embedded://`."""

    Consumer = EmbeddedConsumer
    Producer = EmbeddedProducer
    default_port = 0
    driver_version = "embedded"


async def wait_forever() -> None:
    """Park a task that must neither end nor acknowledge anything."""
    await asyncio.Event().wait()
