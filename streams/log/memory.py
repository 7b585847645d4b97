"""The log in memory: the test kit's log. Same contract as the durable ones, gone with the process."""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from secrets import token_hex

from streams.log.subscription import LogSubscription
from streams.log.topics import topic
from streams.model.errors import FencedError, LogClosedError
from streams.ports import LogRecord, LogWriter, NewRecord, Subscription


class MemoryEventLog:
    """Keeps every record in lists; `fail_appends_with` makes appends fail, for fault tests."""

    def __init__(self, partitions: int = 4) -> None:
        self._partitions = partitions
        self._identity = f"memory:{token_hex(8)}"
        self._records: dict[tuple[str, int], list[LogRecord]] = defaultdict(list)
        self._next: dict[tuple[str, int], int] = defaultdict(int)
        self._committed: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
        self._appended = asyncio.Condition()
        self._writers: dict[str, MemoryLogWriter] = {}
        self._closed = False
        self.fail_appends_with: Exception | None = None

    def partitions(self, topic_name: str) -> int:
        """Return the topic's partition count. Raises UnknownTopicError."""
        topic(topic_name)
        return self._partitions

    def identity(self) -> str:
        """Return what tells this log from every other."""
        return self._identity

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records or none."""
        if self._closed:
            raise LogClosedError("the memory log is closed")
        if self.fail_appends_with:
            raise self.fail_appends_with
        offsets = []
        for record in records:
            place = (record.topic, record.partition)
            stored = self._records[place]
            if topic(record.topic).compacted:
                stored[:] = [r for r in stored if r.key != record.key]
            offset = self._next[place]
            self._next[place] = offset + 1
            stored.append(LogRecord(*place, offset, record.key, record.value, record.timestamp_ms))
            offsets.append(offset)
        async with self._appended:
            self._appended.notify_all()
        return offsets

    async def open_writer(self, name: str) -> LogWriter:
        """Return the writer called `name`, fencing the one before it."""
        self._writers[name] = writer = MemoryLogWriter(self, name)
        return writer

    def is_current(self, writer: "MemoryLogWriter") -> bool:
        """Say whether no later writer of its name was opened."""
        return self._writers.get(writer.name) is writer

    async def read(self, topic_name: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        """Return up to `max_records` existing records from `offset` on."""
        stored = self._records[topic_name, partition]
        start = bisect_left(stored, offset, key=lambda r: r.offset)
        return stored[start : start + max_records]

    async def bounds(self, topic_name: str, partition: int) -> tuple[int, int]:
        """Return the first existing offset and the next one."""
        stored = self._records[topic_name, partition]
        after = self._next[topic_name, partition]
        return (stored[0].offset if stored else after, after)

    async def committed(self, group: str, topic_name: str) -> dict[int, int]:
        """Return the group's next offsets to read."""
        return dict(self._committed[group, topic_name])

    async def commit(self, group: str, topic_name: str, offsets: Mapping[int, int]) -> None:
        """Store the group's next offsets to read."""
        self._committed[group, topic_name].update(offsets)

    async def wait(self, positions: Mapping[tuple[str, int], int], timeout_s: float) -> bool:
        """Wait until some place has a record at or after its position."""

        def ready() -> bool:
            return self._closed or any(self._next[place] > at for place, at in positions.items())

        try:
            async with asyncio.timeout(timeout_s), self._appended:
                await self._appended.wait_for(ready)
        except TimeoutError:
            return False
        return not self._closed

    def subscribe(self, group: str | None, topics: Sequence[str], start: str = "committed") -> Subscription:
        """Return a subscription to `topics`."""
        return LogSubscription(self, group, topics, start)

    async def close(self) -> None:
        """Refuse further appends."""
        self._closed = True
        async with self._appended:
            self._appended.notify_all()


class MemoryLogWriter:
    """Appends all or nothing, as long as it is the newest of its name."""

    def __init__(self, log: MemoryEventLog, name: str) -> None:
        self._log = log
        self.name = name

    async def commit(self, records: Sequence[NewRecord]) -> None:
        """Append all records in one step."""
        if not self._log.is_current(self):
            raise FencedError(f"a later writer {self.name} was opened")
        await self._log.append(records)

    async def close(self) -> None:
        """Nothing is held."""
