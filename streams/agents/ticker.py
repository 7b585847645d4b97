"""The ticker: puts the time into the log, so that windows close on a partition that nobody writes to."""

import asyncio

from streams.frames import encode_tick
from streams.log import topics
from streams.ports import Clock, EventLog, NewRecord


async def run_ticker(log: EventLog, clock: Clock, interval_ms: int) -> None:
    """Append a tick to every partition of the events topic, each `interval_ms`, until cancelled."""
    partitions = range(log.partitions(topics.EVENTS))
    while True:
        now_ms = clock.now_ms()
        tick = encode_tick(now_ms)
        await log.append([NewRecord(topics.EVENTS, n, None, tick, now_ms) for n in partitions])
        # Just after the boundary, so that ticks of several machines and the buckets of totals fall together.
        await asyncio.sleep((interval_ms - clock.now_ms() % interval_ms) / 1000 + 0.001)
