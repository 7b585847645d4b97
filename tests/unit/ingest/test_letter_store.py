"""The store of dead letters and what keeps it in step with the topic."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.event import listen, remove

from ingest.letter_projector import LetterProjector
from streams.log.memory import MemoryEventLog
from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.letters import Fix, LetterFilter, LetterNote, LetterPlace, LetterState, StoredLetter
from streams.ports import NewRecord
from streams.store.dead_letters import DeadLetterStore

NOW = 1_800_000_000_000
ANY = LetterFilter()


class Clock:
    def now_ms(self) -> int:
        return NOW


def letter(number: int, at_ms: int = NOW, raw: bytes = b"{}", **changes: object) -> StoredLetter:
    note = LetterNote(
        f"0:{number}", "w", "web", "ingest", "track", "wrong_type", "userId: is bad", "userId", at_ms, len(raw)
    )
    return StoredLetter(note._replace(**changes), raw)


@pytest.fixture
async def store(tmp_path) -> AsyncIterator[DeadLetterStore]:
    store = DeadLetterStore(f"sqlite:///{tmp_path / 'dead_letters.db'}")
    yield store
    await store.close()


async def ids(store: DeadLetterStore, wanted: LetterFilter = ANY, **more: object) -> list[str]:
    return [note.id for note in await store.page("w", wanted, 100, **more)]


async def test_a_letter_comes_back_as_it_was_stored(store):
    kept = letter(3, raw=b"\x00\xff")._replace(head='{"a":1}')
    await store.project("log", 0, 4, [kept])
    assert await store.get("w", "0:3") == kept


async def test_a_letter_is_its_workspaces_alone(store):
    await store.project("log", 0, 4, [letter(3)])
    assert await store.get("other", "0:3") is None
    assert await store.page("other", ANY, 9) == []


async def test_projecting_a_letter_again_keeps_what_became_of_it(store):
    await store.project("log", 0, 1, [letter(0)])
    await store.finish("w", LetterState.REPLAYED, {"0:0": "1 event"}, "ada", NOW)
    await store.project("log", 0, 1, [letter(0)])
    found = await store.get("w", "0:0")
    assert (found.note.state, found.note.state_by, found.note.outcome) == (LetterState.REPLAYED, "ada", "1 event")


async def test_letters_of_another_log_are_forgotten(store):
    await store.project("log", 0, 1, [letter(0)])
    assert await store.positions("log") == {0: 1}
    assert await store.positions("log after a loss") == {}
    assert await ids(store) == []


@pytest.mark.parametrize(
    "wanted",
    [
        LetterFilter(source="shop"),
        LetterFilter(stage="engine"),
        LetterFilter(via="gif"),
        LetterFilter(code="too_large"),
        LetterFilter(field="event"),
        LetterFilter(text="100%_OF IT"),
        LetterFilter(state=LetterState.DROPPED),
        LetterFilter(from_ms=NOW + 1),
        LetterFilter(source="shop", via="gif", from_ms=NOW + 1, to_ms=NOW + 6),
    ],
    ids=lambda wanted: "-".join(name for name, value in wanted._asdict().items() if value),
)
async def test_a_filter_finds_what_it_asks_for(store, wanted):
    odd = letter(
        1, NOW + 5, source="shop", stage="engine", via="gif", code="too_large", field="event",
        reason="event: 100%_of it", state=LetterState.DROPPED,
    )  # fmt: skip
    await store.project("log", 0, 2, [letter(0), odd])
    assert await ids(store, wanted) == ["0:1"]
    assert await store.count("w", wanted) == 1


async def test_pages_follow_each_other_in_both_directions(store):
    await store.project("log", 0, 9, [letter(n, NOW + n // 2) for n in range(4)])
    assert await ids(store) == ["0:3", "0:2", "0:1", "0:0"]
    assert await ids(store, after=LetterPlace(NOW + 1, 0, 2)) == ["0:1", "0:0"]
    assert await ids(store, oldest_first=True, after=LetterPlace(NOW, 0, 1)) == ["0:2", "0:3"]


async def test_groups_count_what_letters_have_in_common(store):
    await store.project("log", 0, 9, [letter(0), letter(1, NOW + 7), letter(2, via="gif")])
    first, second = await store.groups("w", ANY, 10)
    assert (first.via, first.letters, first.first_ms, first.last_ms) == ("track", 2, NOW, NOW + 7)
    assert (second.via, second.letters) == ("gif", 1)


async def test_the_first_claim_stays_until_it_is_released(store):
    fixes = (Fix("set", "userId", 7),)
    await store.project("log", 0, 9, [letter(0)])
    await store.claim("w", {"0:0": fixes}, NOW)
    await store.claim("w", {"0:0": ()}, NOW + 1)
    assert (await store.get("w", "0:0")).claim == (NOW, fixes)
    await store.release("w", ["0:0"])
    assert (await store.get("w", "0:0")).claim is None


async def test_a_failed_attempt_leaves_the_newest_reason(store):
    await store.project("log", 0, 9, [letter(0)])
    await store.fail("w", "0:0", "missing_field", "event: is missing", "event")
    note = (await store.get("w", "0:0")).note
    assert (note.state, note.code, note.reason, note.field, note.attempts) == (
        LetterState.NEW, "missing_field", "event: is missing", "event", 1,
    )  # fmt: skip


async def test_a_failed_attempt_without_a_reason_leaves_the_one_there_is(store):
    await store.project("log", 0, 9, [letter(0)])
    before = (await store.get("w", "0:0")).note
    await store.fail("w", "0:0")
    assert (await store.get("w", "0:0")).note == before._replace(attempts=1)


async def test_only_new_letters_are_dropped(store):
    await store.project("log", 0, 9, [letter(n) for n in range(3)])
    await store.finish("w", LetterState.REPLAYED, {"0:0": "1 event"}, "ada", NOW)
    assert await store.drop("w", ["0:0", "0:1", "nonsense"], "ada", "no use", NOW) == 1
    assert await store.drop("w", ANY, "ada", "no use", NOW) == 1
    assert await ids(store, LetterFilter(state=LetterState.DROPPED)) == ["0:2", "0:1"]


async def test_letters_are_found_by_what_they_hold_and_forgotten_by_their_ids(store):
    await store.project("log", 0, 9, [letter(0, raw=b"of ada"), letter(1), letter(2, workspace="v", raw=b"of ada")])
    found = await store.find("w", lambda raw, _: b"ada" in raw)
    assert (found, await store.forget("w", found)) == (["0:0"], 1)
    assert await ids(store) == ["0:1"]


async def test_what_is_forgotten_is_gone_from_the_files(store, tmp_path):
    await store.project("log", 0, 9, [letter(0, raw=b"adas-secret " * 900)])
    assert any(b"adas-secret" in file.read_bytes() for file in tmp_path.iterdir())
    await store.forget("w", ["0:0"])
    assert not any(b"adas-secret" in file.read_bytes() for file in tmp_path.iterdir())


async def test_the_oldest_go_when_they_are_too_old_or_too_many(store):
    await store.project("log", 0, 9, [letter(n, NOW + n) for n in range(5)])
    assert await store.prune(NOW + 1, 10_000) == 1
    assert await store.prune(0, 1_200) == 2
    assert await ids(store) == ["0:4", "0:3"]


@asynccontextmanager
async def projecting(log: MemoryEventLog, store: DeadLetterStore, max_bytes: int = 1 << 30) -> AsyncIterator[None]:
    """Run the projector until it has read all that the log holds."""
    projector = LetterProjector(log, store, Clock(), workspace="w", retention_ms=1 << 40, max_bytes=max_bytes)
    task = asyncio.create_task(projector.run())
    waiting = asyncio.create_task(projector.caught_up.wait())
    await asyncio.wait({task, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert projector.caught_up.is_set(), task
    yield
    task.cancel()
    await asyncio.wait({task})


async def put(log: MemoryEventLog, *values: bytes | None) -> None:
    await log.append([NewRecord(DEAD_LETTERS, 0, None, value, NOW) for value in values])


async def test_letters_of_the_topic_reach_the_store_once(store):
    log = MemoryEventLog(2)
    sent = DeadLetter("", "web", "ingest", "bad", "userId", b"{}", NOW - 1, "track", "wrong_type", '{"x":1}')
    await put(log, msgspec.msgpack.encode(sent))
    for _ in range(2):
        async with projecting(log, store):
            found = await store.get("w", "0:0")
    assert await ids(store) == ["0:0"]
    assert (found.note.at_ms, found.note.via, found.raw, found.head) == (NOW - 1, "track", b"{}", '{"x":1}')


async def test_the_size_of_a_letter_is_that_of_what_came(store):
    log = MemoryEventLog(1)
    raw = '{"name": "Zoë\x00"}'.encode()
    sent = DeadLetter("w", "web", "ingest", "bad", "userId", raw, NOW, "track", "wrong_type", '{"x":1}')
    await put(log, msgspec.msgpack.encode(sent))
    async with projecting(log, store):
        (listed,) = await store.page("w", ANY, 1)
    assert (listed.size_bytes, (await store.get("w", "0:0")).note.size_bytes) == (len(raw), len(raw))


async def test_a_letter_of_an_older_build_is_read(store):
    log = MemoryEventLog(1)
    await put(log, msgspec.msgpack.encode(["w", "web", "ingest", "bad", "", b"raw", NOW]))
    async with projecting(log, store):
        assert (await store.get("w", "0:0")).raw == b"raw"


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xc1garbage",
        msgspec.msgpack.encode(["w", 7]),
        msgspec.msgpack.encode(["w\x00", "s" * 10_000, "i", "r\x00" * 9_999, "f", b"\x00", 1 << 62]),
        msgspec.msgpack.encode(["w", "s", "i", "r", "f", b"", -5]),
        b"\x91" * 5_000,
    ],
)
async def test_garbage_in_the_topic_stops_nothing(store, value):
    log = MemoryEventLog(1)
    good = msgspec.msgpack.encode(DeadLetter("w", "web", "ingest", "bad", "", b"good", NOW))
    await put(log, value, good)
    async with projecting(log, store):
        assert (await store.get("w", "0:1")).raw == b"good"


async def test_a_log_that_was_put_back_is_read_anew(store):
    log = MemoryEventLog(1)
    await put(log, msgspec.msgpack.encode(DeadLetter("w", "web", "ingest", "bad", "", b"now", NOW)))
    await store.project(log.identity(), 0, 7, [letter(0, raw=b"then")])
    async with projecting(log, store):
        assert (await store.get("w", "0:0")).raw == b"now"


async def test_a_flood_is_pruned_while_it_lasts(store):
    log = MemoryEventLog(1)
    flood = [DeadLetter("w", "web", "ingest", "bad", "", b"x" * 10_000, NOW + n) for n in range(300)]
    await put(log, *map(msgspec.msgpack.encode, flood))
    async with projecting(log, store, max_bytes=200_000):
        assert 0 < len(await ids(store)) <= 20


async def test_letters_that_are_named_are_found_without_reading_all_others(store, tmp_path):
    await store.project("log", 0, 600, [letter(number) for number in range(600)])
    asked: list[tuple[str, Sequence[object]]] = []

    def note(_connection: object, _cursor: object, sql: str, parameters: Sequence[object], *_: object) -> None:
        asked.append((sql, parameters))

    listen(Engine, "before_cursor_execute", note)
    try:
        await store.fail("w", "0:5")
        await store.release("w", ["0:5", "1:7"])
        await store.drop("w", ["0:5", "0:6"], "ada", "", NOW)
        assert (await store.get_many("w", ["0:5", "0:599", "1:7", "x"])).keys() == {"0:5", "0:599"}
    finally:
        remove(Engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(tmp_path / "dead_letters.db")) as db:
        plans = [row[3] for sql, told in asked for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", told)]
    read = [plan for plan in plans if "dead_letters" in plan]
    assert len(read) >= 4
    assert all("(log_partition=? AND log_offset=?)" in plan for plan in read)
