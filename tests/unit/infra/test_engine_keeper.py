"""A fault that an outage of the log explains costs the engine, once; every other fault ends the process."""

import asyncio
import errno
from collections.abc import Callable

import pytest

from infra.engine import EngineKeeper
from streams.log.memory import MemoryEventLog


class OutageError(Exception):
    pass


class FakeEngine:
    """App and watchdog of an engine; `on_fault` is where it reports."""

    def __init__(self, on_fault: Callable[[BaseException], None]) -> None:
        self.on_fault = on_fault
        self.app = self.watchdog = self
        self.started = asyncio.Event()
        self.stopped = False

    async def start(self) -> None:
        self.started.set()

    async def stop(self) -> None:
        self.stopped = True

    def state(self) -> str:
        return "ready"

    async def run(self) -> None:
        await asyncio.Event().wait()


class Kept:
    """A keeper whose engines are all remembered, running."""

    def __init__(self) -> None:
        self.engines: list[FakeEngine] = []
        self.has_room = asyncio.Event()
        self.keeper = EngineKeeper(
            self._build, MemoryEventLog(1), lambda fault: isinstance(fault, OutageError), self.has_room.wait
        )
        self.running = asyncio.create_task(self.keeper.run())

    def _build(self, on_fault):
        self.engines.append(FakeEngine(on_fault))
        return self.engines[-1]

    async def second(self) -> FakeEngine:
        """Return the second engine once it has started."""
        async with asyncio.timeout(60):
            while len(self.engines) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await self.engines[1].started.wait()
        return self.engines[1]


@pytest.fixture(name="kept")
async def running_keeper():
    kept = Kept()
    kept.has_room.set()
    yield kept
    kept.running.cancel()
    await asyncio.gather(kept.running, return_exceptions=True)


async def test_after_an_outage_a_new_engine_takes_over(kept):
    kept.engines[0].on_fault(OutageError())
    assert kept.keeper.state() == "waiting for the log"
    second = await kept.second()
    assert (kept.engines[0].stopped, kept.keeper.engine, kept.keeper.state()) == (True, second, "ready")


async def test_a_new_engine_that_fails_at_once_ends_it(kept):
    kept.engines[0].on_fault(OutageError())
    (await kept.second()).on_fault(OutageError())
    with pytest.raises(OutageError):
        await kept.running


async def test_after_a_full_disk_a_new_engine_waits_for_room(kept):
    kept.has_room.clear()
    kept.engines[0].on_fault(OSError(errno.ENOSPC, "no room"))
    assert kept.keeper.state() == "waiting for room on the disk"
    kept.has_room.set()
    second = await kept.second()
    assert (kept.engines[0].stopped, kept.keeper.engine, kept.keeper.state()) == (True, second, "ready")


async def test_what_fails_late_in_an_engine_that_was_stopped_is_not_the_new_ones_fault(kept):
    kept.engines[0].on_fault(OutageError())
    await kept.second()
    kept.engines[0].on_fault(ValueError("closed meanwhile"))
    assert kept.keeper.state() == "ready"


async def test_any_other_fault_surfaces(kept):
    kept.engines[0].on_fault(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        await kept.running
