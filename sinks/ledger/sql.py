"""The ledger in SQL: SQLite now, written so that PostgreSQL only needs another URL. Each method is one transaction."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, Update, bindparam, delete, func, select, update

from sinks.ledger.base import (
    CLAIMABLE,
    COUNTED,
    WITH_OUTCOME,
    Claim,
    DeliveryRow,
    Finish,
    finish_changes,
    normal_address,
    recovery_changes,
)
from sinks.ledger.erasing import Pseudonym, delete_deliveries, find_deliveries, hash_suppressions, hashed_address
from sinks.ledger.tables import DELIVERIES, METADATA, SUPPRESSIONS, from_columns, to_columns
from streams.model.deliveries import DeliveryStatus
from streams.operators.erasing import Person
from streams.store.engine import SqlThread, upsert

_D = DELIVERIES.c
_S = SUPPRESSIONS.c
_Rows = list[DeliveryRow]
_Ids = list[str]

# The statements of the sending path are built once: to build one takes longer than to run it.
_CLAIM = (
    update(DELIVERIES)
    .where(
        _D.seq.in_(
            select(_D.seq)
            .where(
                _D.status.in_(CLAIMABLE),
                _D.channel == bindparam("of_channel"),
                _D.next_attempt_ms <= bindparam("now_ms"),
            )
            .order_by(_D.next_attempt_ms, _D.seq)
            .limit(bindparam("at_most"))
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
    )
    .values(
        status=DeliveryStatus.CLAIMED,
        attempts=_D.attempts + 1,
        owner=bindparam("new_owner"),
        transport=bindparam("new_transport"),
        lease_until_ms=bindparam("new_lease_until_ms"),
    )
    .returning(*_D)
)
_FINISH = (
    update(DELIVERIES)
    .where(
        _D.id == bindparam("of_id"),
        _D.status == DeliveryStatus.CLAIMED,
        _D.owner == bindparam("of_owner"),
    )
    .returning(*_D)
)
_UNLOGGED = (
    select(*_D)
    .where(_D.outcome_logged.is_(False), _D.status.in_(WITH_OUTCOME))
    .order_by(_D.seq)
    .limit(bindparam("at_most"))
)
_MARK_LOGGED = update(DELIVERIES).where(_D.id.in_(bindparam("ids", expanding=True))).values(outcome_logged=True)
_NEXT_DUE = select(func.min(_D.next_attempt_ms)).where(_D.status.in_(CLAIMABLE), _D.channel == bindparam("of_channel"))
_SUPPRESSED = select(_S.address, _S.reason).where(
    _S.workspace == bindparam("of_workspace"), _S.address.in_(bindparam("addresses", expanding=True))
)
_MAILS_SINCE = (
    select(_D.recipient, func.count())
    .where(
        _D.workspace == bindparam("of_workspace"),
        _D.recipient.in_(bindparam("addresses", expanding=True)),
        _D.status.in_(COUNTED),
        _D.created_ms > bindparam("since_ms"),
        _D.channel == "email",
    )
    .group_by(_D.recipient)
)
_PRUNE = delete(DELIVERIES).where(
    _D.seq.in_(
        select(_D.seq)
        # "Is not false": with "is true" SQLite would walk through all rows ever logged instead of the few old ones.
        .where(_D.finished_ms < bindparam("before_ms"), _D.outcome_logged.is_not(False))
        .order_by(_D.finished_ms)
        .limit(bindparam("at_most"))
        .scalar_subquery()
    )
)


class SqlLedger:
    """Ledger in the database at an SQLAlchemy `url`, e.g. sqlite:////data/ledger.db."""

    def __init__(
        self,
        url: str,
        pseudonym: Pseudonym | None = None,
        is_erased: Callable[[str, str], bool] = lambda _workspace, _name: False,
    ) -> None:
        """`pseudonym` makes the hashes of suppressed addresses whose people were erased; `is_erased` knows them."""
        self._sql = SqlThread(url, METADATA, "ledger")
        self._pseudonym = pseudonym
        self._is_erased = is_erased

    async def record(self, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
        if not rows:
            return []
        columns = [to_columns(row) for row in rows]

        def work(connection: Connection) -> list[DeliveryRow]:
            statement = upsert(connection, DELIVERIES).on_conflict_do_nothing(index_elements=["id"]).returning(*_D)
            added = [from_columns(r) for r in connection.execute(statement, columns)]
            return sorted(added, key=lambda row: row.seq)

        return await self._sql.run(work)

    async def claim(self, claim: Claim) -> list[DeliveryRow]:
        values = {
            "of_channel": claim.channel,
            "now_ms": claim.now_ms,
            "at_most": claim.limit,
            "new_owner": claim.owner,
            "new_transport": claim.transport,
            "new_lease_until_ms": claim.lease_until_ms,
        }
        rows = await self._rows(_CLAIM, values)
        return sorted(rows, key=lambda row: (row.next_attempt_ms, row.seq))

    async def finish(self, owner: str, finish: Finish) -> DeliveryRow | None:
        rows = await self._rows(_FINISH, {"of_id": finish.id, "of_owner": owner} | finish_changes(finish))
        return rows[0] if rows else None

    async def recover(
        self, now_ms: int, owner: str, idempotent: Collection[str], *, sole_owner: bool
    ) -> list[DeliveryRow]:
        left = [_D.status == DeliveryStatus.CLAIMED, _D.owner != owner]
        if not sole_owner:
            left.append(_D.lease_until_ms < now_ms)
        safe, unsafe = _D.transport.in_(idempotent), _D.transport.not_in(idempotent)
        again = update(DELIVERIES).where(*left, safe).values(recovery_changes(now_ms, idempotent=True))
        unsure = update(DELIVERIES).where(*left, unsafe).values(recovery_changes(now_ms, idempotent=False))
        return await self._change(again, unsure)

    async def unlogged(self, limit: int) -> list[DeliveryRow]:
        return await self._rows(_UNLOGGED, {"at_most": limit})

    async def mark_logged(self, ids: Sequence[str]) -> None:
        await self._sql.run(lambda c: c.execute(_MARK_LOGGED, {"ids": list(ids)}).rowcount)

    async def next_due_ms(self, channel: str) -> int | None:
        return await self._sql.run(lambda c: c.execute(_NEXT_DUE, {"of_channel": channel}).scalar_one())

    async def get(self, workspace: str, delivery_id: str) -> DeliveryRow | None:
        statement = select(*_D).where(_D.workspace == workspace, _D.id == delivery_id)
        return next(iter(await self._select(statement)), None)

    async def list(
        self,
        workspace: str,
        limit: int,
        status: DeliveryStatus | None = None,
        profile: str | None = None,
        before: int | None = None,
    ) -> list[DeliveryRow]:
        statement = select(*_D).where(_D.workspace == workspace)
        if status is not None:
            statement = statement.where(_D.status == status)
        if profile is not None:
            statement = statement.where(_D.profile == profile)
        if before is not None:
            statement = statement.where(_D.seq < before)
        return await self._select(statement.order_by(_D.seq.desc()).limit(limit))

    async def counts(self, workspace: str) -> dict[str, int]:
        statement = select(_D.status, func.count()).where(_D.workspace == workspace).group_by(_D.status)
        return await self._sql.run(lambda c: {r[0]: r[1] for r in c.execute(statement)})

    async def mails_since(self, workspace: str, addresses: Collection[str], since_ms: int) -> dict[str, int]:
        if not addresses:
            return {}
        values = {"of_workspace": workspace, "addresses": sorted(set(addresses)), "since_ms": since_ms}
        return await self._sql.run(lambda c: {r[0]: r[1] for r in c.execute(_MAILS_SINCE, values)})

    async def prune(self, before_ms: int, limit: int) -> int:
        values = {"before_ms": before_ms, "at_most": limit}
        return await self._sql.run(lambda c: c.execute(_PRUNE, values).rowcount)

    async def suppress(self, workspace: str, address: str, reason: str, at_ms: int) -> bool:
        kept = normal_address(address)
        if self._pseudonym is not None and self._is_erased(workspace, f"email:{kept}"):
            # Of somebody who was erased and follows a link in an old mail.
            kept = hashed_address(self._pseudonym, workspace, kept)
        values = {"workspace": workspace, "address": kept, "reason": reason, "at_ms": at_ms}

        def work(connection: Connection) -> bool:
            new = upsert(connection, SUPPRESSIONS).values(values)
            return connection.execute(new.on_conflict_do_nothing()).rowcount == 1

        return await self._sql.run(work)

    async def suppressed(self, workspace: str, addresses: Collection[str]) -> dict[str, str]:
        if not addresses:
            return {}
        forms = {address: self._forms_of(workspace, address) for address in addresses}
        values = {"of_workspace": workspace, "addresses": sorted({form for both in forms.values() for form in both})}
        reasons = await self._sql.run(lambda c: {r[0]: r[1] for r in c.execute(_SUPPRESSED, values)})
        return {address: reasons[form] for address, both in forms.items() for form in both if form in reasons}

    async def erase(self, person: Person) -> Sequence[str]:
        """Delete the deliveries to or about the person, and the addresses on the suppression list but for their
        hashes; return the ids of the deliveries.
        """
        found: _Ids = []
        after: int | None = 0
        while after is not None:
            ids, after = await self._sql.run(partial(find_deliveries, person=person, after=after))
            if ids:
                await self._sql.run(partial(delete_deliveries, ids=ids))
            found += ids
        if self._pseudonym is not None:
            await self._sql.run(partial(hash_suppressions, person=person, pseudonym=self._pseudonym))
        return found

    def _forms_of(self, workspace: str, address: str) -> tuple[str, ...]:
        normal = normal_address(address)
        hashed = (hashed_address(self._pseudonym, workspace, normal),) if self._pseudonym else ()
        return (*hashed, normal)

    async def close(self) -> None:
        await self._sql.close()

    async def _select(self, statement: Select[Any]) -> _Rows:
        return await self._rows(statement, {})

    async def _rows(self, statement: Select[Any] | Update, values: dict[str, Any]) -> _Rows:
        return await self._sql.run(lambda c: [from_columns(r) for r in c.execute(statement, values)])

    async def _change(self, *statements: Update) -> _Rows:
        def work(connection: Connection) -> _Rows:
            changed = [r for s in statements for r in connection.execute(s.returning(*_D))]
            return sorted((from_columns(r) for r in changed), key=lambda row: row.seq)

        return await self._sql.run(work)
