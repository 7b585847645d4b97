"""One worker of the engine on Kafka: the Faust app, its partitions, and nothing else."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from infra.clock import SystemClock
from infra.data_dir import DataDir
from infra.engine import Engine, build_engine
from infra.garbage import spare_what_lives
from infra.settings import Settings
from infra.supervisor import Supervisor, until
from streams.agents.meter import Meter
from streams.agents.ticker import run_ticker
from streams.log.kafka import KafkaEventLog
from streams.log.patience import PatientLog
from streams.model.errors import ConfigurationError
from streams.ports import READY

logger = logging.getLogger(__name__)

DRAIN_S = 8.0


class Worker:
    """`run` returns after `stop`, or raises what broke; whoever started it starts it again. `on_end` is called when it
    begins to end: Faust may then block the whole process, waiting for its consumer's thread while Kafka is away.
    """

    def __init__(self, settings: Settings, data: DataDir, on_end: Callable[[], None]) -> None:
        if not settings.log.url:
            raise ConfigurationError(
                "log.url", "is empty, and workers share a log", "Set CAMPAIGNIQ_LOG__URL=kafka://host:9092"
            )
        self._settings = settings
        self._data = data
        self._on_end = on_end
        self._supervisor = Supervisor()

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._supervisor.stop()

    async def run(self, on_ready: Callable[[int], None]) -> None:
        """Start, call `on_ready` with the number of partitions once they are loaded, run until stopped."""
        async with AsyncExitStack() as stack:
            log = await KafkaEventLog(self._settings.log).open()
            stack.push_async_callback(log.close)
            stack.push_async_callback(self._supervisor.cancel_all)
            engine = build_engine(self._settings, PatientLog(log), self._data, self._supervisor.fail, demo=False)
            await engine.app.start()

            async def end() -> None:
                self._on_end()
                await engine.stop(DRAIN_S)

            stack.push_async_callback(end)
            self._supervisor.spawn("engine watchdog", engine.watchdog.run())
            times, clock = self._settings.log, SystemClock()
            # A worker may well have ended because Kafka went away.
            ticker = run_ticker(
                log,
                clock,
                times.tick_interval_ms,
                lambda: engine.events.partitions,
                times.tick_grace_s,
                may_be_back=True,
            )
            self._supervisor.spawn("ticker", ticker)
            if self._settings.engine.meter_file:
                self._supervisor.spawn("meter", _meter(engine, Path(self._settings.engine.meter_file)))
            self._supervisor.spawn("ready", self._announce(engine, on_ready))
            await self._supervisor.wait()

    async def _announce(self, engine: Engine, on_ready: Callable[[int], None]) -> None:
        await until(lambda: engine.watchdog.state() == READY)
        spare_what_lives()
        on_ready(len(engine.events.assigned))


async def _meter(engine: Engine, path: Path) -> None:
    meter = Meter(path)
    try:
        while True:
            if engine.events.is_settled:
                meter.mark(engine.events.durable_events())
            await asyncio.sleep(0.1)
    finally:
        meter.close()
