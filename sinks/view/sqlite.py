"""The profile view in one SQLite file. Everything in it can be projected again from the state topic."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from sinks.sqlite_worker import SqliteWorker, transaction
from sinks.view.leads import check_half_life, check_page, rank_of, searchable
from streams.model.tiers import HOT_AT, SHOWN_SLACK, WARM_AT
from streams.ports import LeadCounts, LeadPage, LeadRow

_VERSION = 1

# `state` last: it is the long one, and SQLite reads a row only as far as the columns asked for.
_SCHEMA = """
DROP TABLE IF EXISTS leads;
DROP TABLE IF EXISTS positions;
DROP TABLE IF EXISTS decay;
CREATE TABLE decay (half_life_ms INTEGER NOT NULL);
CREATE TABLE positions (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE TABLE leads (
    workspace TEXT NOT NULL, profile TEXT NOT NULL, user_id TEXT, anonymous_id TEXT, email TEXT, name TEXT,
    search TEXT NOT NULL, rank REAL NOT NULL, score REAL NOT NULL, score_at_ms INTEGER NOT NULL,
    events INTEGER NOT NULL, first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
    cart_open INTEGER NOT NULL, cart_value REAL NOT NULL, cart_currency TEXT NOT NULL, cart_due_ms INTEGER NOT NULL,
    is_mql INTEGER NOT NULL, state BLOB NOT NULL
);
CREATE UNIQUE INDEX leads_profile ON leads (workspace, profile);
CREATE INDEX leads_user ON leads (workspace, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX leads_anonymous ON leads (workspace, anonymous_id) WHERE anonymous_id IS NOT NULL;
CREATE INDEX leads_email ON leads (workspace, email) WHERE email IS NOT NULL;
CREATE INDEX leads_search ON leads (workspace, search);
CREATE INDEX leads_rank ON leads (workspace, rank DESC, profile);
CREATE INDEX leads_mql ON leads (workspace, is_mql) WHERE is_mql = 1;
CREATE INDEX carts_rank ON leads (workspace, rank DESC, profile) WHERE cart_open = 1;
CREATE INDEX carts_value ON leads (workspace, cart_open, cart_currency, cart_value) WHERE cart_open = 1;
"""
_KEYS = ("user_id", "anonymous_id", "email", "name", "search")
_FACTS = (
    "rank", "score", "score_at_ms", "events", "first_seen_ms", "last_seen_ms",
    "cart_open", "cart_value", "cart_currency", "cart_due_ms", "is_mql", "state",
)  # fmt: skip
_ROW = (
    "workspace, profile, user_id, anonymous_id, email, name, score, score_at_ms, events, first_seen_ms, last_seen_ms,"
    " cart_open, cart_value, cart_currency, cart_due_ms, state, is_mql"
)
_PREVIOUS = f"SELECT rowid, {_ROW} FROM leads WHERE workspace = ? AND profile = ?"  # noqa: S608 - constants
_INSERT = (
    f"INSERT INTO leads ({', '.join(_FACTS + _KEYS)}, workspace, profile)"  # noqa: S608 - constants
    f" VALUES ({', '.join('?' * (len(_FACTS) + len(_KEYS) + 2))})"
)
# Keys seldom change: leaving them alone spares the rewriting of four indexes.
_UPDATE_FACTS = f"UPDATE leads SET {', '.join(f'{c} = ?' for c in _FACTS)} WHERE rowid = ?"  # noqa: S608 - constants
_UPDATE_ALL = f"UPDATE leads SET {', '.join(f'{c} = ?' for c in _FACTS + _KEYS)} WHERE rowid = ?"  # noqa: S608 - constants
_GET = (
    f"SELECT {_ROW} FROM leads WHERE rowid IN ("  # noqa: S608 - constants
    " SELECT rowid FROM leads WHERE workspace = :workspace AND profile = :key"
    " UNION SELECT rowid FROM leads WHERE workspace = :workspace AND user_id = :key"
    " UNION SELECT rowid FROM leads WHERE workspace = :workspace AND anonymous_id = :key"
    " UNION SELECT rowid FROM leads WHERE workspace = :workspace AND email = :email"
    ") ORDER BY profile = :key DESC, last_seen_ms DESC, profile LIMIT 1"
)
# Few hits: find them in the narrow index, then sort. Many: walking by rank (the other query) soon fills a page.
_FEW = 2_000
_PAGE_OF_FEW = (
    f"SELECT {_ROW} FROM leads WHERE rowid IN ("  # noqa: S608 - constants
    " SELECT rowid FROM leads INDEXED BY leads_search WHERE workspace = ? AND instr(search, ?) > 0"
    ") ORDER BY +rank DESC, profile LIMIT ? OFFSET ?"
)
_ABOVE = "SELECT COUNT(*) FROM leads WHERE workspace = ? AND rank >= ?"
_MQL = "SELECT COUNT(*) FROM leads WHERE workspace = ? AND is_mql = 1"
_OPEN_CARTS = (
    "SELECT cart_currency, COUNT(*), SUM(cart_value) FROM leads"
    " WHERE workspace = ? AND cart_open = 1 GROUP BY cart_currency"
)
_PUT_POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?)"


class SqliteProfileView:
    """ProfileView over one SQLite file (WAL, synchronous=NORMAL), or over memory with the path ":memory:".

    Rows and positions are one transaction: a power cut may cost the last of them together, and the projector reads
    those records again. A file of another version or half-life is emptied on opening, so that it is projected anew.
    """

    def __init__(self, path: Path | str, half_life_ms: int) -> None:
        self.half_life_ms = half_life_ms
        self._sqlite = SqliteWorker(path, "NORMAL", lambda db: _prepare(db, half_life_ms))

    async def apply(
        self,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int] | None = None,
        removed: Sequence[tuple[str, str]] = (),
    ) -> list[LeadRow | None]:
        for row in rows:
            check_half_life(row, self.half_life_ms)
        return await self._sqlite.run(lambda db: self._apply(db, rows, positions or {}, removed))

    async def positions(self) -> dict[int, int]:
        return await self._sqlite.run(lambda db: dict(db.execute("SELECT partition, offset FROM positions").fetchall()))

    async def clear(self) -> None:
        await self._sqlite.run(lambda db: _create(db, self.half_life_ms))

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        values = {"workspace": workspace, "key": key, "email": key.lower()}
        found = await self._sqlite.run(lambda db: db.execute(_GET, values).fetchone())
        return None if found is None else self._row(found)

    async def page(
        self, workspace: str, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        """Return leads, best decayed score first. A search reads an index of names and keys from end to end."""
        check_page(limit, offset)
        needle = search.casefold()
        condition, values = _condition(workspace, needle, cart_open)

        def read(db: sqlite3.Connection) -> LeadPage:
            total = db.execute(f"SELECT COUNT(*) FROM leads WHERE {condition}", values).fetchone()[0]  # noqa: S608 - constants
            if needle and cart_open is None and total <= _FEW:
                query = _PAGE_OF_FEW
            else:
                query = f"SELECT {_ROW} FROM leads WHERE {condition} ORDER BY rank DESC, profile LIMIT ? OFFSET ?"  # noqa: S608 - same
            return LeadPage([self._row(r) for r in db.execute(query, (*values, limit, offset))], total)

        return await self._sqlite.run(read)

    async def tier_counts(self, workspace: str, now_ms: int) -> LeadCounts:
        warm_from, hot_from = (rank_of(at - SHOWN_SLACK, now_ms, self.half_life_ms) for at in (WARM_AT, HOT_AT))

        def read(db: sqlite3.Connection) -> LeadCounts:
            total = db.execute("SELECT COUNT(*) FROM leads WHERE workspace = ?", (workspace,)).fetchone()[0]
            warm = db.execute(_ABOVE, (workspace, warm_from)).fetchone()[0]
            hot = db.execute(_ABOVE, (workspace, hot_from)).fetchone()[0]
            return LeadCounts(total, warm - hot, hot, db.execute(_MQL, (workspace,)).fetchone()[0])

        return await self._sqlite.run(read)

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        found = await self._sqlite.run(lambda db: db.execute(_OPEN_CARTS, (workspace,)).fetchall())
        return {currency: (count, value) for currency, count, value in found}

    async def close(self) -> None:
        await self._sqlite.close()

    def _apply(
        self,
        db: sqlite3.Connection,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int],
        removed: Sequence[tuple[str, str]],
    ) -> list[LeadRow | None]:
        with transaction(db):
            replaced = [self._put(db, row) for row in rows]
            db.executemany("DELETE FROM leads WHERE workspace = ? AND profile = ?", removed)
            db.executemany(_PUT_POSITION, positions.items())
        return replaced

    def _put(self, db: sqlite3.Connection, row: LeadRow) -> LeadRow | None:
        facts = (
            rank_of(row.score, row.score_at_ms, self.half_life_ms),
            row.score,
            row.score_at_ms,
            row.events,
            row.first_seen_ms,
            row.last_seen_ms,
            row.cart_open,
            row.cart_value,
            row.cart_currency,
            row.cart_due_ms,
            row.is_mql,
            row.state,
        )
        found = db.execute(_PREVIOUS, (row.workspace, row.profile)).fetchone()
        previous = None if found is None else self._row(found[1:])
        if previous is not None and _keys_of(previous) == _keys_of(row):
            db.execute(_UPDATE_FACTS, (*facts, found[0]))
            return previous
        keys = (*_keys_of(row), searchable(row))
        if previous is not None:
            db.execute(_UPDATE_ALL, (*facts, *keys, found[0]))
        else:
            db.execute(_INSERT, (*facts, *keys, row.workspace, row.profile))
        return previous

    def _row(self, r: tuple[object, ...]) -> LeadRow:
        fields = (*r[:8], self.half_life_ms, *r[8:11], bool(r[11]), *r[12:16], bool(r[16]))
        return LeadRow._make(fields)


def _keys_of(row: LeadRow) -> tuple[str | None, ...]:
    return row.user_id, row.anonymous_id, row.email, row.name


def _condition(workspace: str, needle: str, cart_open: bool | None) -> tuple[str, list[str]]:
    condition, values = "workspace = ?", [workspace]
    if cart_open is not None:
        condition += f" AND cart_open = {int(cart_open)}"  # a literal, else the partial index does not apply
    if needle:
        # Not LIKE: in a plain substring test no character of the visitor's has a meaning.
        condition += " AND instr(search, ?) > 0"
        values.append(needle)
    return condition, values


def _prepare(db: sqlite3.Connection, half_life_ms: int) -> None:
    known = db.execute("PRAGMA user_version").fetchone()[0] == _VERSION
    if not known or db.execute("SELECT half_life_ms FROM decay").fetchone()[0] != half_life_ms:
        _create(db, half_life_ms)


def _create(db: sqlite3.Connection, half_life_ms: int) -> None:
    with transaction(db):
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute("INSERT INTO decay VALUES (?)", (half_life_ms,))
        db.execute(f"PRAGMA user_version = {_VERSION}")
