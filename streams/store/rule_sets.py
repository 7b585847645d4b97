"""The rules that marketers have written: every version of every workspace. Judges none of them."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from streams.store.engine import SqlThread
from streams.store.tables import rule_sets as t

KEPT_VERSIONS = 1_000
_NOTE = (t.c.workspace, t.c.version, t.c.created_ms, t.c.author, t.c.comment, t.c.is_applied)


class VersionNote(NamedTuple):
    """What is told of a version. `is_applied`: the log has it, so that every partition adopts it."""

    workspace: str
    version: int
    created_ms: int
    author: str
    comment: str
    is_applied: bool


class StoredRules(NamedTuple):
    """A version: what is told of it, and the rule set as JSON."""

    note: VersionNote
    body: bytes


def _stored(row: Any) -> StoredRules:
    return StoredRules(VersionNote._make(row[:-1]), row.body.encode())


class RuleSets:
    """Versions of a workspace only grow; of the last 1000 numbers they are kept."""

    def __init__(self, sql: SqlThread) -> None:
        self._sql = sql

    async def current(self, workspace: str) -> StoredRules | None:
        """Return the newest version; None when none was ever written."""
        query = select(*_NOTE, t.c.body).where(t.c.workspace == workspace).order_by(t.c.version.desc()).limit(1)
        return await self._one(query)

    async def get(self, workspace: str, version: int) -> StoredRules | None:
        return await self._one(select(*_NOTE, t.c.body).where(t.c.workspace == workspace, t.c.version == version))

    async def versions(self, workspace: str, limit: int, before: int | None = None) -> list[VersionNote]:
        """Return versions below `before`, newest first."""
        query = select(*_NOTE).where(t.c.workspace == workspace).order_by(t.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(t.c.version < before)
        return await self._sql.run(lambda db: [VersionNote._make(row) for row in db.execute(query)])

    async def before(self, workspace: str, version: int, limit: int) -> list[StoredRules]:
        """Return versions below `version`, newest first, with their rules."""
        query = select(*_NOTE, t.c.body).where(t.c.workspace == workspace, t.c.version < version)
        newest = query.order_by(t.c.version.desc()).limit(limit)
        return await self._sql.run(lambda db: [_stored(row) for row in db.execute(newest)])

    async def add(self, note: VersionNote, body: bytes, based_on: int) -> bool:
        """Store a version above `based_on`; False, and nothing stored, when that is not the newest (0: none)."""

        def work(db: Connection) -> bool:
            newest = db.execute(select(func.max(t.c.version)).where(t.c.workspace == note.workspace)).scalar() or 0
            if newest != based_on:
                return False
            db.execute(insert(t).values(**note._asdict(), body=body.decode()))
            too_old = t.c.version <= note.version - KEPT_VERSIONS
            db.execute(delete(t).where(t.c.workspace == note.workspace, too_old))
            return True

        try:
            return await self._sql.run(work)
        except IntegrityError:
            # Another process has stored the same version at the same moment.
            return False

    async def mark_applied(self, workspace: str, version: int) -> None:
        """Note that the log has the version, and so none of those before it matters any more."""
        done = update(t).where(t.c.workspace == workspace, t.c.version <= version, ~t.c.is_applied)
        await self._sql.run(lambda db: db.execute(done.values(is_applied=True)))

    async def unapplied(self) -> list[StoredRules]:
        """Return the newest version of each workspace of which that is not known to be in the log."""
        newest = select(t.c.workspace, func.max(t.c.version).label("version")).group_by(t.c.workspace).subquery()
        is_newest = (t.c.workspace == newest.c.workspace) & (t.c.version == newest.c.version)
        query = select(*_NOTE, t.c.body).join(newest, is_newest).where(~t.c.is_applied)
        return await self._sql.run(lambda db: [_stored(row) for row in db.execute(query).all()])

    async def newest(self) -> dict[str, int]:
        """Return each workspace's newest version."""
        query = select(t.c.workspace, func.max(t.c.version)).group_by(t.c.workspace)
        return await self._sql.run(lambda db: {row[0]: row[1] for row in db.execute(query)})

    async def _one(self, query: Any) -> StoredRules | None:
        row = await self._sql.run(lambda db: db.execute(query).first())
        return _stored(row) if row else None
