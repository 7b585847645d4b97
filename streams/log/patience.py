"""Appending for those who can't be told to come back later: the engine, whose frames wait in the log meanwhile."""

import asyncio
import logging
from collections.abc import Sequence

from streams.model.errors import LogFullError
from streams.ports import EventLog, NewRecord

logger = logging.getLogger(__name__)


async def append_patiently(log: EventLog, records: Sequence[NewRecord]) -> list[int]:
    """Append, waiting as long as the log is full; every other fault surfaces."""
    while True:
        try:
            return await log.append(records)
        except LogFullError as error:
            logger.warning("the log can't take more (%s); trying again in %.0f s", error, error.retry_after_s)
            await asyncio.sleep(error.retry_after_s)
