"""Retention of the embedded log: by age and by size, a slice at a time so that the writer is never held up for long."""

import logging
import sqlite3
from collections.abc import Iterable

from streams.log.embedded_schema import OFFSET_BITS, place_of, row_id
from streams.log.topics import Topic

logger = logging.getLogger(__name__)

SLICE_RECORDS = 2_000
_LAST = (1 << OFFSET_BITS) - 1


def add_sizes(db: sqlite3.Connection, grown: Iterable[tuple[int, int]]) -> None:
    """Add bytes to the size kept of each place."""
    db.executemany(
        "INSERT INTO sizes VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET bytes = bytes + excluded.bytes", grown
    )


def purge_slice(db: sqlite3.Connection, spec: Topic, no: int, partitions: int, now_ms: int) -> int:
    """Delete up to a slice of what is past the topic's retention; return how many records went.

    The newest record of a partition stays, and with it the partition's end. Compacted topics keep the newest record of
    each key for ever, so only their tombstones go.
    """
    if spec.compacted:
        return sum(_purge_tombstones(db, no, n) for n in range(partitions))
    aged = sum(_purge_age(db, no, n, now_ms - spec.retention_ms) for n in range(partitions))
    return aged or _purge_size(db, spec, no)


def _purge_age(db: sqlite3.Connection, no: int, partition: int, before_ms: int) -> int:
    first, last = row_id(no, partition, 0), row_id(no, partition, _LAST)
    oldest = db.execute("SELECT ts FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1", (first, last)).fetchone()
    if oldest is None or oldest[0] >= before_ms:
        return 0
    rows = db.execute(
        "SELECT id, ts FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (first, last, SLICE_RECORDS + 1)
    ).fetchall()
    keep_from = next((rid for rid, ts in rows if ts >= before_ms), rows[-1][0])
    return _delete(db, first, keep_from)


def _purge_size(db: sqlite3.Connection, spec: Topic, no: int) -> int:
    """The bound is the topic's, not each partition's: the largest partition gives first."""
    first, last = place_of(row_id(no, 0, 0)), place_of(row_id(no + 1, 0, 0)) - 1
    sizes = db.execute("SELECT bytes, place FROM sizes WHERE place BETWEEN ? AND ?", (first, last)).fetchall()
    excess = sum(size for size, _ in sizes) - spec.retention_bytes
    if excess <= 0:
        return 0
    _, place = max(sizes)
    oldest = place << OFFSET_BITS
    rows = db.execute(
        "SELECT id, coalesce(length(value), 0) FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (oldest, oldest + _LAST, SLICE_RECORDS + 1),
    ).fetchall()
    keep_from = oldest
    for rid, size in rows[:-1]:
        if excess <= 0:
            break
        excess -= size
        keep_from = rid + 1
    removed = _delete(db, oldest, keep_from)
    if removed:
        _warn_of_unread(db, spec, no, keep_from)
    return removed


def _delete(db: sqlite3.Connection, first: int, keep_from: int) -> int:
    gone = (first, keep_from)
    size = db.execute("SELECT coalesce(sum(length(value)), 0) FROM records WHERE id >= ? AND id < ?", gone).fetchone()[
        0
    ]
    add_sizes(db, [(place_of(first), -size)])
    return db.execute("DELETE FROM records WHERE id >= ? AND id < ?", gone).rowcount


def _warn_of_unread(db: sqlite3.Connection, spec: Topic, no: int, keep_from: int) -> None:
    partition = place_of(keep_from) - place_of(row_id(no, 0, 0))
    behind = db.execute(
        "SELECT name FROM groups WHERE topic = ? AND partition = ? AND offset < ?", (no, partition, keep_from & _LAST)
    ).fetchall()
    for (group,) in behind:
        logger.error("%s is over its size: records that %s has not read were removed", spec.name, group)


def _purge_tombstones(db: sqlite3.Connection, no: int, partition: int) -> int:
    first, last = row_id(no, partition, 0), row_id(no, partition, _LAST)
    dead = db.execute(
        "SELECT id, key FROM records WHERE id BETWEEN ? AND ? AND value IS NULL ORDER BY id LIMIT ?",
        (first, last, SLICE_RECORDS),
    ).fetchall()
    if not dead:
        return 0
    newest_id = db.execute("SELECT max(id) FROM records WHERE id BETWEEN ? AND ?", (first, last)).fetchone()[0]
    gone = [(rid, key) for rid, key in dead if rid != newest_id]
    db.executemany("DELETE FROM newest WHERE place = ? AND key = ?", [(place_of(first), key) for _, key in gone])
    db.executemany("DELETE FROM records WHERE id = ?", [(rid,) for rid, _ in gone])
    return len(gone)
