"""The way in, for every process that has a front door: what takes events, keeps, counts and bounds them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Scope

from infra.settings import Settings
from ingest.batcher import Batcher
from ingest.disk import DiskWatch
from ingest.intake import IntakeLog
from ingest.report import Report, as_prometheus, report_of
from ingest.spool.spool import Spool
from ingest.tallies import Audit
from ingest.turnstile import Turnstile
from ingest.withheld import spooled_without_erased
from streams.model.errors import LogFullError, LogUnavailableError
from streams.ports import AppendsRecords, Clock, NewRecord
from streams.store.sources import SourceCache
from streams.store.suppression import Suppressions

_log = logging.getLogger(__name__)
EMPTIED_S = 2.0
SETTLED_S = 0.1
Spawn = Callable[[str, Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]


@dataclass
class Intake:
    """The parts of it. `start` before use; `stop` when nobody knocks any more, before the log is closed."""

    log: IntakeLog
    batcher: Batcher
    disk: DiskWatch
    audit: Audit
    spool: Spool | None
    settings: Settings
    turnstile: Turnstile | None = None
    draining: asyncio.Task[None] | None = None

    async def start(self, spawn: Spawn) -> None:
        """Begin to take events."""
        await self.batcher.start()
        spawn("batcher", self.batcher.join())
        self.draining = spawn("intake", self.log.run())
        spawn("disk", self.disk.run())
        spawn("audit", self.audit.run())

    async def settled(self) -> None:
        """Return once everything that was taken until now is in the log, or was given up."""
        counts = self.batcher.counts
        taken = counts.accepted
        # Who appends and who drains say nothing of it.
        while counts.appended + counts.spooled + counts.failed < taken or self.log.is_spooling:  # noqa: ASYNC110
            await asyncio.sleep(SETTLED_S)

    async def stop(self) -> None:
        """Write what is under way, to the log or the spool, and let go of the spool."""
        await self.batcher.stop()
        if self.spool is not None and not await self.log.emptied(EMPTIED_S):
            _log.warning(
                "%d bytes stay in the spool %s until a process is started with it",
                self.spool.size_bytes,
                self.spool.folder,
            )
        if self.draining is not None:
            self.draining.cancel()
            await asyncio.wait([self.draining])
        if self.spool is not None:
            await self.spool.close()

    def guard(self, app: ASGIApp, spawn: Spawn, source_of: Callable[[Scope], str]) -> ASGIApp:
        """Return the door's application with the turnstile before it, which knows senders by `source_of`."""
        limits = self.settings.ingest
        self.turnstile = Turnstile(
            app, limits.max_body_bytes, limits.body_timeout_s, limits.retry_after_s, self.log.refusal, source_of
        )
        spawn("turnstile", self.turnstile.run())
        return self.turnstile

    def parts(self) -> dict[str, Callable[[], str]]:
        """Return what readiness asks: name -> "ready" or what the matter is."""
        return {"log": self.log.state, "disk": self.log.disk_state, "books": self.audit.state}

    def takes_events(self) -> bool:
        """Say whether events can be taken and kept, be it in the spool."""
        return self.log.refusal() is None

    def report(self, is_shown: Callable[[str], bool]) -> Report:
        """Return what the door says of itself; of the sources those that may be shown."""
        assert self.turnstile is not None
        return report_of(self.log, self.batcher, self.turnstile, is_shown)

    @property
    def ticks(self) -> "Ticks":
        return Ticks(self.log)


class Ticks:
    """The log as the ticker may use it: behind what is in the spool."""

    def __init__(self, log: IntakeLog) -> None:
        self._log = log
        self.partitions = log.partitions

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        return await self._log.append_ticks(records)


class IngestDesk:
    """What the API shows of it: the sources of a workspace, and those that are nobody's."""

    def __init__(self, intake: Intake, sources: SourceCache) -> None:
        self._intake = intake
        self._sources = sources

    def report(self, workspace: str) -> Report:
        def is_shown(source: str) -> bool:
            found = self._sources.by_id(source)
            return found is None or found.workspace == workspace

        return self._intake.report(is_shown)

    def prometheus(self, workspace: str) -> str:
        return as_prometheus(self.report(workspace))

    def takes_events(self) -> bool:
        return self._intake.takes_events()


def open_intake(
    settings: Settings,
    log: AppendsRecords,
    clock: Clock,
    data: Path,
    suppressions: Suppressions,
    spool: str = "spool",
) -> Intake:
    """Build it over `log`; on Kafka with a spool, by default in the folder called `spool` in the data folder. What has
    lain there passes without those whom `suppressions` know by then.

    Raises ConfigurationError when another process has the spool.
    """
    limits = settings.ingest
    kept: Spool | None = None
    passing: tuple[type[Exception], ...] = (LogFullError,)
    folder = data
    if settings.log.url:
        passing = (LogFullError, LogUnavailableError)
        folder = Path(limits.spool_folder) if limits.spool_folder else data / spool
        kept = Spool(folder, limits.spool_max_bytes, limits.spool_segment_bytes).open()
    disk = DiskWatch(folder, limits.min_free_bytes)
    intake = IntakeLog(
        log,
        clock,
        limits,
        kept,
        disk,
        passing,
        settings.log.max_record_bytes,
        settings.log.tick_interval_ms,
        partial(spooled_without_erased, suppressions),
    )
    batcher = Batcher(intake, clock, limits)
    return Intake(intake, batcher, disk, Audit(batcher.drift), kept, settings)
