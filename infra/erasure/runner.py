"""Runs erasures one after another, for as long as the process lives; what a stop has interrupted it goes on with."""

import asyncio
import logging
from typing import NamedTuple, Protocol

from infra.erasure.errors import AskAgainError, NotErasedError
from streams.log.embedded import EmbeddedEventLog
from streams.log.rewriting import Rewriter
from streams.model.errors import CampaignIqError, LogFullError
from streams.operators.erasing import Person
from streams.ports import Clock
from streams.store.erasures import Erasure, Erasures, ErasureState

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
_LOOK_S = 30.0
_PATIENCE_S = 300.0


class WorksOnErasures(Protocol):
    """The job."""

    async def run(self, erasure: Erasure) -> Erasure:
        """Go on with an erasure until it is done. Raises NotErasedError, and what the places raise."""
        ...


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
    """Run `run` as a task; `wake` tells it that there is work. One that has failed waits `pause_s`, with each further
    time twice as long; the others go on meanwhile.
    """

    def __init__(self, job: WorksOnErasures, store: Erasures, pause_s: float = 5.0) -> None:
        self._job = job
        self._store = store
        self._pause_s = pause_s
        self._woken = asyncio.Event()
        self._waiting: dict[str, _Waiting] = {}

    def wake(self) -> None:
        """Look for work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. An erasure that can't be done is told as failed, and does not stop the platform."""
        while True:
            self._woken.clear()
            if not await self._try_one():
                try:
                    async with asyncio.timeout(self._rest_s()):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def _try_one(self) -> bool:
        """Work on what has failed least often of what is due; say whether there was any."""
        now_s = asyncio.get_running_loop().time()
        running = await self._store.running()
        self._waiting = {one.id: self._waiting[one.id] for one in running if one.id in self._waiting}
        due = [one for one in running if self._waits(one).until_s <= now_s]
        if not due:
            return False
        await self._try(min(due, key=lambda one: self._waits(one).failures))
        return True

    async def _try(self, erasure: Erasure) -> None:
        failures = self._waits(erasure).failures + 1
        is_over = failures >= MAX_ATTEMPTS
        try:
            await self._job.run(erasure)
        except NotErasedError as error:
            is_over = is_over or isinstance(error, AskAgainError)
            await self._put_off(erasure, str(error), failures, self._pause_s * 2 ** (failures - 1), is_over=is_over)
        except CampaignIqError as error:
            # What hinders it passes by itself: an outage, or records that wait for their retention.
            await self._put_off(erasure, str(error), failures - 1, _PATIENCE_S, is_over=False)
        except Exception as error:
            logger.exception("erasure %s", erasure.id)
            wait_s = self._pause_s * 2 ** (failures - 1)
            await self._put_off(erasure, type(error).__name__, failures, wait_s, is_over=is_over)

    def _waits(self, erasure: Erasure) -> "_Waiting":
        return self._waiting.get(erasure.id, _NO_WAIT)

    def _rest_s(self) -> float:
        """Return how long until something is due, or until it is time to look."""
        now_s = asyncio.get_running_loop().time()
        return min([_LOOK_S, *(max(0.0, one.until_s - now_s) for one in self._waiting.values())])

    async def _put_off(self, erasure: Erasure, error: str, failures: int, wait_s: float, *, is_over: bool) -> None:
        logger.warning("erasure %s: %s", erasure.id, error)
        stored = await self._store.get(erasure.workspace, erasure.id) or erasure
        state = ErasureState.FAILED if is_over else ErasureState.RUNNING
        if is_over:
            # Asked for again, it begins with as many attempts.
            self._waiting.pop(erasure.id, None)
        else:
            self._waiting[erasure.id] = _Waiting(failures, asyncio.get_running_loop().time() + wait_s)
        try:
            await self._store.save(stored._replace(error=error, state=state))
        except LogFullError as full:
            logger.warning("erasure %s stays as it was stored, and is gone on with: %s", erasure.id, full)


class _Waiting(NamedTuple):
    failures: int
    until_s: float


_NO_WAIT = _Waiting(0, 0.0)
