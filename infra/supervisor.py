"""Runs the long tasks of a process. The first that fails ends them all: a half-dead platform helps nobody."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

logger = logging.getLogger(__name__)

_CHECK_S = 0.02


class Supervisor:
    """Start tasks with `spawn`; `wait` returns when asked to stop and raises when a task failed."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._ended = asyncio.Event()
        self._fault: BaseException | None = None

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` until it ends or is cancelled; when it fails, the process stops."""
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._on_done)
        return task

    def fail(self, error: BaseException) -> None:
        """Note a fault that some part could not mend; the first one is what `wait` raises."""
        self._fault = self._fault or error
        self._ended.set()

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._ended.set()

    async def wait(self) -> None:
        """Return when asked to stop. Raises the first fault."""
        await self._ended.wait()
        if self._fault is not None:
            raise self._fault

    async def cancel(self, name: str) -> None:
        """End one task and wait until it has."""
        task = self._tasks.pop(name, None)
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])

    async def finished(self, name: str, timeout_s: float) -> None:
        """Give a task that was asked to end the time to do so, then cancel it."""
        task = self._tasks.get(name)
        if task is not None:
            await asyncio.wait([task], timeout=timeout_s)
            await self.cancel(name)

    async def cancel_all(self) -> None:
        """End every task."""
        for name in list(self._tasks):
            await self.cancel(name)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)
            self.fail(error)


async def until(is_so: Callable[[], bool]) -> None:
    """Return once it is so. For the start: parts say their state when asked, and raise no event."""
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(_CHECK_S)


async def every(seconds: float, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Do `work` again and again, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        await work()
