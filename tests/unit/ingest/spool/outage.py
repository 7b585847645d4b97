"""A log that fails in every way an outage knows, and an intake over it that can be killed and started again."""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from ingest.disk import DiskWatch
from ingest.intake import IntakeLog
from ingest.settings import IngestSettings
from ingest.spool.spool import Spool
from streams.frames import FrameKind, decode
from streams.log.topics import EVENTS
from streams.model.errors import LogFullError
from streams.ports import NewRecord
from tests.unit.ingest.fake_log import FakeClock

PARTITIONS = 2


class Weather(StrEnum):
    """What the next appends meet. UNKNOWN: the records are in the log and the answer is lost. LATE: they get there
    after more than the caller's patience, which a busy machine does not reach in other weather. TORN: only the first
    of them gets there.
    """

    FAIR = "fair"
    FULL = "full"
    UNKNOWN = "unknown"
    TORN = "torn"
    LATE = "late"


class StormyLog:
    """Appends as `weather` lets it; `kept` is what it holds, without ticks."""

    def __init__(self, patience_s: float = 0.6) -> None:
        self.weather = Weather.FAIR
        self.patience_s = patience_s
        self.kept: list[NewRecord] = []
        self.ticks = 0
        self.calls = 0
        self.changed = asyncio.Event()

    def partitions(self, _: str) -> int:
        return PARTITIONS

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        self.calls += 1
        self.changed.set()
        await asyncio.sleep(0)
        match self.weather:
            case Weather.FULL:
                raise LogFullError("away", 1)
            case Weather.UNKNOWN:
                self._keep(records)
                raise LogFullError("no answer", 1)
            case Weather.TORN:
                self._keep(records[:1])
                raise LogFullError("no answer", 1)
            case Weather.LATE:
                await asyncio.sleep(1.6 * self.patience_s)
        self._keep(records)
        return list(range(len(records)))

    def values(self) -> list[bytes]:
        """Return what it holds, less repeats, as the engine sees it."""
        return list(dict.fromkeys(record.value for record in self.kept))

    def _keep(self, records: Sequence[NewRecord]) -> None:
        for record in records:
            if record.topic == EVENTS and record.value[:2] == b"CQ":
                assert decode(record.value).kind is FrameKind.TICK
                self.ticks += 1
            else:
                self.kept.append(record)


class Door:
    """An intake with its loop, over a folder that outlives it."""

    def __init__(
        self,
        log: StormyLog,
        folder: Path,
        disk: DiskWatch | None = None,
        *,
        limit: int = 1 << 22,
        segment: int = 65_536,
        wanted: Callable[[NewRecord], NewRecord] = lambda record: record,
    ) -> None:
        self.settings = IngestSettings(spool_after_ms=round(log.patience_s * 1_000), max_append_bytes=4_096)
        self.log = log
        self.spool = Spool(folder, limit, segment).open()
        self.intake = IntakeLog(log, FakeClock(), self.settings, self.spool, disk, wanted=wanted)
        self.running = asyncio.create_task(self.intake.run())

    async def put(self, *values: bytes, partition: int = 0) -> list[int]:
        return await self.intake.append([NewRecord(EVENTS, partition, None, value, 1) for value in values])

    async def until_direct(self, timeout_s: float = 60) -> None:
        async with asyncio.timeout(timeout_s):
            while self.intake.is_spooling:  # noqa: ASYNC110
                await asyncio.sleep(0.002)

    async def stop(self) -> None:
        await self._end()
        await self.spool.close()

    async def crash(self) -> None:
        """Go without finishing anything but what a thread is at."""
        await self._end()
        self.spool._pool.shutdown()
        segments = self.spool._segments
        segments._lock.close()
        if segments._descriptor >= 0:
            os.close(segments._descriptor)

    async def _end(self) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running
        for task in tuple(self.intake._unsettled):
            task.cancel()
            with suppress(asyncio.CancelledError, LogFullError):
                await task
