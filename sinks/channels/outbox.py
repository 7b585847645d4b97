"""The local outbox: messages kept in a table instead of being sent, each exactly once, to be read in the dashboard."""

from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text, delete, select
from sqlalchemy.engine import Connection

from sinks.rendering import Rendered
from streams.model.deliveries import Delivery, Outcome, Sent
from streams.operators.erasing import Person
from streams.store.columns import required
from streams.store.engine import SqlThread, upsert

_METADATA = MetaData()
_MESSAGES = Table(
    "outbox",
    _METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("delivery_id", String(32), nullable=False, unique=True),
    *required(Text, "workspace", "sender", "recipient", "subject", "html", "text"),
    Column("created_ms", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
Index("outbox_by_workspace", _MESSAGES.c.workspace, _MESSAGES.c.seq)
Index("outbox_by_age", _MESSAGES.c.created_ms)
_M = _MESSAGES.c
_SLICE = 500


class OutboxChannel:
    """Outbox in the database at an SQLAlchemy `url`, with `sender` as the From line."""

    name = "outbox"
    idempotent = True
    concurrency = 16

    def __init__(self, url: str, sender: str) -> None:
        self._sql = SqlThread(url, _METADATA, "outbox")
        self._sender = sender

    async def send(self, delivery: Delivery, message: Rendered, now_ms: int) -> Outcome:
        values = {
            "delivery_id": delivery.id,
            "workspace": delivery.workspace,
            "sender": self._sender,
            "recipient": delivery.recipient,
            "subject": message.subject,
            "html": message.html,
            "text": message.text,
            "created_ms": now_ms,
        }

        def work(connection: Connection) -> None:
            new = upsert(connection, _MESSAGES).values(values)
            connection.execute(new.on_conflict_do_nothing(index_elements=["delivery_id"]))

        await self._sql.run(work)
        return Sent(f"outbox:{delivery.id}")

    async def get(self, workspace: str, delivery_id: str) -> dict[str, Any] | None:
        """Return the message as docs/api.md shows it: subject, from, to, html, text."""
        statement = select(*_M).where(_M.workspace == workspace, _M.delivery_id == delivery_id)
        found = await self._sql.run(lambda c: [_as_message(r) for r in c.execute(statement)])
        return found[0] if found else None

    async def list(self, workspace: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """Return messages with `seq` below `before`, newest first."""
        statement = select(*_M).where(_M.workspace == workspace).order_by(_M.seq.desc()).limit(limit)
        if before is not None:
            statement = statement.where(_M.seq < before)
        return await self._sql.run(lambda c: [_as_message(r) for r in c.execute(statement)])

    async def erase(self, person: Person, delivery_ids: Collection[str]) -> int:
        """Delete the messages of these deliveries, and those that name the person; return how many."""
        gone = 0
        after: int | None = 0
        while after is not None:
            erase = partial(_erase_some, person=person, delivery_ids=delivery_ids, after=after)
            count, after = await self._sql.run(erase)
            gone += count
        return gone

    async def prune(self, before_ms: int, limit: int) -> int:
        """Delete up to `limit` messages that came before `before_ms`; return how many."""
        old = select(_M.seq).where(_M.created_ms < before_ms).order_by(_M.created_ms).limit(limit)
        statement = delete(_MESSAGES).where(_M.seq.in_(old.scalar_subquery()))
        return await self._sql.run(lambda c: c.execute(statement).rowcount)

    async def close(self) -> None:
        await self._sql.close()


def _as_message(row: Any) -> dict[str, Any]:
    message: dict[str, Any] = row._asdict()
    del message["workspace"]
    return message | {"from": message.pop("sender"), "to": message.pop("recipient")}


def _erase_some(
    connection: Connection, *, person: Person, delivery_ids: Collection[str], after: int
) -> tuple[int, int | None]:
    """Look through the next messages; return how many went, and where to go on, None at the end."""
    query = select(*_M).where(_M.workspace == person.workspace, _M.seq > after).order_by(_M.seq).limit(_SLICE)
    rows = connection.execute(query).all()
    found = [
        row.seq
        for row in rows
        if row.delivery_id in delivery_ids or person.tells(f"{row.recipient}\n{row.subject}\n{row.html}\n{row.text}")
    ]
    if found:
        connection.execute(delete(_MESSAGES).where(_M.seq.in_(found)))
    return len(found), rows[-1].seq if len(rows) == _SLICE else None
