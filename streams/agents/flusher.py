"""The flusher: makes durable what the stage has applied, then acknowledges the frames. One flush at a time; the agent
goes on applying meanwhile.
"""

import asyncio
from typing import Any

from streams.agents.stage import Stage

MAX_WAITING_FRAMES = 512
QUIET_FRAMES = 64
"""Frames that caused nothing to write (ticks) are acknowledged in such lots."""
GATHER_S = 0.02
MAX_GATHER_S = 1.0
"""A flush costs two round trips and each changed profile once, so the frames of a moment share one: a short moment
when the engine keeps up, a longer one while frames queue.
"""


class Flusher:
    """Serves one agent."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._waiting: list[Any] = []
        self._ahead: dict[int, int] = {}
        self._waiting_since_s = 0.0
        self._arrived = asyncio.Event()
        self._flushed = asyncio.Event()

    async def take(self, event: Any, ahead: int) -> None:
        """Acknowledge the event once what it caused is durable; waits while too many are not. `ahead`: so many frames
        of its partition are known to follow it.
        """
        if not self._waiting:
            self._waiting_since_s = asyncio.get_running_loop().time()
        self._waiting.append(event)
        self._ahead[event.message.partition] = ahead
        self._arrived.set()
        while len(self._waiting) > MAX_WAITING_FRAMES:
            self._flushed.clear()
            await self._flushed.wait()

    async def run(self) -> None:
        """Flush for good. Faults of the log surface; nothing is acknowledged after one."""
        while True:
            self._arrived.clear()
            if self._waiting and (self._stage.has_output() or len(self._waiting) >= QUIET_FRAMES):
                await self._gather()
                await self.flush()
            else:
                await self._arrived.wait()

    async def flush(self) -> None:
        """Flush what is applied now, and acknowledge it."""
        waiting, self._waiting, self._ahead = self._waiting, [], {}
        await self._stage.flush()
        for event in waiting:
            event.ack()
        self._flushed.set()

    def _is_behind(self) -> bool:
        # So a short stall is made up in a few flushes, each half as long as the one before.
        return sum(self._ahead.values()) > len(self._waiting)

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + MAX_GATHER_S
        # What came during the last flush has waited enough.
        await asyncio.sleep(max(0.0, self._waiting_since_s + GATHER_S - loop.time()))
        # Nobody announces that frames no longer queue; this looks again a few times at most.
        while self._is_behind() and loop.time() < until and len(self._waiting) <= MAX_WAITING_FRAMES // 2:  # noqa: ASYNC110
            await asyncio.sleep(GATHER_S)
