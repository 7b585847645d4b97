"""A full disk is waited for; what else goes wrong surfaces."""

import errno
import os
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from sinks.sqlite_worker import SqliteWorker, transaction
from streams.log import embedded_schema
from streams.log.embedded import EmbeddedEventLog
from streams.log.topics import TRIGGERS
from streams.model.errors import LocalCopyError, LogFullError
from streams.ports import NewRecord
from streams.room import lacks_room, once_there_is_room

RECORD = NewRecord(TRIGGERS, 0, None, b"x" * 100_000, 1)


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch):
    monkeypatch.setattr("streams.room.LOOK_S", 0)


def full(code: int = sqlite3.SQLITE_FULL) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (full(), True),
        (full(sqlite3.SQLITE_IOERR_SHMSIZE), True),
        (OperationalError("INSERT", {}, full()), True),
        (OSError(errno.ENOSPC, "no room"), True),
        (LocalCopyError(f"state: IO error: {os.strerror(errno.ENOSPC)}: While appending"), True),
        (full(sqlite3.SQLITE_IOERR_FSYNC), False),
        (OSError(errno.EIO, "broken"), False),
        (LocalCopyError("state: Corruption"), False),
        (ValueError(os.strerror(errno.ENOSPC)), False),
    ],
    ids=repr,
)
def test_it_is_known_what_has_failed_for_want_of_room(error, expected):
    assert lacks_room(error) is expected


async def test_what_found_no_room_is_tried_again(caplog):
    faults = [full(), OperationalError("INSERT", {"address": "ada@example.test"}, full())]

    async def work() -> str:
        if faults:
            raise faults.pop()
        return "done"

    assert await once_there_is_room(work, "here") == "done"
    assert caplog.messages == ["here waits until its disk has room: database or disk is full"]


async def test_who_answers_a_request_is_told_when_it_takes_too_long_and_not_what_was_to_be_stored():
    async def work() -> None:
        raise OperationalError("INSERT", {"address": "ada@example.test"}, full())

    with pytest.raises(LogFullError) as told:
        await once_there_is_room(work, "here", patience_s=0)
    assert str(told.value) == "the disk is full: database or disk is full"


async def test_another_fault_surfaces_at_once():
    async def work() -> None:
        raise full(sqlite3.SQLITE_IOERR_FSYNC)

    with pytest.raises(sqlite3.OperationalError):
        await once_there_is_room(work, "here")


def bound(db: sqlite3.Connection, pages: int) -> None:
    """Let the file grow no more, which SQLite tells as a full disk."""
    db.execute(f"PRAGMA max_page_count={pages}").close()


async def test_a_store_goes_on_where_it_was_once_there_is_room(tmp_path):
    worker = SqliteWorker(tmp_path / "a.db", "NORMAL", lambda db: db.execute("CREATE TABLE t (v BLOB)").close())
    await worker.run(lambda db: bound(db, 8))
    attempts = 0

    def write(db: sqlite3.Connection) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 3:
            bound(db, 1_000)
        with transaction(db):
            db.execute("INSERT INTO t VALUES (?)", (b"small",)).close()
            db.execute("INSERT INTO t VALUES (?)", (RECORD.value,)).close()

    await worker.run(write)
    assert await worker.run(lambda db: db.execute("SELECT count(*) FROM t").fetchone()) == (2,)
    await worker.close()


async def test_the_log_says_that_a_full_disk_passes(tmp_path, monkeypatch):
    connect = embedded_schema.connect

    def connect_small(path):
        db = connect(path)
        bound(db, 30)
        return db

    monkeypatch.setattr("streams.log.embedded.connect", connect_small)
    log = await EmbeddedEventLog(tmp_path / "log.db", 1).open()
    with pytest.raises(LogFullError):
        await log.append([RECORD] * 2)
    assert await log.bounds(TRIGGERS, 0) == (0, 0)
    await log.close()
