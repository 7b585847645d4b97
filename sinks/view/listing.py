"""Pages and counts of a table whose rows are ordered by a score that decays: `ranks` in SQL. Knows no row's meaning.

A table has workspace, `name` (a column), half_life_ms, fit, sign, rank and search, and the indexes <table>_rank
(workspace, half_life_ms, fit, sign DESC, rank DESC, name) and <table>_search (workspace, search, half_life_ms, fit).
"""

import sqlite3
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from sinks.view.ranks import Order, least_rank, order_of

# Few hits: find them in the narrow index, then sort. Many: walking by rank soon fills a page.
FEW = 2_000
_MANY_GROUPS = 200


class Group(NamedTuple):
    """Rows whose order does not depend on the time."""

    half_life_ms: int
    fit: float
    rows: int


class Filter(NamedTuple):
    """Which rows of a workspace are meant. `condition` is a constant. `source` names the index that has all that tells
    these rows' groups; empty when none does.
    """

    workspace: str
    needle: str = ""
    condition: str = ""
    source: str = ""


class Listing:
    """`table`, `name` and `columns` are constants of the program: they go into statements as they are."""

    def __init__(self, table: str, name: str, columns: str) -> None:
        self._table = table
        self._name = name
        self._row = f"SELECT {columns} FROM {table} WHERE rowid = ?"  # noqa: S608 - constants
        self._above = (
            f"SELECT COUNT(*) FROM {table} WHERE workspace = ? AND half_life_ms = ? AND fit = ?"  # noqa: S608 - constants
            " AND (sign, rank) >= (?, ?)"
        )

    def page(
        self, db: sqlite3.Connection, wanted: Filter, now_ms: int, limit: int, offset: int
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Return the rows of a page, best first, and how many there are in all."""
        groups = self.groups(db, wanted)
        total = sum(group.rows for group in groups)
        rowids: Iterator[int]
        if len(groups) == 1 and not (wanted.needle and total <= FEW):
            rowids = (rowid for _, rowid in self._walk(db, wanted, groups[0], now_ms, limit, offset))
        elif total <= FEW or len(groups) > _MANY_GROUPS:
            rowids = islice(self._sorted(db, wanted, now_ms), offset, offset + limit)
        else:
            walks = [self._walk(db, wanted, group, now_ms, offset + limit, 0) for group in groups]
            rowids = (rowid for _, rowid in islice(merge(*walks), offset, offset + limit))
        return [db.execute(self._row, (rowid,)).fetchone() for rowid in list(rowids)], total

    def groups(self, db: sqlite3.Connection, wanted: Filter) -> list[Group]:
        """Return the groups that have such rows."""
        indexed = f"INDEXED BY {wanted.source}" if wanted.source else ""
        where, values = _where(wanted)
        found = db.execute(
            f"SELECT half_life_ms, fit, COUNT(*) FROM {self._table} {indexed}"  # noqa: S608 - constants
            f" WHERE {where} GROUP BY half_life_ms, fit",
            values,
        )
        return [Group._make(row) for row in found]

    def above(self, db: sqlite3.Connection, workspace: str, groups: list[Group], points: float, now_ms: int) -> int:
        """Return how many rows of the groups are worth at least `points` now."""
        return sum(
            db.execute(
                self._above,
                (workspace, half_life, fit, *least_rank(points, half_life, fit, now_ms)),
            ).fetchone()[0]
            for half_life, fit, _ in groups
        )

    def _walk(
        self, db: sqlite3.Connection, wanted: Filter, group: Group, now_ms: int, limit: int, offset: int
    ) -> Iterator[tuple[Order, int]]:
        where, values = _where(wanted)
        found = db.execute(
            f"SELECT sign, rank, half_life_ms, fit, {self._name}, rowid FROM {self._table}"  # noqa: S608 - constants
            f" WHERE {where} AND half_life_ms = ? AND fit = ?"
            f" ORDER BY sign DESC, rank DESC, {self._name} LIMIT ? OFFSET ?",
            (*values, group.half_life_ms, group.fit, limit, offset),
        )
        return (_ordered(row, now_ms) for row in found)

    def _sorted(self, db: sqlite3.Connection, wanted: Filter, now_ms: int) -> Iterator[int]:
        indexed = f"INDEXED BY {wanted.source}" if wanted.source else ""
        where, values = _where(wanted)
        found = db.execute(
            f"SELECT sign, rank, half_life_ms, fit, {self._name}, rowid FROM {self._table}"  # noqa: S608 - constants
            f" WHERE rowid IN (SELECT rowid FROM {self._table} {indexed} WHERE {where})",
            values,
        )
        return (rowid for _, rowid in sorted(_ordered(row, now_ms) for row in found))


def _where(wanted: Filter) -> tuple[str, tuple[str, ...]]:
    if not wanted.needle:
        return f"workspace = ?{wanted.condition}", (wanted.workspace,)
    # Not LIKE: in a plain substring test no character of the visitor's has a meaning.
    return f"workspace = ?{wanted.condition} AND instr(search, ?) > 0", (wanted.workspace, wanted.needle)


def _ordered(row: tuple[Any, ...], now_ms: int) -> tuple[Order, int]:
    sign, rank, half_life_ms, fit, name, rowid = row
    return order_of((sign, rank), half_life_ms, fit, now_ms, name), rowid
