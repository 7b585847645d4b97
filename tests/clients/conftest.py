"""A front door on a port, for clients that know nothing of tests: it can be told to refuse, and says what it got."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request

from infra.clock import SystemClock
from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door, OpenGate
from ingest.errors import RateLimitedError
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.model.errors import LogFullError
from tests.serving import served
from tests.unit.ingest.fake_log import FakeLog

KEY = "wk_web"
SOURCE = Source("site", "ws", "web", write_key=KEY)


class Trouble(OpenGate):
    """Refuses the next requests, as often as it is told: too many messages (429), or no room in the log (503)."""

    def __init__(self) -> None:
        self.rate_limited = 0
        self.full = 0
        self.refused = 0

    def admit(self, request: Request, source: Source) -> None:
        if self.rate_limited:
            self.rate_limited -= 1
            self.refused += 1
            raise RateLimitedError(source.id, 1, 0.1)
        if self.full:
            self.full -= 1
            self.refused += 1
            raise LogFullError("it waits for the disk", 1)


@dataclass
class OpenDoor:
    """What a test sees of the door."""

    url: str
    log: FakeLog
    trouble: Trouble = field(default_factory=Trouble)


@pytest.fixture
async def door() -> AsyncIterator[OpenDoor]:
    log, clock, settings, trouble = FakeLog(), SystemClock(), IngestSettings(linger_ms=0), Trouble()
    batcher = Batcher(log, clock, settings)
    await batcher.start()
    app = app_of(Door(batcher, StaticSources([SOURCE]), LogDeadLetters(log), clock, settings, gate=trouble))
    async with served(app) as url:
        yield OpenDoor(url, log, trouble)
    await batcher.stop()
    assert log.dead_letters() == []
