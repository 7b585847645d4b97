"""Tables of the embedded log, and how a record's place is packed into its row id."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from streams.log.topics import TOPICS
from streams.model.errors import ConfigurationError

OFFSET_BITS = 40
_PARTITION_BITS = 10
SCHEMA_VERSION = 1

_DDL = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (no INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, key BLOB, value BLOB);
CREATE TABLE IF NOT EXISTS newest (
    place INTEGER, key BLOB, id INTEGER NOT NULL, PRIMARY KEY (place, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sizes (place INTEGER PRIMARY KEY, bytes INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS tombstones ON records (id) WHERE value IS NULL;
CREATE TABLE IF NOT EXISTS groups (
    name TEXT, topic INTEGER, partition INTEGER, offset INTEGER NOT NULL, PRIMARY KEY (name, topic, partition)
) WITHOUT ROWID;
"""


def row_id(topic_no: int, partition: int, offset: int) -> int:
    """Return the row id of a record: topic, partition and offset in one ordered integer."""
    return (topic_no << _PARTITION_BITS | partition) << OFFSET_BITS | offset


def place_of(rid: int) -> int:
    """Return the part of a row id that names topic and partition."""
    return rid >> OFFSET_BITS


class LogState(NamedTuple):
    """What an open file says: numbers of the topics, next offset of each (topic number, partition), which log it is."""

    topic_nos: dict[str, int]
    next_offsets: dict[tuple[int, int], int]
    identity: str


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for use by one thread at a time."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA temp_store=MEMORY")
    # What is deleted or replaced leaves no bytes in the file.
    db.execute("PRAGMA secure_delete=ON")
    return db


def open_schema(db: sqlite3.Connection, partitions: int) -> LogState:
    """Create what is missing and read where each partition ends. Raises ConfigurationError."""
    db.executescript(_DDL)
    _check(
        db,
        "schema_version",
        SCHEMA_VERSION,
        "was written by another version",
        "Use that version or a new data folder",
    )
    _check(
        db,
        "partitions",
        partitions,
        "differs from the count this log was made with",
        "Partition counts are fixed at installation: set log.partitions back or use a new data folder",
    )
    db.execute("INSERT OR IGNORE INTO meta VALUES ('identity', random())")
    number = db.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()[0]
    db.executemany("INSERT OR IGNORE INTO topics (name) VALUES (?)", [(name,) for name in TOPICS])
    nos = {name: no for no, name in db.execute("SELECT no, name FROM topics")}
    ends: dict[tuple[int, int], int] = {}
    for no in nos.values():
        for partition in range(partitions):
            ends[no, partition] = _end(db, no, partition)
    return LogState(nos, ends, f"embedded:{number & 0xFFFF_FFFF_FFFF_FFFF:016x}")


def _end(db: sqlite3.Connection, no: int, partition: int) -> int:
    first = row_id(no, partition, 0)
    last = row_id(no, partition, (1 << OFFSET_BITS) - 1)
    newest = db.execute("SELECT max(id) FROM records WHERE id BETWEEN ? AND ?", (first, last)).fetchone()[0]
    return 0 if newest is None else (newest & (1 << OFFSET_BITS) - 1) + 1


def _check(db: sqlite3.Connection, name: str, wanted: int, problem: str, remedy: str) -> None:
    db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, wanted))
    found = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
    if found != wanted:
        raise ConfigurationError(f"log {name} = {wanted}", f"{problem} ({found})", remedy)
