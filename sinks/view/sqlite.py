"""The profile view in one SQLite file. Everything in it can be projected again from the state topic."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from sinks.sqlite_worker import SqliteWorker, transaction
from sinks.view import schema
from sinks.view.leads import (
    MAX_HOPS,
    aliases_of,
    bare,
    check_page,
    normal,
    own_as,
    searchable,
    searchable_account,
    told_as,
)
from sinks.view.listing import Filter, Listing
from sinks.view.ranks import rank_of
from streams.model.errors import SharedIdError
from streams.model.rules.scoring import ScoreModel
from streams.model.tiers import SHOWN_SLACK
from streams.operators.erasing import Person
from streams.ports import AccountPage, AccountRow, LeadCounts, LeadPage, LeadRow

_LEADS = Listing("leads", "profile", schema.LEAD)
_ACCOUNTS = Listing("accounts", "id", schema.ACCOUNT)
_SEPARATOR = "\x1f"
# Literals, else the partial index does not apply.
_CARTS = {
    None: ("", "leads_rank"),
    True: (" AND cart_open = 1", "carts_rank"),
    False: (" AND cart_open = 0", "leads_rank"),
}


class SqliteProfileView:
    """ProfileView over one SQLite file (WAL, synchronous=NORMAL), or over memory with the path ":memory:".

    Rows and positions are one transaction: a power cut may cost the last of them together, and the projector reads
    those records again. A file of another version is emptied on opening, so that it is projected anew.
    """

    def __init__(self, path: Path | str) -> None:
        self._sqlite = SqliteWorker(path, "NORMAL", schema.prepare)

    async def apply(
        self,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int] | None = None,
        removed: Sequence[tuple[str, str]] = (),
        redirects: Sequence[tuple[str, str, str]] = (),
        accounts: Sequence[AccountRow] = (),
    ) -> list[LeadRow | None]:
        def write(db: sqlite3.Connection) -> list[LeadRow | None]:
            with transaction(db):
                replaced = [_put(db, row) for row in rows]
                _forget(db, [*removed, *((workspace, name) for workspace, name, _ in redirects)])
                db.executemany(schema.PUT_REDIRECT, redirects)
                db.executemany(schema.PUT_ACCOUNT, map(_account_values, accounts))
                db.executemany(schema.PUT_POSITION, (positions or {}).items())
            return replaced

        return await self._sqlite.run(write)

    async def positions(self) -> dict[int, int]:
        return await self._sqlite.run(lambda db: dict(db.execute("SELECT partition, offset FROM positions").fetchall()))

    async def clear(self) -> None:
        await self._sqlite.run(schema.create)

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        def read(db: sqlite3.Connection) -> LeadRow | None:
            named = normal(key)
            profile = _holder(db, workspace, named)
            user, anonymous, email = own_as(key)
            own = {"user": user, "anon": anonymous, "email": email}
            names = {"workspace": workspace, "key": key, "id": named, "profile": profile, **own}
            found = db.execute(schema.GET_OWN, names).fetchone()
            if found is None:
                return _teller(db, workspace, key)
            return _lead(found)

        return await self._sqlite.run(read)

    async def get_many(self, workspace: str, profiles: Sequence[str]) -> dict[str, LeadRow]:
        def read(db: sqlite3.Connection) -> dict[str, LeadRow]:
            found = (db.execute(schema.ONE_LEAD, (workspace, profile)).fetchone() for profile in profiles)
            return {row.profile: row for row in map(_lead, filter(None, found))}

        return await self._sqlite.run(read)

    async def page(
        self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        """Return leads, best score first. A search reads an index of names and ids from end to end."""
        check_page(limit, offset)
        needle = search.casefold()
        condition, source = _CARTS[cart_open]
        if needle:
            source = "" if condition else "leads_search"
        wanted = Filter(workspace, needle, condition, source)
        rows, total = await self._sqlite.run(lambda db: _LEADS.page(db, wanted, now_ms, limit, offset))
        return LeadPage([_lead(row) for row in rows], total)

    async def tier_counts(self, workspace: str, now_ms: int, model: ScoreModel) -> LeadCounts:
        def read(db: sqlite3.Connection) -> LeadCounts:
            groups = _LEADS.groups(db, Filter(workspace, source="leads_rank"))
            reached = [_LEADS.above(db, workspace, groups, tier.at - SHOWN_SLACK, now_ms) for tier in model.tiers]
            counts = [lower - higher for lower, higher in pairwise((*reached, 0))]
            tiers = {tier.name: count for tier, count in zip(model.tiers, counts, strict=True)}
            mql = db.execute(schema.MQL, (workspace,)).fetchone()[0] if model.mql_at else 0
            return LeadCounts(sum(group.rows for group in groups), tiers, mql)

        return await self._sqlite.run(read)

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        found = await self._sqlite.run(lambda db: db.execute(schema.OPEN_CARTS, (workspace,)).fetchall())
        return {currency: (count, value) for currency, count, value in found}

    async def account(self, workspace: str, account: str) -> AccountRow | None:
        found = await self._sqlite.run(lambda db: db.execute(schema.ONE_ACCOUNT, (workspace, account)).fetchone())
        return None if found is None else _account(found)

    async def accounts(self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "") -> AccountPage:
        check_page(limit, offset)
        needle = search.casefold()
        wanted = Filter(workspace, needle, source="accounts_search" if needle else "accounts_rank")
        rows, total = await self._sqlite.run(lambda db: _ACCOUNTS.page(db, wanted, now_ms, limit, offset))
        return AccountPage([_account(row) for row in rows], total)

    async def count_of(self, person: Person) -> int:
        """Return how many rows name one of the person's ids."""
        ids = sorted(person.ids)
        marks = ", ".join("?" * len(ids))
        sql = " UNION ALL ".join(
            f"SELECT count(*) FROM {table} WHERE workspace = ? AND {column} IN ({marks})"  # noqa: S608  our names
            for table, column in (
                ("leads", "profile"),
                ("aliases", "id"),
                ("redirects", "id"),
                ("redirects", "profile"),
            )
        )
        values = [value for _ in range(4) for value in (person.workspace, *ids)]
        return await self._sqlite.run(lambda db: sum(count for (count,) in db.execute(sql, values)))

    async def close(self) -> None:
        await self._sqlite.close()


def _holder(db: sqlite3.Connection, workspace: str, named: str) -> str:
    """Return the profile that an id has moved to, or the id."""
    for _ in range(MAX_HOPS):
        found = db.execute(schema.REDIRECT, (workspace, named)).fetchone()
        if found is None:
            break
        named = found[0]
    return named


def _teller(db: sqlite3.Connection, workspace: str, key: str) -> LeadRow | None:
    user, anonymous, email = told_as(key)
    values = {"workspace": workspace, "user": user, "anon": anonymous, "email": email}
    found = db.execute(schema.GET_TOLD, values).fetchall()
    if len(found) > 1:
        raise SharedIdError(key)
    return _lead(found[0]) if found else None


def _put(db: sqlite3.Connection, row: LeadRow) -> LeadRow | None:
    place = row.workspace, row.profile
    facts = (
        row.half_life_ms,
        row.fit,
        *rank_of(row.score, row.score_at_ms, row.half_life_ms),
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
    found = db.execute(schema.PREVIOUS, place).fetchone()
    previous = None if found is None else _lead(found[1:])
    if previous is not None and _keys_of(previous) == _keys_of(row):
        db.execute(schema.UPDATE_FACTS, (*facts, found[0]))
        return previous
    keys = (*_keys_of(row), searchable(row))
    if previous is not None:
        db.execute(schema.UPDATE_ALL, (*facts, *keys, found[0]))
        db.execute(schema.FORGET_ALIASES, place)
    else:
        db.execute(schema.INSERT, (*facts, *keys, *place))
        db.execute(schema.FORGET_REDIRECT, place)
    db.executemany(schema.PUT_ALIAS, ((*place, name, bare(name)) for name in aliases_of(row)))
    return previous


def _forget(db: sqlite3.Connection, places: Sequence[tuple[str, str]]) -> None:
    for statement in (*schema.FORGET_LEAD, schema.FORGET_REDIRECT, schema.FORGET_ACCOUNT):
        db.executemany(statement, places)


def _account_values(row: AccountRow) -> tuple[object, ...]:
    rank = rank_of(row.score, row.score_at_ms, row.half_life_ms)
    who = (row.workspace, row.id, row.name, searchable_account(row), row.members)
    return (*who, row.half_life_ms, row.fit, *rank, row.score, row.score_at_ms, row.is_mql, row.state)


def _keys_of(row: LeadRow) -> tuple[str | None, ...]:
    return row.user_id, row.anonymous_id, row.email, row.name, _SEPARATOR.join(row.ids)


def _lead(r: tuple[object, ...]) -> LeadRow:
    ids = tuple(str(r[19]).split(_SEPARATOR)) if r[19] else ()
    return LeadRow._make((*r[:12], bool(r[12]), *r[13:17], bool(r[17]), r[18], ids))


def _account(r: tuple[object, ...]) -> AccountRow:
    return AccountRow._make((*r[:8], bool(r[8]), r[9]))
