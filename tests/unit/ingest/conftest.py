"""A front door over a fake log, and a client that knocks without a network."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.types import ASGIApp

from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.pixel.daily_ids import DailyIds
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from tests.unit.ingest.fake_log import FakeClock, FakeLog

WEB = Source("src_web", "ws", "web", write_key="wk_web")
SHOP = Source("src_shop", "ws", "shopify", write_key="wk_shop", webhook_secrets=("new-secret", "old-secret"))
OFF = Source("src_off", "ws", "web", write_key="wk_off", is_enabled=False)
UNSIGNED_SHOP = Source("src_bare", "ws", "shopify")


@pytest.fixture
def settings() -> IngestSettings:
    return IngestSettings(linger_ms=0, max_event_bytes=4_096, max_batch_bytes=65_536, max_batch_events=50)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
async def batcher(log: FakeLog, clock: FakeClock, settings: IngestSettings) -> AsyncIterator[Batcher]:
    batcher = Batcher(log, clock, settings)
    await batcher.start()
    yield batcher
    log.gate.set()
    await batcher.stop()


@pytest.fixture
def app(batcher: Batcher, log: FakeLog, clock: FakeClock, settings: IngestSettings) -> ASGIApp:
    sources = StaticSources([WEB, SHOP, UNSIGNED_SHOP, OFF])
    return app_of(Door(batcher, sources, LogDeadLetters(log), clock, settings, namer=DailyIds(never_loaded, clock)))


async def never_loaded(_: object) -> dict[int, bytes]:
    return {}


@pytest.fixture
async def client(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        yield client
