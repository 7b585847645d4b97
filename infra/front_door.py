"""The front door by itself: `campaigniq ingest` takes events for a platform whose log is on Kafka, and nothing else.

It knows sources and policies from the data folder of the platform, which it only reads, and keeps its spool there or
where the settings say.
"""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.doorway import DoorStores, link_signer, open_doorway
from infra.garbage import spare_what_lives
from infra.intake import Intake
from infra.late_kafka import LateKafka
from infra.server import bind, url_of
from infra.settings import Settings
from infra.sources import open_config
from infra.supervisor import Supervisor, until
from ingest.errors import JSON, error_body
from ingest.report import as_prometheus
from streams.model.errors import ConfigurationError
from streams.ports import READY
from streams.store.config import ConfigStore
from streams.store.sources import SourceCache

SPOOL = "spool-ingest"
_OTHERS = 0o077
_ELSEWHERE = error_body(
    "not_found",
    "This is a front door by itself (campaigniq ingest), without API, dashboard and debugger: ask the platform "
    "(campaigniq up). What comes in here can be seen in no debugger; it counts in /metrics, and what can't be used is "
    "a dead letter of the platform",
)


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
        self.url = url_of(self._listener, settings.server.host)
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
            config = await open_config(self._data)
            stack.push_async_callback(config.close)
            links = await link_signer(config, settings.messages.link_key)
            stores = DoorStores(config=config, sources=SourceCache(config), links=links)
            await stores.sources.refresh()
            kafka = LateKafka(settings.log)
            stack.push_async_callback(kafka.close)
            stack.push_async_callback(self._supervisor.cancel_all)
            spawn("kafka", kafka.run())
            doorway = await open_doorway(stack, self._supervisor, settings, kafka, stores, self._data, spool=SPOOL)
            self._parts = doorway.serve(stack, self._listener, self._around(doorway.intake, config))
            spawn("ready", self._announce(on_ready))
            try:
                await self._supervisor.wait()
            finally:
                self._on_end()

    async def _announce(self, on_ready: Callable[[str], None]) -> None:
        await until(lambda: self._parts["http"]() == READY)
        spare_what_lives()
        on_ready(self.url)

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


async def _is_known(request: Request, config: ConfigStore) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token) and await config.api_token(token.strip()) is not None
