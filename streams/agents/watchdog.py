"""Notices an engine that no longer moves: Faust may crash inside, or live on without fetching, and tell nobody."""

import asyncio

from streams.agents.app import EngineApp
from streams.agents.stage import EventsStage
from streams.log import topics
from streams.model.errors import CampaignIqError
from streams.ports import READY, EventLog

CHECK_S = 1.0
STALLED_AFTER_S = 30.0


class EngineStalledError(CampaignIqError):
    """The engine stands still; only a restart of the process helps."""


class Watchdog:
    """`state` is "ready" while the engine moves; `run` raises EngineStalledError when it does not."""

    def __init__(self, app: EngineApp, stage: EventsStage, log: EventLog) -> None:
        self._app = app
        self._stage = stage
        self._log = log

    def state(self) -> str:
        """Return "ready", or what is the matter."""
        if self._app.crashed:
            return "crashed"
        if self._stage.is_flushing_since(STALLED_AFTER_S):
            return "waiting for the log"
        return READY if self._stage.is_settled else "waiting for partitions"

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        moved_at, place, is_suspect = loop.time(), -1, False
        while True:
            await asyncio.sleep(CHECK_S)
            if self._app.crashed:
                raise EngineStalledError(f"Faust has crashed: {self._app.crash_reason!r}")
            at = self._stage.place()
            if at != place or self._stage.is_flushing:
                moved_at, place, is_suspect = loop.time(), at, False
            elif loop.time() - moved_at > STALLED_AFTER_S and await self._has_work():
                if is_suspect:
                    raise EngineStalledError(f"frames wait and none was applied for {STALLED_AFTER_S:.0f} s")
                # The log may have been away until now: then what waits has waited for a moment only.
                moved_at, is_suspect = loop.time(), True

    async def _has_work(self) -> bool:
        for number, partition in self._stage.partitions.items():
            if (await self._log.bounds(topics.EVENTS, number))[1] > partition.offset + 1:
                return True
        return False
