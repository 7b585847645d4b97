"""The ticker: puts the time into the log, so that windows close on a partition that nobody writes to."""

import asyncio
import logging
from collections.abc import Callable, Collection

from streams.frames import encode_tick
from streams.log import topics
from streams.model.errors import LogFullError
from streams.ports import AppendsRecords, Clock, NewRecord

logger = logging.getLogger(__name__)


async def run_ticker(
    log: AppendsRecords,
    clock: Clock,
    interval_ms: int,
    partitions: Callable[[], Collection[int]],
) -> None:
    """Append a tick to each of the `partitions` of the events topic, every `interval_ms`, until cancelled.

    Each worker ticks its own. When two tick one, while it moves between them, nothing comes of it.
    """
    while True:
        now_ms = clock.now_ms()
        tick = encode_tick(now_ms)
        try:
            await log.append([NewRecord(topics.EVENTS, n, None, tick, now_ms) for n in partitions()])
        except LogFullError as error:
            # The next beat says the same and more.
            logger.warning("a tick was left out: %s", error)
        # Just after the boundary, so that ticks of several machines and the buckets of totals fall together.
        await asyncio.sleep((interval_ms - clock.now_ms() % interval_ms) / 1000 + 0.001)
