"""The log on Kafka: EventLog over confluent-kafka. Nothing connects before `open`.

Appends go through one idempotent producer, commits of the engine through one transactional producer a writer, and
every consumer reads committed records only. Partitions are always explicit. Offsets have gaps: markers of transactions
and compaction leave some without a record. A record's time must be about now: Kafka keeps records, and remembers after
a crash which of a producer's records it has, by their times.
"""

import asyncio
from collections.abc import Mapping, Sequence

from streams.log.kafka_admin import REMEDY, TopicAdmin
from streams.log.kafka_appender import Appender
from streams.log.kafka_consumer import KafkaSubscription
from streams.log.kafka_offsets import Offsets
from streams.log.kafka_reader import Place, ReaderPool
from streams.log.kafka_settings import Names, consumer_config
from streams.log.kafka_writer import KafkaWriter
from streams.log.topics import TOPICS, topic
from streams.model.errors import ConfigurationError, LogClosedError, UnknownTopicError
from streams.ports import LogRecord, LogWriter, NewRecord, Subscription
from streams.settings import LogSettings

_FIRST_PAUSE_S = 0.02
_MAX_PAUSE_S = 0.1


class KafkaEventLog:
    """An EventLog on Kafka. Open with `open()`, in the loop that uses it."""

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._names = Names(settings.namespace)
        self._counts: dict[str, int] = {}
        self._identity = ""
        self._appender = Appender(settings, self._names)
        self._readers = ReaderPool(consumer_config(settings, self._names.group("readers")), _patience_s(settings))
        self._offsets: Offsets | None = None
        self._writers: set[KafkaWriter] = set()
        self._closed = False

    async def open(self) -> "KafkaEventLog":
        """Reach Kafka and find the topics as they must be. Raises ConfigurationError naming the setting."""
        admin = await asyncio.to_thread(TopicAdmin, self._settings)
        self._counts = await asyncio.to_thread(admin.partition_counts)
        for name in TOPICS:
            found, wanted = self._counts.get(name), self._settings.partitions
            if found is None:
                raise ConfigurationError("log.url", f"Kafka has no topic {self._names.topic(name)}", REMEDY)
            if found != wanted:
                problem = f"the topic {self._names.topic(name)} has {found} partitions, and log.partitions is {wanted}"
                raise ConfigurationError("log.partitions", problem, f"Set it to {found}, or use another log.namespace")
        self._identity = await asyncio.to_thread(admin.identity)
        self._offsets = Offsets(admin.client, self._names, _patience_s(self._settings))
        self._appender.open()
        return self

    def partitions(self, topic_name: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        name = topic(topic_name).name
        if name not in self._counts:
            raise UnknownTopicError(f"{self._names.topic(name)} is not known on Kafka. {REMEDY}")
        return self._counts[name]

    def identity(self) -> str:
        """Return what tells this log from every other: the state topic has it since it was made."""
        return self._identity

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append and return the offsets, once all in-sync brokers have all records.

        After a LogFullError that is not "records wait" some may be in the log nevertheless, see `Appender.append`.
        """
        return await self._appender.append(records)

    async def open_writer(self, name: str) -> LogWriter:
        """Return the writer called `name`. What an earlier one had not committed by now never becomes visible."""
        self._asker()
        writer = await KafkaWriter(self._settings, self._names, name).open()
        self._writers = {one for one in self._writers if not one.is_closed} | {writer}
        return writer

    async def read(self, topic_name: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` existing records from `offset` on; empty at the end."""
        return await self._readers.read(self._place(topic_name, partition), offset, max_records)

    async def bounds(self, topic_name: str, partition: int) -> tuple[int, int]:
        """Return the first existing offset and the one after the last that readers may see."""
        place = (topic_name, partition)
        return (await self._asker().bounds([place]))[place]

    async def committed(self, group: str, topic_name: str) -> dict[int, int]:
        """Return the group's next offsets to read."""
        return await self._asker().committed(group, topic_name)

    async def commit(self, group: str, topic_name: str, offsets: Mapping[int, int]) -> None:
        """Store the next offsets to read of a group without members, durably. Raises GroupInUseError."""
        await self._asker().commit(group, topic_name, offsets)

    async def wait(self, positions: Mapping[tuple[str, int], int], timeout_s: float) -> bool:
        """Wait until some place has a record at or after its position; False when time ran out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        pause_s = _FIRST_PAUSE_S
        while not self._closed:
            ends = await self._asker().ends(positions)
            for (name, partition), at in positions.items():
                place = self._place(name, partition)
                moved = ends[name, partition] > self._readers.empty_until(place, at)
                # The end may have moved by no more than a marker.
                if moved and await self._readers.has_record(place, at):
                    return True
            left_s = deadline - loop.time()
            if left_s <= 0:
                return False
            await asyncio.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, _MAX_PAUSE_S)
        return False

    def subscribe(self, group: str | None, topics: Sequence[str], start: str = "committed") -> Subscription:
        """Return a subscription to `topics`; with a group, a member of it."""
        config = consumer_config(self._settings, self._names.group(group or "private"))
        places = [(name, number) for name in topics for number in range(self.partitions(name))]
        return KafkaSubscription(config, self._names, self._asker(), group, places, start)

    async def close(self) -> None:
        """Finish what was appended and release everything."""
        if self._closed:
            return
        self._closed = True
        await self._appender.close()
        for writer in self._writers:
            await writer.close()
        await self._readers.close()

    def _place(self, name: str, partition: int) -> Place:
        return Place(name, self._names.topic(name), partition)

    def _asker(self) -> Offsets:
        if self._closed or self._offsets is None:
            raise LogClosedError("the Kafka log is not open")
        return self._offsets


def _patience_s(settings: LogSettings) -> float:
    """How long a question is asked again while no broker answers."""
    return max(30.0, 2 * settings.delivery_timeout_s)
