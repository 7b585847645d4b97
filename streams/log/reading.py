"""A partition of the log from its first record to its last, as they were when that began."""

from collections.abc import AsyncIterator
from typing import Protocol

from streams.ports import LogRecord

READ_RECORDS = 1_000


class Reads(Protocol):
    """What this needs of a log."""

    async def read(self, topic: str, partition: int, offset: int, max_records: int) -> list[LogRecord]: ...

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]: ...


async def batches(
    log: Reads, topic: str, partition: int, max_records: int = READ_RECORDS
) -> AsyncIterator[list[LogRecord]]:
    """Yield all records in order, at most `max_records` at once."""
    offset, end = await log.bounds(topic, partition)
    while offset < end and (records := await log.read(topic, partition, offset, max_records)):
        offset = records[-1].offset + 1
        yield records
