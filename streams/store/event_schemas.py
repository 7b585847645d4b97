"""JSON Schemas of events in the configuration store, every version of each. Compiles none of them."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from streams.model.errors import SourceConflictError, SourceError, UnknownThingError
from streams.model.names import MAX_NAME_CHARS
from streams.store.engine import SqlThread
from streams.store.tables import event_schemas as t

KEPT_VERSIONS = 200
MAX_SCHEMAS = 2_000


class SchemaKey(NamedTuple):
    """Which events a schema is for: those of this name from one source, or from all when `source` is empty."""

    workspace: str
    source: str
    event: str


class SchemaVersion(NamedTuple):
    """A version of a schema: JSON, or nothing where it was taken away."""

    key: SchemaKey
    version: int
    body: str
    created_ms: int
    author: str


class EventSchemas:
    """Versions of a schema only grow; the last 200 of each are kept."""

    def __init__(self, sql: SqlThread) -> None:
        self._sql = sql

    async def put(self, key: SchemaKey, body: str, now_ms: int, author: str) -> SchemaVersion:
        """Store the next version, with an empty body for none any more; the newest when it says the same.

        Raises SourceError for a name or a number that is too large, SourceConflictError when somebody else has just
        put one.
        """
        if not 0 < len(key.event) <= MAX_NAME_CHARS:
            raise SourceError("event", f"has not 1 to {MAX_NAME_CHARS} characters", "Name the event")

        def work(db: Connection) -> SchemaVersion:
            rows = db.execute(select(t).where(_is(key)).order_by(t.c.version.desc()).limit(1)).all()
            newest = _version(rows[0]) if rows else None
            if newest is None and not body:
                raise _unknown(key)
            if newest is not None and newest.body == body:
                return newest
            if newest is None:
                self._require_room(db, key.workspace)
            made = SchemaVersion(key, newest.version + 1 if newest else 1, body, now_ms, author)
            given = {"version": made.version, "body": body, "created_ms": now_ms, "author": author}
            db.execute(insert(t).values(**key._asdict(), **given))
            db.execute(delete(t).where(_is(key), t.c.version <= made.version - KEPT_VERSIONS))
            return made

        try:
            return await self._sql.run(work)
        except IntegrityError:
            raise SourceConflictError("schema", "somebody else has just changed it", "Try again") from None

    async def versions(self, key: SchemaKey) -> list[SchemaVersion]:
        """Return all that are kept, newest first. Raises UnknownThingError when there is none."""
        query = select(t).where(_is(key)).order_by(t.c.version.desc())
        found = await self._sql.run(lambda db: [_version(row) for row in db.execute(query)])
        if not found:
            raise _unknown(key)
        return found

    async def newest(self, workspace: str | None = None) -> list[SchemaVersion]:
        """Return the newest version of each schema, also of those that were taken away."""
        keys = (t.c.workspace, t.c.source, t.c.event)
        last = select(*keys, func.max(t.c.version).label("version")).group_by(*keys).subquery()
        is_last = (
            (t.c.workspace == last.c.workspace)
            & (t.c.source == last.c.source)
            & (t.c.event == last.c.event)
            & (t.c.version == last.c.version)
        )
        query = select(t).join(last, is_last).order_by(*keys)
        if workspace is not None:
            query = query.where(t.c.workspace == workspace)
        return await self._sql.run(lambda db: [_version(row) for row in db.execute(query)])

    async def mark(self) -> tuple[int, int]:
        """Return what changes whenever a schema does: versions are only added, and old ones forgotten."""
        query = select(func.count(), func.coalesce(func.sum(t.c.version), 0))
        return await self._sql.run(lambda db: (row := db.execute(query).one()) and (row[0], int(row[1])))

    @staticmethod
    def _require_room(db: Connection, workspace: str) -> None:
        names = select(t.c.source, t.c.event).where(t.c.workspace == workspace).distinct().subquery()
        if (db.execute(select(func.count()).select_from(names)).scalar() or 0) >= MAX_SCHEMAS:
            raise SourceError("schema", f"the workspace has {MAX_SCHEMAS} of them", "Use fewer")


def _is(key: SchemaKey) -> ColumnElement[bool]:
    return and_(t.c.workspace == key.workspace, t.c.source == key.source, t.c.event == key.event)


def _version(row: Any) -> SchemaVersion:
    return SchemaVersion(
        SchemaKey(row.workspace, row.source, row.event), row.version, row.body, row.created_ms, row.author
    )


def _unknown(key: SchemaKey) -> UnknownThingError:
    whose = f" of source {key.source[:100]!r}" if key.source else ""
    return UnknownThingError("schema", f"there is none for {key.event[:100]!r}{whose}", "List the schemas")
