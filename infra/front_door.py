"""The front door by itself: `campaigniq ingest` takes events for a platform whose log is on Kafka, and nothing else.

It knows sources and policies from the data folder of the platform, which it only reads, and keeps its spool there or
where the settings say.
"""

import asyncio
import os
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra import wiring
from infra.clock import SystemClock
from infra.garbage import spare_what_lives
from infra.intake import Intake, open_intake
from infra.late_kafka import LateKafka
from infra.policies import build_policy
from infra.server import Front, Server, bind, create_server
from infra.settings import Settings
from infra.supervisor import Supervisor, every
from ingest.app import app_of
from ingest.errors import JSON, error_body
from ingest.quick import QuickCalls
from ingest.report import as_prometheus
from streams.model.errors import ConfigurationError
from streams.model.links import LinkSigner
from streams.ports import READY
from streams.store.config import ConfigStore
from streams.store.sources import SourceCache

READY_CHECK_S = 0.02
DRAIN_S = 4.0
REFRESH_S = 2.0
SPOOL = "spool-ingest"
_OTHERS = 0o077
_ELSEWHERE = error_body(
    "not_found",
    "This is a front door by itself (campaigniq ingest), without API, dashboard and debugger: ask the platform "
    "(campaigniq up). What comes in here can be seen in no debugger; it counts in /metrics, and what can't be used is "
    "a dead letter of the platform",
)


@dataclass
class DoorStores:
    """What a door alone reads."""

    config: ConfigStore
    sources: SourceCache
    links: LinkSigner


class FrontDoor:
    """`run` returns after `stop`, or raises what broke. `on_end` is called when it begins to end."""

    def __init__(self, settings: Settings, data: Path, on_end: Callable[[], None] = lambda: None) -> None:
        if not settings.log.url:
            raise ConfigurationError(
                "log.url",
                "is empty, and the embedded log belongs to `campaigniq up` alone",
                "Set CAMPAIGNIQ_LOG__URL=kafka://host:9092",
            )
        os.umask(_OTHERS)
        self._settings = settings
        self._data = data
        self._on_end = on_end
        self._listener = bind(settings.server)
        host, port = settings.server.host, self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._supervisor = Supervisor()
        self._parts: dict[str, Callable[[], str]] = {}

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._supervisor.stop()

    async def run(self, on_ready: Callable[[str], None]) -> None:
        """Start, call `on_ready` with the address once events can be taken, run until stopped."""
        settings, spawn = self._settings, self._supervisor.spawn
        async with AsyncExitStack() as stack:
            stack.callback(self._listener.close)
            config = await _open_config(self._data)
            stack.push_async_callback(config.close)
            stores = DoorStores(
                config, SourceCache(config), await wiring.link_signer(config, settings.messages.link_key)
            )
            await stores.sources.refresh()
            policy = await build_policy(settings.ingest, config)
            kafka = LateKafka(settings.log)
            stack.push_async_callback(kafka.close)
            stack.push_async_callback(self._supervisor.cancel_all)
            spawn("kafka", kafka.run())
            intake = open_intake(settings, kafka, SystemClock(), self._data, config.suppressions, SPOOL)
            await intake.start(spawn)
            stack.push_async_callback(intake.stop)
            door = wiring.build_door(settings, stores, SystemClock(), intake.batcher, policy)
            app = Front(
                intake.guard(app_of(door, stores.links), spawn, door.source_id_of), self._around(intake, config)
            )
            quick = QuickCalls(door, intake.log.refusal)
            server = create_server(app, settings.server.trusted_proxies, quick)
            self._parts = {"http": lambda: READY if server.started else "starting", **intake.parts()}
            spawn("http", server.serve([self._listener]))
            stack.push_async_callback(self._stop_server, server)
            spawn("sources", every(REFRESH_S, stores.sources.refresh))
            spawn("policies", every(REFRESH_S, policy.refresh))
            spawn("ready", self._announce(server, on_ready))
            try:
                await self._supervisor.wait()
            finally:
                self._on_end()

    async def _announce(self, server: Server, on_ready: Callable[[str], None]) -> None:
        # uvicorn tells nobody; this runs for a moment at the start.
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(READY_CHECK_S)
        spare_what_lives()
        on_ready(self.url)
        await asyncio.Event().wait()

    async def _stop_server(self, server: Server) -> None:
        server.should_exit = True
        await self._supervisor.finished("http", DRAIN_S)

    def _around(self, intake: Intake, config: ConfigStore) -> Starlette:
        """Return the addresses for those who run it."""

        async def alive(_: Request) -> Response:
            return Response(b'{"status":"ok"}', media_type=JSON)

        async def ready(request: Request) -> Response:
            parts = {name: state() for name, state in self._parts.items()}
            is_ready = all(state == READY for state in parts.values())
            if not await _is_known(request, config):
                # Faults name hosts and ports of the inside.
                parts = {name: READY if state == READY else "not ready" for name, state in parts.items()}
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            return Response(orjson.dumps({"ready": is_ready, "parts": parts}), status, media_type=JSON)

        async def takes(_: Request) -> Response:
            is_ready = intake.takes_events()
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            return Response(orjson.dumps({"ready": is_ready}), status, media_type=JSON)

        async def metrics(request: Request) -> Response:
            if not await _is_known(request, config):
                return Response(b'{"error":{"code":"unauthorized","message":"Send an API token"}}', 401, None, JSON)
            return PlainTextResponse(as_prometheus(intake.report(lambda _: True)))

        async def elsewhere(_: Request) -> Response:
            return Response(_ELSEWHERE, HTTPStatus.NOT_FOUND, media_type=JSON)

        routes = [("/healthz", alive), ("/readyz", ready), ("/readyz/intake", takes), ("/metrics", metrics)]
        routes.append(("/api/{rest:path}", elsewhere))
        return Starlette(routes=[Route(path, answer) for path, answer in routes])


async def _open_config(data: Path) -> ConfigStore:
    if not (data / "config.db").is_file():
        raise ConfigurationError("--data", f"{data} holds no installation", "Start `campaigniq up` with it first")
    config = ConfigStore(f"sqlite:///{data / 'config.db'}", secrets.token_urlsafe)
    await config.open()
    return config


async def _is_known(request: Request, config: ConfigStore) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token) and await config.api_token(token.strip()) is not None
