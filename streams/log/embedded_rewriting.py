"""Rewriting in place in the embedded log: records keep their offsets, and what they lose leaves no bytes behind."""

import sqlite3
from collections.abc import Mapping, Sequence

from streams.log.embedded_schema import place_of, row_id
from streams.log.retention import add_sizes
from streams.log.rewriting import Rewriter
from streams.ports import LogRecord

ERASED_KEY = b"erased"


def changes_of(records: Sequence[LogRecord], rewriter: Rewriter) -> dict[int, bytes | None]:
    """Return offset -> what is left, of the records that change."""
    changes = {}
    for record in records:
        if record.value is not None and (left := rewriter(record.value)) is not record.value:
            changes[record.offset] = left
    return changes


def replace_values(db: sqlite3.Connection, *, place: tuple[int, int], changes: Mapping[int, bytes | None]) -> None:
    """Replace the values at these offsets of a place (topic number, partition)."""
    number, partition = place
    grown = 0
    for offset, left in changes.items():
        rid = row_id(number, partition, offset)
        found = db.execute("SELECT length(value) FROM records WHERE id = ?", (rid,)).fetchone()
        if found is None:
            # Past its retention by now.
            continue
        grown += len(left or b"") - (found[0] or 0)
        if left is None:
            db.execute("UPDATE records SET value = NULL, key = ? WHERE id = ?", (ERASED_KEY, rid))
        else:
            db.execute("UPDATE records SET value = ? WHERE id = ?", (left, rid))
    add_sizes(db, [(place_of(row_id(number, partition, 0)), grown)])
