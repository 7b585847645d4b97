"""Opening a log for the offline tools: Kafka, or the embedded one beside the platform that writes it. Only reads."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from infra.offline.sources import ReadableLog
from infra.options import usual_data
from infra.settings import Settings
from streams.log import topics
from streams.log.embedded_schema import OFFSET_BITS, row_id
from streams.log.kafka import KafkaEventLog
from streams.log.reading import batches
from streams.model.errors import ConfigurationError, UnknownTopicError
from streams.ports import EventLog, LogRecord

LOG_FILE = "log.db"
_OFFSET_MASK = (1 << OFFSET_BITS) - 1
_READ_RECORDS = 10_000


class Place(NamedTuple):
    """Where an installation's log is: a data folder, or the address of Kafka."""

    data: Path | None = None
    url: str = ""

    def or_usual(self, settings: Settings) -> "Place":
        """Return, where nothing is named, the Kafka of the settings, or else the usual folder if it holds a log.

        Raises ConfigurationError when both are named.
        """
        if self.data is not None and self.url:
            raise ConfigurationError("--log", "--data names a log, too", "Give one of the two")
        if self.data is not None or self.url:
            return self
        usual = usual_data()
        is_here = not settings.log.url and (usual / LOG_FILE).is_file()
        return Place(usual if is_here else None, settings.log.url)


class EmbeddedLogReader:
    """The embedded log's file, opened for reading: it may be in use, and is not changed. Raises ConfigurationError."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOG_FILE
        if not path.is_file():
            raise ConfigurationError("--data", f"{folder} holds no {LOG_FILE}", "Give the folder of an installation")
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None)
            self._numbers = dict(self._db.execute("SELECT name, no FROM topics").fetchall())
            counts = self._db.execute("SELECT value FROM meta WHERE name = 'partitions'").fetchone()
        except sqlite3.Error as error:
            raise ConfigurationError("--data", f"{path} can't be read: {error}", "Give another folder") from error
        self._partitions: int = counts[0] if counts else 0

    def partitions(self, topic: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        self._number(topic)
        return self._partitions

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` existing records from `offset` on; empty at the end."""
        number = self._number(topic)
        rows = self._db.execute(
            "SELECT id, ts, key, value FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (row_id(number, partition, offset), row_id(number, partition, _OFFSET_MASK), max_records),
        ).fetchall()
        return [LogRecord(topic, partition, rid & _OFFSET_MASK, key, value, ts) for rid, ts, key, value in rows]

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first existing offset and the one after the last."""
        number = self._number(topic)
        least, most = self._db.execute(
            "SELECT (SELECT min(id) FROM records WHERE id BETWEEN ?1 AND ?2),"
            " (SELECT max(id) FROM records WHERE id BETWEEN ?1 AND ?2)",
            (row_id(number, partition, 0), row_id(number, partition, _OFFSET_MASK)),
        ).fetchone()
        return (0, 0) if most is None else (least & _OFFSET_MASK, (most & _OFFSET_MASK) + 1)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the group's next offsets to read."""
        sql = "SELECT partition, offset FROM groups WHERE name = ? AND topic = ?"
        return dict(self._db.execute(sql, (group, self._number(topic))).fetchall())

    async def close(self) -> None:
        """Release the file."""
        self._db.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything read inside be of one moment. To be left soon: the file grows meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def newest(self, topic: str, partition: int, keys: Sequence[bytes]) -> dict[bytes, LogRecord]:
        """Return the newest record of each key of a compacted topic."""
        number = self._number(topic)
        place = row_id(number, partition, 0) >> OFFSET_BITS
        sql = "SELECT id, ts, key, value FROM records WHERE id = (SELECT id FROM newest WHERE place = ? AND key = ?)"
        rows = [row for key in keys for row in self._db.execute(sql, (place, key)).fetchall()]
        return {key: LogRecord(topic, partition, rid & _OFFSET_MASK, key, value, ts) for rid, ts, key, value in rows}

    def _number(self, topic: str) -> int:
        try:
            return int(self._numbers[topic])
        except KeyError:
            raise UnknownTopicError(f"the log has no topic {topic}") from None


async def open_log(place: Place, settings: Settings) -> ReadableLog:
    """Open the log at `place` for reading; without one, the usual one. Raises ConfigurationError."""
    place = place.or_usual(settings)
    if place.url:
        return await open_kafka(place.url, settings)
    if place.data is not None:
        return EmbeddedLogReader(place.data)
    remedy = "Give --data FOLDER or --log kafka://host:port, or set CAMPAIGNIQ_LOG__URL"
    raise ConfigurationError("--data", "no log is named", remedy)


async def open_kafka(url: str, settings: Settings) -> EventLog:
    """Open the log on Kafka; how to be let in stands in the settings. Raises ConfigurationError."""
    if not url.startswith("kafka://") or len(url) == len("kafka://"):
        raise ConfigurationError("--log", f"{url} is no address of Kafka", "Give kafka://host:port,host2:port")
    return await KafkaEventLog(settings.log.model_copy(update={"url": url})).open()


async def newest_of(log: ReadableLog, partition: int, keys: Sequence[bytes]) -> Mapping[bytes, LogRecord]:
    """Return the newest record of each key of the state topic; where the log has no index, this reads all of it."""
    if isinstance(log, EmbeddedLogReader):
        return log.newest(topics.STATE, partition, keys)
    wanted, found = frozenset(keys), {}
    for record in await state_records(log, partition):
        if record.key in wanted:
            found[record.key] = record
    return found


async def state_records(log: ReadableLog, partition: int) -> list[LogRecord]:
    """Return what the state topic holds of a partition: the newest record of each key, without those deleted."""
    with log.snapshot() if isinstance(log, EmbeddedLogReader) else nullcontext():
        return await _read_state(log, partition)


async def _read_state(log: ReadableLog, partition: int) -> list[LogRecord]:
    newest: dict[bytes, LogRecord] = {}
    async for records in batches(log, topics.STATE, partition, _READ_RECORDS):
        for record in records:
            if record.key is not None and record.value is None:
                newest.pop(record.key, None)
            elif record.key is not None:
                newest[record.key] = record
    return list(newest.values())
