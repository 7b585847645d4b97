"""Everything in one process: starts the parts in order, says when all serve, stops them so that nothing is cut off."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from api.feed import LiveFeed
from infra import wiring
from infra.clock import SystemClock
from infra.data_dir import Bootstrap, DataDir, read_bootstrap
from infra.demo.controls import OUTAGE_SOURCE
from infra.doorway import open_doorway
from infra.engine import EngineKeeper, build_engine
from infra.erasure.build import build_erasing
from infra.garbage import spare_what_lives
from infra.intake import IngestDesk
from infra.letter_desk import build_letter_desk
from infra.server import bind, url_of
from infra.settings import Settings
from infra.supervisor import Supervisor, every, until
from ingest.watch import SourceWatch
from streams.agents.ticker import run_ticker
from streams.log.embedded import EmbeddedEventLog
from streams.model.errors import ConfigurationError, LogFullError
from streams.ports import READY
from streams.store.config import ConfigStore

logger = logging.getLogger(__name__)

RULES_REFRESH_S = 5.0
DRAIN_S = 4.0


class Embedded:
    """One process of everything. `run` returns after `stop`, or raises what broke. `on_end` is called when it begins to
    end: while Kafka is away nothing else may end it.
    """

    def __init__(
        self, settings: Settings, data: DataDir, *, demo: bool, on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._listener = bind(settings.server)
        self.local_url = url_of(self._listener, settings.server.host)
        server = settings.server.model_copy(
            update={
                "port": self._listener.getsockname()[1],
                "public_url": settings.server.public_url or self.local_url,
            }
        )
        hosts = (*settings.api.trusted_hosts, server.host, urlsplit(server.public_url).hostname or "")
        api = settings.api.model_copy(update={"trusted_hosts": tuple(dict.fromkeys(hosts))})
        settings = settings.model_copy(update={"server": server, "api": api})
        self._settings = wiring.with_demo(settings) if demo else settings
        self._data = data
        self._demo = demo
        self._on_end = on_end
        self._is_ending = False
        self._clock = SystemClock()
        self._supervisor = Supervisor()
        self._parts: dict[str, Callable[[], str]] = {}

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._note_end()
        self._supervisor.stop()

    def readiness(self) -> dict[str, str]:
        """Return what each part says of itself; "ready" is what all of them want to say."""
        return {name: state() for name, state in self._parts.items()}

    async def run(self, on_ready: Callable[[Bootstrap], None]) -> None:
        """Start, call `on_ready` once every part serves, run until stopped."""
        async with AsyncExitStack() as stack:
            try:
                await self._run(stack, on_ready)
            finally:
                self._note_end()

    async def _run(self, stack: AsyncExitStack, on_ready: Callable[[Bootstrap], None]) -> None:
        stack.callback(self._listener.close)
        stores = await wiring.open_stores(self._settings, self._data)
        stack.push_async_callback(stores.close)
        stack.push_async_callback(self._supervisor.cancel_all)
        bootstrap = await self._bootstrap(stores.config)
        if not self._settings.messages.shop_url:
            logger.warning("CAMPAIGNIQ_MESSAGES__SHOP_URL is not set: recovery mails will carry no link to the shop")
        keys = {"web": bootstrap.write_key}
        if self._demo:
            keys[OUTAGE_SOURCE] = await _source_key(stores.config, OUTAGE_SOURCE)
        await stores.sources.refresh()
        await self._start(stack, stores, keys)
        if not await self._until_ready():
            return
        self._data.write_bootstrap(bootstrap)
        # Else each full collection walks through all that, and every event waits for 0.1 s.
        spare_what_lives()
        on_ready(bootstrap)
        await self._supervisor.wait()

    def _note_end(self) -> None:
        if not self._is_ending:
            self._is_ending = True
            self._on_end()

    async def _start(self, stack: AsyncExitStack, stores: wiring.Stores, keys: dict[str, str]) -> None:
        settings, clock, spawn = self._settings, self._clock, self._supervisor.spawn
        watch = SourceWatch(clock)
        doorway = await open_doorway(
            stack, self._supervisor, settings, stores.log, stores, self._data.path, watch=watch
        )
        intake = doorway.intake
        put = stores.config.suppressions.unless(intake.batcher.put)
        listeners = wiring.Listeners()
        rule_desk = wiring.build_rule_desk(stores, clock)
        await rule_desk.refresh()
        sinks = await wiring.build_sinks(settings, stores, clock, put, listeners)
        keeper = EngineKeeper(
            lambda on_fault: build_engine(settings, stores.patient_log, self._data, on_fault, demo=self._demo),
            stores.patient_log,
            wiring.outage_faults(settings),
            intake.disk.room,
        )
        demo = wiring.build_demo(settings, self.local_url, keys, clock) if self._demo else None
        letters = build_letter_desk(settings, stores.patient_log, stores.letters, doorway.door, watch, clock)
        erasing = build_erasing(
            settings,
            stores,
            self._data.path,
            clock,
            letters=stores.letters,
            watch=watch,
            forget_live=lambda workspace: feed.forget(workspace),  # noqa: PLW0108  the feed comes later
            settled=intake.settled,
        )
        api, feed = wiring.build_api(
            settings,
            stores,
            sinks,
            clock,
            put,
            listeners,
            wiring.Desks(rule_desk, IngestDesk(intake, stores.sources), letters, erasing.desk),
            self.readiness,
            demo,
        )
        await self._start_engine(stack, keeper)
        await self._start_sinks(stack, sinks, feed)
        spawn("dead letters", letters.projector.run())
        spawn("erasures", erasing.runner.run())
        self._parts |= doorway.serve(stack, self._listener, api)
        times = settings.log
        # The embedded log has no other door than this one.
        grace_s = times.tick_grace_s if times.url else 0.0
        spawn(
            "ticker",
            run_ticker(intake.ticks, clock, times.tick_interval_ms, lambda: keeper.engine.events.partitions, grace_s),
        )
        if isinstance(log := stores.log, EmbeddedEventLog):
            # Kafka drops what is past its retention by itself.
            spawn("purge", every(settings.log.purge_interval_s, lambda: _purge(log, clock.now_ms())))
        spawn("rules", every(RULES_REFRESH_S, rule_desk.refresh))
        if demo:
            spawn("traffic", self._when_ready(demo.traffic.run))
            stack.push_async_callback(self._supervisor.cancel, "traffic")

    async def _start_engine(self, stack: AsyncExitStack, keeper: EngineKeeper) -> None:
        await keeper.engine.app.start()

        async def stop() -> None:
            await self._supervisor.cancel("engine")
            await keeper.engine.stop()

        stack.push_async_callback(stop)
        self._supervisor.spawn("engine", keeper.run())
        self._parts["engine"] = keeper.state

    async def _start_sinks(self, stack: AsyncExitStack, sinks: wiring.Sinks, feed: LiveFeed) -> None:
        spawn = self._supervisor.spawn
        await sinks.sender.recover(sole_owner=True)
        spawn("sender", sinks.sender.run())
        spawn("dispatcher", sinks.dispatcher.run())
        spawn("alert routes", sinks.alert_routes.run())
        spawn("metrics", sinks.metrics_writer.run())
        spawn("view", sinks.projector.run())
        spawn("feed", feed.run())
        self._parts["view"] = lambda: READY if sinks.projector.caught_up.is_set() else "catching up"
        self._parts["metrics"] = lambda: sinks.metrics_writer.fault or READY

        async def stop() -> None:
            await self._supervisor.cancel("dispatcher")
            await self._supervisor.cancel("alert routes")
            sinks.sender.drain()
            sinks.metrics_writer.stop()
            await self._supervisor.finished("sender", DRAIN_S)
            await self._supervisor.finished("metrics", 1.0)
            for channel in sinks.channels:
                await channel.close()

        stack.push_async_callback(stop)

    async def _until_ready(self) -> bool:
        """Wait until every part serves; False when asked to stop before. Raises the first fault."""
        waiting = asyncio.create_task(self._supervisor.wait())
        await until(lambda: waiting.done() or self._may_begin())
        if waiting.done():
            waiting.result()
            return False
        waiting.cancel()
        return True

    def _may_begin(self) -> bool:
        """Say whether all parts are ready, but the disk: one with little room refuses events, and shows the rest."""
        return all(state == READY for name, state in self.readiness().items() if name != "disk")

    async def _when_ready(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        if await self._until_ready():
            await work()

    async def _bootstrap(self, config: ConfigStore) -> Bootstrap:
        now_ms = self._clock.now_ms()
        made = await config.bootstrap(now_ms)
        token = (
            made.api_token
            or await self._kept_token(config)
            or await config.add_api_token(made.workspace, "bootstrap", now_ms)
        )
        link = await config.create_sign_in_link(made.workspace, now_ms, self._settings.api.sign_in_link_ttl_s * 1000)
        url = self._settings.server.public_url
        return Bootstrap(url, made.source.write_key, token, f"{url}/signin?token={link}")

    async def _kept_token(self, config: ConfigStore) -> str | None:
        try:
            token = read_bootstrap(self._data.path).api_token
        except ConfigurationError:
            return None
        return token if await config.check_api_token(token) else None


async def _purge(log: EmbeddedEventLog, now_ms: int) -> None:
    try:
        await log.purge(now_ms)
    except LogFullError as error:  # even to delete takes room at first
        logger.warning("what is past its retention stays for now: %s", error)


async def _source_key(config: ConfigStore, name: str) -> str:
    known = next((s for s in await config.list_sources() if s.id == name), None)
    source = known or await config.add_source("default", "server", name)
    return source.write_key
