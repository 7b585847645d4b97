"""Runs erasures one after another, for as long as the process lives; what a stop has interrupted it goes on with."""

import asyncio
import logging

from infra.erasure.job import AskAgainError, ErasureJob, NotErasedError
from streams.log.embedded import EmbeddedEventLog
from streams.log.rewriting import Rewriter
from streams.model.errors import CampaignIqError
from streams.operators.erasing import Person
from streams.ports import Clock
from streams.store.erasures import Erasure, Erasures, ErasureState

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
_LOOK_S = 30.0
_PAUSE_S = 5.0
_PATIENCE_S = 300.0


class EmbeddedRecords:
    """The embedded log: records are rewritten in place, and SQLite overwrites what they lose."""

    def __init__(self, log: EmbeddedEventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def erase(self, topic: str, rewriter: Rewriter) -> int:
        """Return how many records changed."""
        return await self._log.rewrite(topic, rewriter)

    async def purge(self, _person: Person) -> str:
        """Let what says that a profile was deleted go, too; bytes go as they are deleted."""
        await self._log.purge(self._clock.now_ms())
        return ""


class ErasureRunner:
    """Run `run` as a task; `wake` tells it that there is work."""

    def __init__(self, job: ErasureJob, store: Erasures) -> None:
        self._job = job
        self._store = store
        self._woken = asyncio.Event()
        self._not_before_s: dict[str, float] = {}

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. An erasure that can't be done is told as failed, and does not stop the platform."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            for erasure in await self._store.running():
                if loop.time() >= self._not_before_s.get(erasure.id, 0.0):
                    await self._run(erasure)
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _run(self, erasure: Erasure) -> None:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            is_over = attempt == MAX_ATTEMPTS
            try:
                await self._job.run(erasure)
            except NotErasedError as error:
                is_over = is_over or isinstance(error, AskAgainError)
                erasure = await self._noted(erasure, str(error), is_over=is_over)
            except CampaignIqError as error:
                # What hinders it passes by itself: an outage, or records that wait for their retention.
                await self._noted(erasure, str(error), is_over=False)
                self._not_before_s[erasure.id] = asyncio.get_running_loop().time() + _PATIENCE_S
                return
            except Exception as error:
                logger.exception("erasure %s", erasure.id)
                erasure = await self._noted(erasure, type(error).__name__, is_over=is_over)
            else:
                return
            if is_over:
                return
            await asyncio.sleep(_PAUSE_S)

    async def _noted(self, erasure: Erasure, error: str, *, is_over: bool) -> Erasure:
        logger.warning("erasure %s: %s", erasure.id, error)
        stored = await self._store.get(erasure.workspace, erasure.id) or erasure
        state = ErasureState.FAILED if is_over else ErasureState.RUNNING
        noted = stored._replace(error=error, state=state)
        await self._store.save(noted)
        return noted
