"""The newest records of each partition, kept in memory: who follows the log closely is spared a query and two threads.

Holds only what is committed, and nothing of compacted topics, where a newer record makes an older one vanish.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from streams.log.topics import TOPICS
from streams.ports import LogRecord, NewRecord

_MAX_BYTES = 18 << 20
_MAX_RECORDS = 256
_COMPACTED = frozenset(name for name, topic in TOPICS.items() if topic.compacted)


class _Tail:
    """Records of one partition without gaps, up to its end."""

    def __init__(self) -> None:
        self.records: deque[LogRecord] = deque()
        self.size_bytes = 0

    def add(self, record: LogRecord, max_bytes: int) -> None:
        self.records.append(record)
        self.size_bytes += len(record.value or b"")
        while len(self.records) > _MAX_RECORDS or self.size_bytes > max_bytes:
            self.size_bytes -= len(self.records.popleft().value or b"")


class Tails:
    """The tails of a log with `partitions` partitions a topic; bounded in records and bytes."""

    def __init__(self, partitions: int) -> None:
        self._max_bytes = _MAX_BYTES // (partitions * len(TOPICS))
        self._tails: dict[tuple[str, int], _Tail] = {}

    def add(self, records: Iterable[NewRecord], offsets: Iterable[int]) -> None:
        """Take up records that have just been committed, in the order of their offsets."""
        for new, offset in zip(records, offsets, strict=True):
            if new.topic in _COMPACTED:
                continue
            tail = self._tails.setdefault((new.topic, new.partition), _Tail())
            tail.add(LogRecord(new.topic, new.partition, offset, *new[2:]), self._max_bytes)

    def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord] | None:
        """Return up to `max_records` records from `offset` on; None when it lies before the tail."""
        tail = self._tails.get((topic, partition))
        if tail is None or not tail.records or offset < tail.records[0].offset:
            return None
        start = offset - tail.records[0].offset
        return list(islice(tail.records, start, start + max_records))

    def clear(self) -> None:
        """Forget all, as records may have been removed from the log."""
        self._tails.clear()
