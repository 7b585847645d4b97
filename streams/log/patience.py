"""For those who can't come back later: the engine, whose frames wait in the log meanwhile, and loops that live as long
as the process. While the log is away or full their questions wait, however long that takes.

Not for who answers a request, and not for ingest: those must say no in time. What the log refuses for good surfaces.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from streams.model.errors import LogFullError, LogUnavailableError
from streams.ports import EventLog, LogRecord, LogWriter, NewRecord, Subscription

logger = logging.getLogger(__name__)
T = TypeVar("T")
_PAUSE_S = 2.0


async def append_patiently(log: EventLog, records: Sequence[NewRecord]) -> list[int]:
    """Append, waiting as long as the log is full; every other fault surfaces."""
    return await _patiently(log.append, records)


async def commit_patiently(writer: LogWriter, records: Sequence[NewRecord]) -> None:
    """Commit, waiting as long as the log is full; every other fault surfaces."""
    await _patiently(writer.commit, records)


async def _patiently(write: Callable[[Sequence[NewRecord]], Awaitable[T]], records: Sequence[NewRecord]) -> T:
    while True:
        try:
            return await write(records)
        except LogFullError as error:
            logger.warning("the log can't take more (%s); trying again in %.0f s", error, error.retry_after_s)
            await asyncio.sleep(error.retry_after_s)


class PatientLog:
    """The EventLog `log`, patiently. Its owner closes it."""

    def __init__(self, log: EventLog, pause_s: float = _PAUSE_S) -> None:
        self._log = log
        self._pause_s = pause_s
        self.partitions = log.partitions
        self.identity = log.identity
        self.close = log.close

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        return await patiently(lambda: self._log.append(records), self._pause_s)

    async def open_writer(self, name: str) -> LogWriter:
        """Return the writer itself: whether a commit may be tried again is not for this class to say."""
        return await patiently(lambda: self._log.open_writer(name), self._pause_s)

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord]:
        return await patiently(lambda: self._log.read(topic, partition, offset, max_records), self._pause_s)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return await patiently(lambda: self._log.bounds(topic, partition), self._pause_s)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        return await patiently(lambda: self._log.committed(group, topic), self._pause_s)

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        await patiently(lambda: self._log.commit(group, topic, offsets), self._pause_s)

    async def wait(self, positions: Mapping[tuple[str, int], int], timeout_s: float) -> bool:
        return await patiently(lambda: self._log.wait(positions, timeout_s), self._pause_s)

    def subscribe(self, group: str | None, topics: Sequence[str], start: str = "committed") -> Subscription:
        return PatientSubscription(self._log.subscribe(group, topics, start), self._pause_s)


class PatientSubscription:
    """A subscription that goes on where it was once Kafka is back."""

    def __init__(self, subscription: Subscription, pause_s: float) -> None:
        self._subscription = subscription
        self._pause_s = pause_s
        self.close = subscription.close

    async def poll(self, max_records: int = 1000, timeout_s: float = 1.0) -> list[LogRecord]:
        return await patiently(lambda: self._subscription.poll(max_records, timeout_s), self._pause_s)

    async def commit(self) -> None:
        await patiently(self._subscription.commit, self._pause_s)

    async def lag(self) -> int:
        return await patiently(self._subscription.lag, self._pause_s)


async def patiently(ask: Callable[[], Awaitable[T]], pause_s: float) -> T:
    """Ask until there is an answer."""
    while True:
        try:
            return await ask()
        except (LogFullError, LogUnavailableError) as error:
            logger.warning("the log is away (%s); asking again", error)
        await asyncio.sleep(pause_s)
