"""Whoever waits for what the door has taken waits for neither more nor less."""

import asyncio

from infra.intake import Intake
from infra.settings import Settings
from ingest.batcher import Batcher
from ingest.disk import DiskWatch
from ingest.intake import IntakeLog
from ingest.settings import IngestSettings
from ingest.tallies import Audit
from streams.model.events import Event, ProfileKeys
from tests.unit.ingest.fake_log import FakeClock, FakeLog


class HeldLog(FakeLog):
    """Takes nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_free = asyncio.Event()

    async def append(self, records):
        await self.is_free.wait()
        return await super().append(records)


async def test_what_was_taken_is_settled_once_the_log_has_it(tmp_path):
    held, limits = HeldLog(), IngestSettings(linger_ms=0)
    log = IntakeLog(held, FakeClock(), limits)
    batcher = Batcher(log, FakeClock(), limits)
    intake = Intake(log, batcher, DiskWatch(tmp_path, 0), Audit(batcher.drift), None, Settings())
    await batcher.start()
    await intake.settled()
    batcher.put_soon([Event("m", "w", "web", "user:1", "x", 1, 1, ProfileKeys(user_id="1"))], lambda _: None)
    waiting = asyncio.ensure_future(intake.settled())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    held.is_free.set()
    async with asyncio.timeout(60):
        await waiting
    await batcher.stop()
