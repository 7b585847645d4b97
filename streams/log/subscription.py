"""A Subscription made of an EventLog's read, wait and commit; serves every log that has no consumer of its own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streams.ports import LogRecord

if TYPE_CHECKING:
    from streams.ports import EventLog


class LogSubscription:
    """Reads all partitions of its topics, in turn."""

    def __init__(self, log: "EventLog", group: str | None, topics: Sequence[str], start: str) -> None:
        if start == "committed" and group is None:
            raise ValueError('start="committed" needs a group')
        self._log = log
        self._group = group
        self._topics = tuple(topics)
        self._start = start
        self._positions: dict[tuple[str, int], int] = {}
        self._committed: dict[tuple[str, int], int] = {}

    async def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[LogRecord]:
        """Return the next records in partition order, waiting up to `timeout_s` for the first."""
        if not self._positions:
            await self._find_start()
        records = await self._read(max_records)
        if not records and timeout_s > 0 and await self._log.wait(self._positions, timeout_s):
            records = await self._read(max_records)
        return records

    async def commit(self) -> None:
        """Remember durably, for the group, that everything polled so far is done."""
        if self._group is None:
            raise ValueError("a subscription without a group has nowhere to commit to")
        for topic in self._topics:
            moved = {
                partition: position
                for (name, partition), position in self._positions.items()
                if name == topic and self._committed.get((name, partition)) != position
            }
            if moved:
                await self._log.commit(self._group, topic, moved)
                self._committed.update({(topic, p): at for p, at in moved.items()})

    async def lag(self) -> int:
        """Return how many offsets lie between the place and the end of the log."""
        total = 0
        for (topic, partition), position in self._positions.items():
            first, after = await self._log.bounds(topic, partition)
            total += max(0, after - max(first, position))
        return total

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Return the next offset to read of each (topic, partition)."""
        return self._positions

    async def close(self) -> None:
        """Nothing is held open between polls."""

    async def _find_start(self) -> None:
        for topic in self._topics:
            known = await self._log.committed(self._group, topic) if self._group else {}
            for partition in range(self._log.partitions(topic)):
                first, after = await self._log.bounds(topic, partition)
                start = after if self._start == "latest" else first
                if self._start == "committed":
                    start = known.get(partition, first)
                    if partition in known:
                        self._committed[topic, partition] = start
                self._positions[topic, partition] = start

    async def _read(self, max_records: int) -> list[LogRecord]:
        found: list[LogRecord] = []
        for topic, partition in list(self._positions):
            if len(found) >= max_records:
                break
            records = await self._log.read(
                topic, partition, self._positions[topic, partition], max_records - len(found)
            )
            if records:
                self._positions[topic, partition] = records[-1].offset + 1
                found += records
        # Rotate, so that a busy partition can't starve those behind it.
        head = next(iter(self._positions), None)
        if found and head is not None:
            self._positions[head] = self._positions.pop(head)
        return found
