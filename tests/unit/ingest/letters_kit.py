"""A front door over a log in memory, the store of its dead letters, and what takes them in again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ingest.app import app_of
from ingest.batcher import Batcher
from ingest.dead_letters import LogDeadLetters
from ingest.door import Door
from ingest.letter_projector import read_letters
from ingest.redelivery import Redelivery
from ingest.settings import IngestSettings
from ingest.sources import Source, StaticSources
from streams.frames import decode
from streams.log.memory import MemoryEventLog
from streams.log.topics import DEAD_LETTERS, EVENTS
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.model.letters import Fix, LetterAttempt, LetterFilter, LetterNote, StoredLetter
from streams.store.dead_letters import DeadLetterStore
from tests.unit.ingest.fake_log import FakeClock

WEB = Source("web", "ws", "web", write_key="wk_web")
SERVER = Source("server", "ws", "server", write_key="wk_server")
SHOP = Source("shop", "ws", "shopify", webhook_secrets=("secret",))
MAIL = Source("mail", "ws", "brevo", webhook_secrets=("secret",))
SALES = Source("sales", "ws", "salesforce", webhook_secrets=("a-token-of-32-characters-or-more",))
SOURCES = (WEB, SERVER, SHOP, MAIL, SALES)
MINUTE_MS, DAY_MS = 60_000, 86_400_000


@dataclass
class Desk:
    """What a test works with."""

    door: Door
    store: DeadLetterStore
    redelivery: Redelivery
    client: httpx.AsyncClient
    log: MemoryEventLog
    clock: FakeClock
    letters_put: LogDeadLetters

    async def events(self) -> list[Event]:
        frames = [r for p in range(2) for r in await self.log.read(EVENTS, p, 0, 10_000)]
        return [event for record in frames for event in decode(record.value).events]

    async def project(self) -> None:
        for partition in range(2):
            records = await self.log.read(DEAD_LETTERS, partition, 0, 10_000)
            await self.store.project("log", partition, len(records), read_letters(records, "ws"))

    async def notes(self) -> list[LetterNote]:
        """Return all letters, the oldest first."""
        await self.project()
        return await self.store.page("ws", LetterFilter(), 1_000, oldest_first=True)

    async def only(self) -> StoredLetter:
        (note,) = await self.notes()
        letter = await self.store.get("ws", note.id)
        assert letter is not None
        return letter

    async def bury(self, letter: DeadLetter) -> str:
        await self.letters_put.put([letter])
        return (await self.only()).note.id

    async def replay(self, *fixes: Fix, dry_run: bool = False, ids: list[str] | None = None) -> list[LetterAttempt]:
        """Take all letters in, or those named."""
        chosen = ids or [note.id for note in await self.notes()]
        return await self.redelivery.replay("ws", chosen, fixes, "ada", dry_run=dry_run)

    async def track(self, raw: bytes, kind: str = "track", key: str = "wk_web", **headers: str) -> httpx.Response:
        return await self.client.post(f"/v1/{kind}", content=raw, auth=(key, ""), headers=headers)


def put(path: str, value: Any) -> Fix:
    return Fix("set", path, value)


@asynccontextmanager
async def open_desk(store_url: str = "sqlite://", **doors: Any) -> AsyncIterator[Desk]:
    """Return a desk. `doors` go to the door: treatments, is_suppressed, watch, gate."""
    log, clock = MemoryEventLog(2), FakeClock()
    settings = IngestSettings(linger_ms=0, max_event_bytes=4_096, max_batch_bytes=65_536, max_batch_events=50)
    batcher, letters, sources = Batcher(log, clock, settings), LogDeadLetters(log), StaticSources(SOURCES)
    store = DeadLetterStore(store_url)
    await batcher.start()
    door = Door(batcher, sources, letters, clock, settings, **doors)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app_of(door)), base_url="http://door") as client:
        yield Desk(door, store, Redelivery(door, store), client, log, clock, letters)
    await batcher.stop()
    await store.close()
