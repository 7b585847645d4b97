"""Retention of the embedded log: by age and by size, a slice at a time so that the writer is never held up for long."""

import sqlite3
from collections.abc import Mapping

from streams.log.embedded_schema import OFFSET_BITS, place_of, row_id
from streams.log.topics import TOPICS

SLICE_RECORDS = 5_000


def purge(db: sqlite3.Connection, topic_nos: Mapping[str, int], partitions: int, now_ms: int) -> int:
    """Delete up to a slice per partition of what is past retention; return how many records went.

    The newest record of a partition stays, and with it the partition's end. Compacted topics keep the newest record of
    each key for ever, so only their tombstones go.
    """
    removed = 0
    for name, spec in TOPICS.items():
        no = topic_nos[name]
        for partition in range(partitions):
            if spec.compacted:
                removed += _purge_tombstones(db, no, partition)
            else:
                removed += _purge_age(db, no, partition, now_ms - spec.retention_ms)
                removed += _purge_size(db, no, partition, spec.retention_bytes // partitions)
    return removed


def _range(no: int, partition: int) -> tuple[int, int]:
    return row_id(no, partition, 0), row_id(no, partition, (1 << OFFSET_BITS) - 1)


def _purge_age(db: sqlite3.Connection, no: int, partition: int, before_ms: int) -> int:
    first, last = _range(no, partition)
    rows = db.execute(
        "SELECT id, ts FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (first, last, SLICE_RECORDS),
    ).fetchall()
    keep_from = next((rid for rid, ts in rows if ts >= before_ms), rows[-1][0] if rows else first)
    return db.execute("DELETE FROM records WHERE id >= ? AND id < ?", (first, keep_from)).rowcount


def _purge_size(db: sqlite3.Connection, no: int, partition: int, max_bytes: int) -> int:
    first, last = _range(no, partition)
    held = db.execute(
        "SELECT coalesce(sum(length(value)), 0) FROM records WHERE id BETWEEN ? AND ?", (first, last)
    ).fetchone()[0]
    if held <= max_bytes:
        return 0
    rows = db.execute(
        "SELECT id, coalesce(length(value), 0) FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
        (first, last, SLICE_RECORDS),
    ).fetchall()
    keep_from = first
    for rid, size in rows[:-1]:
        if held <= max_bytes:
            break
        held -= size
        keep_from = rid + 1
    return db.execute("DELETE FROM records WHERE id >= ? AND id < ?", (first, keep_from)).rowcount


def _purge_tombstones(db: sqlite3.Connection, no: int, partition: int) -> int:
    first, last = _range(no, partition)
    dead = db.execute(
        "SELECT id, key FROM records WHERE id BETWEEN ? AND ? AND value IS NULL ORDER BY id LIMIT ?",
        (first, last, SLICE_RECORDS),
    ).fetchall()
    if not dead:
        return 0
    place = place_of(first)
    newest_id = db.execute("SELECT max(id) FROM records WHERE id BETWEEN ? AND ?", (first, last)).fetchone()[0]
    gone = [(rid, key) for rid, key in dead if rid != newest_id]
    db.executemany("DELETE FROM newest WHERE place = ? AND key = ?", [(place, key) for _, key in gone])
    db.executemany("DELETE FROM records WHERE id = ?", [(rid,) for rid, _ in gone])
    return len(gone)
