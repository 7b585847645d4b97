"""Erasures as people asked for them, how far they have come, and whose events are refused since.

Who it is stands here in readable ids only while the erasure is under way; what is kept are keyed hashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Connection, Row, String, Table, Text, delete, func, insert, select
from sqlalchemy import update as sql_update

from streams.store.engine import SqlThread
from streams.store.tables import METADATA

ERASURES = Table(
    "erasures",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("ids", BigInteger, nullable=False),
    Column("suppresses", Boolean, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("report", Text, nullable=False),
    Column("done_ms", BigInteger, nullable=True),
)

SUPPRESSED = Table(
    "suppressed_ids",
    METADATA,
    Column("workspace", String(64), primary_key=True),
    Column("id_hash", String(64), primary_key=True),
    Column("erasure", String(32), nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
)
E, S = ERASURES.c, SUPPRESSED.c


class ErasureState(StrEnum):
    """How far an erasure has come."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Subject(msgspec.Struct, frozen=True):
    """Who it is: `ids` are the person's alone, `shared` ids that other people use as well, `aliases` stand for ids,
    `spared` are values of other people's ids that one of the person's is part of.
    """

    ids: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    spared: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One line of the report: what was looked through, what was found and removed, and what showed that it is gone."""

    name: str
    at_ms: int
    found: dict[str, int] = {}
    verified: str = ""


class Erasure(NamedTuple):
    """An erasure. `ids` counts the person's ids; `subject` is empty once it is done."""

    id: str
    workspace: str
    subject: Subject
    ids: int
    suppresses: bool
    asked_ms: int
    asked_by: str
    state: ErasureState
    steps: tuple[Step, ...]
    done_ms: int | None
    error: str = ""


class _Report(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...] = ()
    error: str = ""


class Erasures:
    """The part of the configuration store that remembers erasures; made by ConfigStore."""

    def __init__(self, sql: SqlThread) -> None:
        self._sql = sql

    async def add(self, erasure: Erasure, hashes: Iterable[str]) -> None:
        """Store a new erasure and refuse the hashed ids from now on, both or neither."""
        rows = _suppressions(erasure, hashes)

        def work(db: Connection) -> None:
            db.execute(insert(ERASURES).values(**_columns(erasure)))
            _refuse(db, erasure.workspace, rows)

        await self._sql.run(work)

    async def correct(self, erasure: Erasure, added: Iterable[str], dropped: Iterable[str]) -> None:
        """Store that more ids are the person's, or that some are another's."""
        rows = _suppressions(erasure, added)
        gone = delete(SUPPRESSED).where(
            S.workspace == erasure.workspace, S.erasure == erasure.id, S.id_hash.in_(list(dropped))
        )

        def work(db: Connection) -> None:
            _store(db, erasure)
            _refuse(db, erasure.workspace, rows)
            db.execute(gone)

        await self._sql.run(work)

    async def save(self, erasure: Erasure) -> None:
        """Store how far it has come."""
        await self._sql.run(lambda db: _store(db, erasure))

    async def get(self, workspace: str, erasure_id: str) -> Erasure | None:
        query = select(ERASURES).where(E.id == erasure_id, E.workspace == workspace)
        row = await self._sql.run(lambda db: db.execute(query).first())
        return _erasure(row) if row else None

    async def newest(self, workspace: str, limit: int) -> list[Erasure]:
        """Return a workspace's erasures, newest first."""
        query = select(ERASURES).where(E.workspace == workspace).order_by(E.asked_ms.desc(), E.id).limit(limit)
        return await self._sql.run(lambda db: [_erasure(row) for row in db.execute(query)])

    async def unfinished(self) -> list[Erasure]:
        """Return what is under way or has failed, of all workspaces, newest first."""
        query = select(ERASURES).where(E.state != ErasureState.DONE).order_by(E.asked_ms.desc(), E.id)
        return await self._sql.run(lambda db: [_erasure(row) for row in db.execute(query)])

    async def running(self) -> list[Erasure]:
        """Return what is under way, oldest first."""
        query = select(ERASURES).where(E.state == ErasureState.RUNNING).order_by(E.asked_ms, E.id)
        return await self._sql.run(lambda db: [_erasure(row) for row in db.execute(query)])

    async def mark(self) -> tuple[int, int]:
        """Return what changes whenever the suppressed ids do."""
        query = select(func.count(), func.coalesce(func.max(S.at_ms), 0)).select_from(SUPPRESSED)
        row = await self._sql.run(lambda db: db.execute(query).one())
        return row[0], row[1]

    async def suppressed(self) -> set[str]:
        """Return the hashes of all suppressed ids; the workspace is in the hash."""
        return await self._sql.run(lambda db: set(db.execute(select(S.id_hash)).scalars()))

    async def suppressions(self, workspace: str) -> Mapping[str, int]:
        """Return erasure -> how many ids it keeps out."""
        query = select(S.erasure, func.count()).where(S.workspace == workspace).group_by(S.erasure)
        return await self._sql.run(lambda db: {row[0]: row[1] for row in db.execute(query)})

    async def lift(self, workspace: str, erasure_id: str) -> int:
        """Let the ids of an erasure come in again; return how many there were."""
        statement = delete(SUPPRESSED).where(S.workspace == workspace, S.erasure == erasure_id)
        return await self._sql.run(lambda db: db.execute(statement).rowcount)


def _refuse(db: Connection, workspace: str, rows: Sequence[dict[str, Any]]) -> None:
    """Refuse the ids for this erasure, be it after another; all doors see that something is newer than before."""
    if not rows:
        return
    newest = db.execute(select(func.coalesce(func.max(S.at_ms), 0))).scalar_one()
    db.execute(delete(SUPPRESSED).where(S.workspace == workspace, S.id_hash.in_([row["id_hash"] for row in rows])))
    db.execute(insert(SUPPRESSED), [{**row, "at_ms": max(row["at_ms"], newest + 1)} for row in rows])


def _suppressions(erasure: Erasure, hashes: Iterable[str]) -> list[dict[str, Any]]:
    if not erasure.suppresses:
        return []
    shared = {"workspace": erasure.workspace, "erasure": erasure.id, "at_ms": erasure.asked_ms}
    return [{**shared, "id_hash": one} for one in sorted(set(hashes))]


def _store(db: Connection, erasure: Erasure) -> None:
    columns = _columns(erasure)
    del columns["id"]
    db.execute(sql_update(ERASURES).where(E.id == erasure.id).values(**columns))


def _columns(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": erasure.id,
        "workspace": erasure.workspace,
        "subject": msgspec.json.encode(erasure.subject).decode(),
        "ids": erasure.ids,
        "suppresses": erasure.suppresses,
        "asked_ms": erasure.asked_ms,
        "asked_by": erasure.asked_by,
        "state": erasure.state.value,
        "report": msgspec.json.encode(_Report(erasure.steps, erasure.error)).decode(),
        "done_ms": erasure.done_ms,
    }


def _erasure(row: Row[Any]) -> Erasure:
    report = msgspec.json.decode(row.report, type=_Report)
    subject = msgspec.json.decode(row.subject, type=Subject)
    return Erasure(
        row.id,
        row.workspace,
        subject,
        row.ids,
        row.suppresses,
        row.asked_ms,
        row.asked_by,
        ErasureState(row.state),
        report.steps,
        row.done_ms,
        report.error,
    )
