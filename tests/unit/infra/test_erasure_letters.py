"""Which stored dead letters an erasure takes: the workspace's, and the platform's own, but no other workspace's."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from infra.erasure.letters import forget_letters
from ingest.letter_projector import read_letters
from streams.log.memory import MemoryEventLog
from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.letters import LetterFilter
from streams.operators.erasing import Person
from streams.ports import NewRecord
from streams.store.config import DEFAULT_WORKSPACE
from streams.store.dead_letters import DeadLetterStore

EVE = Person("shop", ("email:eve@example.com",))


@pytest.fixture
async def store(tmp_path) -> AsyncIterator[DeadLetterStore]:
    store = DeadLetterStore(f"sqlite:///{tmp_path / 'dead_letters.db'}")
    yield store
    await store.close()


async def stored(store: DeadLetterStore, *letters: tuple[str, bytes]) -> MemoryEventLog:
    """Return a log with letters of (workspace, bytes), all of which the store has, too."""
    log = MemoryEventLog(1)
    values = [msgspec.msgpack.encode(DeadLetter(w, "", "engine", "no frame", "", raw, 1)) for w, raw in letters]
    await log.append([NewRecord(DEAD_LETTERS, 0, None, value, 1) for value in values])
    records = await log.read(DEAD_LETTERS, 0, 0, 100)
    await store.project(log.identity(), 0, len(records), read_letters(records, DEFAULT_WORKSPACE))
    return log


async def left(store: DeadLetterStore) -> list[str]:
    workspaces = (DEFAULT_WORKSPACE, "shop")
    pages = [await store.page(workspace, LetterFilter(), 100, oldest_first=True) for workspace in workspaces]
    return [note.id for page in pages for note in page]


async def test_letters_of_the_platform_are_searched_for_people_of_every_workspace(store):
    log = await stored(store, ("", b"of eve@example.com"), ("", b"of nobody"), ("shop", b"eve@example.com"))
    assert await forget_letters(store, log, EVE) == 2
    assert await left(store) == ["0:1"]


async def test_the_first_workspaces_own_letters_are_its_own_to_erase(store):
    log = await stored(store, (DEFAULT_WORKSPACE, b"of eve@example.com"))
    assert await forget_letters(store, log, EVE) == 0
    assert await left(store) == ["0:0"]


async def test_a_letter_that_the_log_has_no_more_may_be_the_platforms(store):
    await stored(store, ("", b"of eve@example.com"))
    assert await forget_letters(store, MemoryEventLog(1), EVE) == 1
