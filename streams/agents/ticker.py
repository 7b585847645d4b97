"""The ticker: puts the time into the log, so that windows close on a partition that nobody writes to."""

import asyncio
import logging
from collections.abc import Callable, Collection

from streams.frames import encode_tick
from streams.log import topics
from streams.model.errors import LogFullError
from streams.ports import Clock, EventLog, NewRecord

logger = logging.getLogger(__name__)

LATE_S = 5.0
"""So long a tick may take. Appends give up only later, and who asks for readiness should know before."""


class Pulse:
    """Whether the log takes records: each beat is a tick that it took. Use in one loop."""

    def __init__(self, interval_ms: int) -> None:
        self._most_s = interval_ms / 1000 + LATE_S
        self._at_s = asyncio.get_running_loop().time()

    def beat(self) -> None:
        """Note that the log has just taken a tick."""
        self._at_s = asyncio.get_running_loop().time()

    def state(self) -> str:
        """Return "ready", or for how long the log has not taken anything."""
        silent_s = asyncio.get_running_loop().time() - self._at_s
        return "ready" if silent_s <= self._most_s else f"has taken no record for {silent_s:.0f} s"


async def run_ticker(
    log: EventLog,
    clock: Clock,
    interval_ms: int,
    partitions: Callable[[], Collection[int]],
    on_tick: Callable[[], None] = lambda: None,
) -> None:
    """Append a tick to each of the `partitions` of the events topic, every `interval_ms`, until cancelled.

    Each worker ticks its own. When two tick one, while it moves between them, nothing comes of it. `on_tick` is called
    whenever the log has taken them.
    """
    while True:
        now_ms = clock.now_ms()
        tick = encode_tick(now_ms)
        try:
            await log.append([NewRecord(topics.EVENTS, n, None, tick, now_ms) for n in partitions()])
        except LogFullError as error:
            # The next beat says the same and more.
            logger.warning("a tick was left out: %s", error)
        else:
            on_tick()
        # Just after the boundary, so that ticks of several machines and the buckets of totals fall together.
        await asyncio.sleep((interval_ms - clock.now_ms() % interval_ms) / 1000 + 0.001)
