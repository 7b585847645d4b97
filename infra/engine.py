"""The engine's part of the composition root, by itself: a worker loads nothing of ingest, sinks and API."""

import asyncio
import gc
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from infra.data_dir import DataDir
from infra.rules import read_rules
from infra.settings import Settings
from streams.agents.alerts_stage import AlertsStage
from streams.agents.app import EngineApp, Membership, create_app, embedded_membership
from streams.agents.stage import EventsStage
from streams.agents.watchdog import Watchdog
from streams.log import topics
from streams.model.errors import CampaignIqError
from streams.operators.alerting import AlertBook, AlertSettings
from streams.ports import EventLog
from streams.room import lacks_room
from streams.state.loading import Shape
from streams.state.local_copy import LocalCopy

logger = logging.getLogger(__name__)

DRAIN_S = 4.0
RESTART_AFTER_S = 60.0
"""An engine that fails again so soon has another trouble than an outage."""


@dataclass
class Engine:
    """The Faust app and its stages."""

    app: EngineApp
    events: EventsStage
    alerts: AlertsStage
    watchdog: Watchdog
    copies: LocalCopy

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Stop the app, write what it had applied so that a restart has less to repeat, and let go of the state."""
        await self.app.stop()
        try:
            # It may fail.
            with suppress(TimeoutError):
                async with asyncio.timeout(drain_s):
                    self.events.assign(())
                    await self.events.settle()
        finally:
            self.copies.close()


class EngineKeeper:
    """The engine of a process that does more, and should not end with it: after an outage of the log that a commit did
    not survive, a new engine begins at what is committed. `passes` says whether a fault is of that kind. So it is when
    the disk was full; `room` returns once it is not.
    """

    def __init__(
        self,
        build: Callable[[Callable[[BaseException], None]], Engine],
        log: EventLog,
        passes: Callable[[BaseException], bool],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self._build = build
        self._log = log
        self._passes = passes
        self._room = room
        self._faulted = asyncio.Event()
        self._fault: BaseException | None = None
        self._begun = 0
        self._restarted_at_s = -RESTART_AFTER_S
        self.engine = self._begin()

    def state(self) -> str:
        """Return "ready", or what is the matter."""
        if self._fault is None:
            return self.engine.watchdog.state()
        return "waiting for room on the disk" if lacks_room(self._fault) else "waiting for the log"

    async def run(self) -> None:
        """Watch the engine, which has been started, until cancelled. Raises the fault that a new engine can't mend."""
        while True:
            watching = asyncio.create_task(self.engine.watchdog.run(), name="engine watchdog")
            faulted = asyncio.create_task(self._faulted.wait())
            try:
                await asyncio.wait({watching, faulted}, return_when=asyncio.FIRST_COMPLETED)
                fault = self._fault or watching.exception()
            finally:
                watching.cancel()
                faulted.cancel()
            assert fault is not None
            now_s = asyncio.get_running_loop().time()
            may_pass = lacks_room(fault) or self._passes(fault)
            if not may_pass or now_s - self._restarted_at_s < RESTART_AFTER_S:
                raise fault
            await self._restart(fault)

    async def _restart(self, fault: BaseException) -> None:
        logger.warning(
            "what was applied is not durable (%s); a new engine starts when the log and room are there", fault
        )
        # Until then Faust would block the whole process when it is told to stop. This waits as long as it takes.
        await self._log.bounds(topics.EVENTS, 0)
        await self._room()
        old = self.engine
        try:
            await old.stop()
        except (CampaignIqError, OSError) as error:
            logger.warning("the old engine left what a new one repeats: %s", error)
        gc.unfreeze()
        self._fault = None
        self._faulted.clear()
        self.engine = self._begin()
        await self.engine.app.start()
        self._restarted_at_s = asyncio.get_running_loop().time()
        logger.warning("a new engine has started")

    def _begin(self) -> Engine:
        self._begun = number = self._begun + 1

        def note(error: BaseException) -> None:
            if number == self._begun:  # what was under way in one that was stopped may fail late
                self._fault = self._fault or error
                self._faulted.set()

        return self._build(note)


def build_engine(
    settings: Settings,
    log: EventLog,
    data: DataDir,
    on_fault: Callable[[BaseException], None],
    *,
    demo: bool,
) -> Engine:
    """Build the stages and the Faust app over them."""
    copies = LocalCopy.open(data.file("state"), cache_bytes=settings.engine.copy_cache_mb << 20, source=log.identity())
    shape = Shape(
        log.partitions(topics.EVENTS), read_rules(settings.engine), settings.engine.hot_profiles, data.file("seen")
    )
    events = EventsStage(log, shape, copies.partition)
    watched = AlertSettings.for_demo() if demo else AlertSettings()
    alerts = AlertsStage(log, AlertBook(log.partitions(topics.EVENTS), watched))
    app = create_app(log, events, alerts, on_fault, data.path, _membership(settings, data))
    return Engine(app, events, alerts, Watchdog(app, events, log), copies)


def _membership(settings: Settings, data: DataDir) -> Membership:
    if not settings.log.url:
        return embedded_membership()
    # Here, because an installation without Kafka should not pay for its clients.
    from streams.agents.kafka_broker import kafka_membership  # noqa: PLC0415

    worker_id = settings.engine.worker_id or worker_id_of(data.path)
    return kafka_membership(settings.log, worker_id, settings.engine.session_timeout_s)


def worker_id_of(data: Path) -> str:
    """Return a name for the worker on this host whose data folder that is. Two of one name throw each other out of
    the group for ever, so the whole path counts: folders of several workers are often called alike.
    """
    path = data.resolve()
    return f"{socket.gethostname()}-{path.name}-{crc32(str(path).encode()):08x}"
