"""Writing for those who can't be told to come back later: the engine, whose frames wait in the log meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from streams.model.errors import LogFullError
from streams.ports import EventLog, LogWriter, NewRecord

logger = logging.getLogger(__name__)
T = TypeVar("T")


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
