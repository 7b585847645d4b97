"""The ticker: puts the time into the log, so that windows close on a partition that nobody writes to."""

import asyncio
import logging
from collections.abc import Callable, Collection

from streams.frames import encode_tick
from streams.log import topics
from streams.model.errors import LogFullError
from streams.ports import AppendsRecords, Clock, NewRecord

logger = logging.getLogger(__name__)


AWAY_MS = 5_000
"""The log was away when it has taken so long for a tick."""


async def run_ticker(
    log: AppendsRecords,
    clock: Clock,
    interval_ms: int,
    partitions: Callable[[], Collection[int]],
    grace_s: float = 0.0,
    *,
    may_be_back: bool = False,
) -> None:
    """Append a tick to each of the `partitions` of the events topic, every `interval_ms`, until cancelled.

    Each worker ticks its own. When two tick one, while it moves between them, nothing comes of it. Once a log is back
    that was away, time stands still for `grace_s` more: front doors may first have to hand over what they have taken
    meanwhile. `may_be_back` says that it may have been away until now.
    """
    told_ms, is_away = 0, may_be_back
    while True:
        now_ms = clock.now_ms()
        # A time that is past changes nothing, and shows whether the log is back.
        is_taken = await _is_taken(log, told_ms if is_away else now_ms, now_ms, partitions())
        if not is_taken or clock.now_ms() - now_ms > AWAY_MS:
            is_away = True
        elif is_away:
            await asyncio.sleep(grace_s)
            is_away = False
        else:
            told_ms = now_ms
        # Just after the boundary, so that ticks of several machines and the buckets of totals fall together.
        await asyncio.sleep((interval_ms - clock.now_ms() % interval_ms) / 1000 + 0.001)


async def _is_taken(log: AppendsRecords, time_ms: int, now_ms: int, partitions: Collection[int]) -> bool:
    tick = encode_tick(time_ms)
    try:
        await log.append([NewRecord(topics.EVENTS, n, None, tick, now_ms) for n in partitions])
    except LogFullError as error:
        # The next beat says the same and more.
        logger.warning("a tick was left out: %s", error)
        return False
    return True
