"""Recorded frames: where a replay reads them. A range of the log, or of archives, partition by partition."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from streams.log import topics
from streams.log.kept import kept_frames, with_kept
from streams.ports import LogRecord

_READ_RECORDS = 1_000


class ReadableLog(Protocol):
    """What the offline tools need of an EventLog."""

    def partitions(self, topic: str) -> int: ...

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord]: ...

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]: ...

    async def committed(self, group: str, topic: str) -> dict[int, int]: ...

    async def close(self) -> None: ...


class TimeRange(NamedTuple):
    """Log times in Unix ms: from `from_ms` on, before `to_ms`; None has no end."""

    from_ms: int = 0
    to_ms: int | None = None

    def has(self, record: LogRecord) -> bool:
        """Say whether the record was logged in the range."""
        return self.from_ms <= record.timestamp_ms and (self.to_ms is None or record.timestamp_ms < self.to_ms)


class FrameSource(Protocol):
    """Frames of the events topic."""

    partitions: int

    async def read(self, partition: int) -> list[LogRecord]:
        """Return the partition's next records; empty at the end."""
        ...


class LogSource:
    """The events topic of a log, as long as it is when this is made; what comes later is not read."""

    def __init__(self, log: ReadableLog, starts: Mapping[int, int], ends: Mapping[int, int], time: TimeRange) -> None:
        self.partitions = log.partitions(topics.EVENTS)
        self.starts = dict(starts)
        self._log = log
        self._next = dict(starts)
        self._kept: dict[int, dict[int, LogRecord]] = {}
        self.ends = dict(ends)
        self._time = time

    @classmethod
    async def open(
        cls, log: ReadableLog, time: TimeRange | None = None, ends: Mapping[int, int] | None = None
    ) -> "LogSource":
        """Read what there is now, up to `ends` (offsets) where given."""
        bounds = {n: await log.bounds(topics.EVENTS, n) for n in range(log.partitions(topics.EVENTS))}
        starts = {number: start for number, (start, _) in bounds.items()}
        return cls(log, starts, ends or {number: end for number, (_, end) in bounds.items()}, time or TimeRange())

    async def read(self, partition: int) -> list[LogRecord]:
        """Return the partition's next records in the range; empty at the end."""
        if partition not in self._kept:
            start, end = self.starts[partition], self.ends[partition]
            kept = await kept_frames(self._log, partition)
            self._kept[partition] = {offset: one for offset, one in kept.items() if start <= offset < end}
        found: list[LogRecord] = []
        while not found and self._next[partition] < self.ends[partition]:
            records = await self._log.read(topics.EVENTS, partition, self._next[partition], _READ_RECORDS)
            end = self.ends[partition]
            self._next[partition] = records[-1].offset + 1 if records else end
            records = with_kept(records, self._kept[partition], self._next[partition])
            found = [record for record in records if record.offset < end and self._time.has(record)]
        return found
