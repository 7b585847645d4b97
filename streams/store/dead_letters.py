"""DeadLetterStore: the queryable projection of the topic of dead letters, and what became of each of them.

It takes no letter in again (ingest/redelivery.py does) and reads no log (ingest/letter_projector.py does).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, false, func, or_, select, tuple_, update

from streams.model.letters import (
    Claim,
    Fix,
    LetterFilter,
    LetterGroup,
    LetterNote,
    LetterPlace,
    LetterState,
    StoredLetter,
    letter_id,
    place_of_letter,
)
from streams.store.engine import SqlThread, upsert
from streams.store.letter_tables import LETTERS as T
from streams.store.letter_tables import METADATA
from streams.store.letter_tables import POSITIONS as P

# The column `size_bytes` is what a letter costs here; what is told is how much came.
_CAME = func.length(T.c.raw).label("size_bytes")
_NOTE = tuple(
    _CAME if name == "size_bytes" else T.c[name] for name in ("log_partition", "log_offset", *LetterNote._fields[1:])
)
_WHOLE = (*_NOTE, T.c.claim_ms, T.c.claim_fixes, T.c.head, T.c.raw)
_SLICE = 500
_MAX_REASON_CHARS = 2_000
_encode_fixes = msgspec.json.Encoder().encode
_decode_fixes = msgspec.json.Decoder(tuple[Fix, ...]).decode


class DeadLetterStore:
    """A letter is one workspace's; times are Unix milliseconds and always arguments."""

    def __init__(self, url: str) -> None:
        self._sql = SqlThread(url, METADATA, "dead letters")

    async def close(self) -> None:
        await self._sql.close()

    async def positions(self, log: str) -> dict[int, int]:
        """Return the next offset to read of each partition of the log; forget all that is of another one."""

        def work(db: Connection) -> dict[int, int]:
            if db.execute(select(P.c.log).where(P.c.log != log)).first():
                _clear(db)
            return {row.log_partition: row.next_offset for row in db.execute(select(P))}

        return await self._sql.run(work)

    async def clear(self) -> None:
        """Forget everything, so that the topic is projected anew."""
        await self._sql.run(_clear)

    async def project(self, log: str, partition: int, next_offset: int, letters: Sequence[StoredLetter]) -> None:
        """Store the letters that are not known yet and where to read on, atomically."""
        rows = [_row(letter) for letter in letters]

        def work(db: Connection) -> None:
            if rows:
                db.execute(upsert(db, T).on_conflict_do_nothing(), rows)
            place = {"log_partition": partition, "next_offset": next_offset, "log": log}
            moved = upsert(db, P).values(place)
            db.execute(moved.on_conflict_do_update(index_elements=["log_partition"], set_=place))

        await self._sql.run(work)

    async def page(
        self,
        workspace: str,
        wanted: LetterFilter,
        limit: int,
        after: LetterPlace | None = None,
        *,
        oldest_first: bool = False,
    ) -> list[LetterNote]:
        """Return the letters behind `after`."""
        order = (T.c.at_ms, T.c.log_partition, T.c.log_offset)
        query = select(*_NOTE).where(_meant(workspace, wanted)).limit(limit)
        query = query.order_by(*(order if oldest_first else (column.desc() for column in order)))
        if after is not None:
            here = tuple_(*order)
            query = query.where(here > tuple(after) if oldest_first else here < tuple(after))
        return await self._sql.run(lambda db: [_note(row) for row in db.execute(query)])

    async def count(self, workspace: str, wanted: LetterFilter) -> int:
        query = select(func.count()).select_from(T).where(_meant(workspace, wanted))
        return await self._sql.run(lambda db: db.execute(query).scalar_one())

    async def groups(self, workspace: str, wanted: LetterFilter, limit: int) -> list[LetterGroup]:
        """Return what the letters have in common, the most frequent first."""
        keys = (T.c.source, T.c.stage, T.c.via, T.c.code, T.c.state)
        letters = func.count().label("letters")
        query = select(*keys, letters, func.min(T.c.at_ms), func.max(T.c.at_ms)).where(_meant(workspace, wanted))
        query = query.group_by(*keys).order_by(letters.desc(), *keys).limit(limit)
        return await self._sql.run(lambda db: [_group(row) for row in db.execute(query)])

    async def get(self, workspace: str, letter: str) -> StoredLetter | None:
        return (await self.get_many(workspace, [letter])).get(letter)

    async def get_many(self, workspace: str, ids: Sequence[str]) -> dict[str, StoredLetter]:
        """Return the letters that are known, by id."""

        def work(db: Connection) -> dict[str, StoredLetter]:
            rows = [row for some in _slices(workspace, ids) for row in db.execute(select(*_WHOLE).where(some))]
            return {found.note.id: found for found in map(_stored, rows)}

        return await self._sql.run(work)

    async def claim(self, workspace: str, fixes: Mapping[str, Sequence[Fix]], now_ms: int) -> None:
        """Note durably that the letters are about to be taken in, with these fixes. A claim that exists stays."""
        rows = [{"claim_fixes": _encode_fixes(tuple(given)).decode() if given else ""} for given in fixes.values()]
        free = _HERE & T.c.claim_ms.is_(None)
        await self._update_each(free, {"claim_ms": now_ms}, _placed(workspace, fixes, rows))

    async def release(self, workspace: str, ids: Sequence[str]) -> None:
        """Take claims back: nothing of these letters was taken in."""
        await self._change(workspace, ids, claim_ms=None, claim_fixes="")

    async def finish(
        self, workspace: str, state: LetterState, outcomes: Mapping[str, str], by: str, now_ms: int
    ) -> None:
        """Note durably what became of letters."""
        done = {"state": state, "state_ms": now_ms, "state_by": by, "claim_ms": None, "claim_fixes": ""}
        rows = [{"outcome": outcome} for outcome in outcomes.values()]
        await self._update_each(_HERE, done, _placed(workspace, outcomes, rows))

    async def fail(self, workspace: str, letter: str, code: str = "", reason: str = "", field: str = "") -> None:
        """Note that an attempt failed, and why; without a code the letter keeps the reason it has."""
        told = {"code": code, "reason": reason[:_MAX_REASON_CHARS], "field": field} if code else {}
        await self._change(workspace, [letter], **told, attempts=T.c.attempts + 1)

    async def drop(
        self, workspace: str, chosen: Sequence[str] | LetterFilter, by: str, outcome: str, now_ms: int
    ) -> int:
        """Give up letters that are new, and return how many those were."""
        values = {"state": LetterState.DROPPED, "state_ms": now_ms, "state_by": by, "outcome": outcome}
        values |= {"claim_ms": None, "claim_fixes": ""}

        def work(db: Connection) -> int:
            meant = [_meant(workspace, chosen)] if isinstance(chosen, LetterFilter) else _slices(workspace, chosen)
            is_new = T.c.state == LetterState.NEW
            return sum(db.execute(update(T).where(some, is_new).values(**values)).rowcount for some in meant)

        return await self._sql.run(work)

    async def find(self, workspace: str, holds: Callable[[bytes, str], bool]) -> list[str]:
        """Return the ids of the letters of which `holds` says yes, by their bytes and by what else is told of them."""

        def work(db: Connection) -> list[str]:
            query = select(T.c.log_partition, T.c.log_offset, T.c.raw, T.c.head, T.c.reason, T.c.claim_fixes)
            rows = db.execute(query.where(T.c.workspace == workspace).execution_options(yield_per=_SLICE))
            return [
                letter_id(row.log_partition, row.log_offset)
                for row in rows
                if holds(row.raw, f"{row.head}\n{row.reason}\n{row.claim_fixes}")
            ]

        return await self._sql.run(work)

    async def forget(self, workspace: str, ids: Sequence[str]) -> int:
        """Delete letters so that their bytes are in no file; return how many that were."""

        def work(db: Connection) -> int:
            return sum(db.execute(delete(T).where(some)).rowcount for some in _slices(workspace, ids))

        gone = await self._sql.run(work)
        await self._sql.run(_empty_wal)
        return gone

    async def prune(self, before_ms: int, max_bytes: int) -> int:
        """Delete letters older than `before_ms`, then the oldest beyond `max_bytes`; return how many went."""

        def work(db: Connection) -> int:
            gone = db.execute(delete(T).where(T.c.at_ms < before_ms)).rowcount
            excess = int(db.execute(select(func.sum(T.c.size_bytes))).scalar() or 0) - max_bytes
            while excess > 0:
                query = select(T.c.log_partition, T.c.log_offset, T.c.size_bytes).order_by(T.c.at_ms).limit(_SLICE)
                for row in db.execute(query).all():
                    place = and_(T.c.log_partition == row.log_partition, T.c.log_offset == row.log_offset)
                    gone += db.execute(delete(T).where(place)).rowcount
                    excess -= row.size_bytes
                    if excess <= 0:
                        break
            return gone

        return await self._sql.run(work)

    async def _update_each(
        self, where: ColumnElement[bool], same: Mapping[str, Any], rows: list[dict[str, Any]]
    ) -> None:
        """Set `same` and what each row names, in one go: a statement for each would take a millisecond."""
        if rows:
            own: dict[str, Any] = {name: bindparam(name) for name in rows[0] if not name.startswith("_")}
            await self._sql.run(lambda db: db.execute(update(T).where(where).values(**same, **own), rows))

    async def _change(self, workspace: str, ids: Sequence[str], **values: Any) -> None:
        def work(db: Connection) -> None:
            for some in _slices(workspace, ids):
                db.execute(update(T).where(some).values(**values))

        await self._sql.run(work)


def _empty_wal(db: Connection) -> None:
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _clear(db: Connection) -> None:
    db.execute(delete(T))
    db.execute(delete(P))


def _meant(workspace: str, wanted: LetterFilter) -> ColumnElement[bool]:
    same = {"source": wanted.source, "stage": wanted.stage, "via": wanted.via, "code": wanted.code}
    same |= {"field": wanted.field, "state": wanted.state or ""}
    conditions = [T.c.workspace == workspace, *(T.c[name] == value for name, value in same.items() if value)]
    if wanted.text:
        conditions.append(T.c.reason.icontains(wanted.text, autoescape=True))
    if wanted.from_ms is not None:
        conditions.append(T.c.at_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        conditions.append(T.c.at_ms < wanted.to_ms)
    return and_(*conditions)


def _is_one_of(workspace: str, ids: Sequence[str]) -> ColumnElement[bool]:
    offsets: dict[int, list[int]] = {}
    for partition, offset in filter(None, map(place_of_letter, ids)):
        offsets.setdefault(partition, []).append(offset)
    here = [and_(T.c.log_partition == partition, T.c.log_offset.in_(some)) for partition, some in offsets.items()]
    # Told so that SQLite finds the few by their key: by the workspace it would read all that there are.
    return and_(or_(false(), *here), T.c.workspace.concat("") == workspace)


_HERE = (
    (T.c.workspace == bindparam("_workspace"))
    & (T.c.log_partition == bindparam("_partition"))
    & (T.c.log_offset == bindparam("_offset"))
)


def _placed(workspace: str, ids: Iterable[str], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with what finds each of them; those of ids that are none are left out."""
    places = [(place_of_letter(letter), row) for letter, row in zip(ids, rows, strict=True)]
    return [
        row | {"_workspace": workspace, "_partition": place[0], "_offset": place[1]} for place, row in places if place
    ]


def _slices(workspace: str, ids: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return conditions for all the ids, each with no more parameters than every database takes."""
    return [_is_one_of(workspace, ids[start : start + _SLICE]) for start in range(0, len(ids), _SLICE)]


def _row(letter: StoredLetter) -> dict[str, Any]:
    row = letter.note._asdict()
    place = place_of_letter(row.pop("id"))
    assert place is not None, "a projected letter has the id of its place"
    row |= {"log_partition": place[0], "log_offset": place[1], "reason": letter.note.reason[:_MAX_REASON_CHARS]}
    row["size_bytes"] = letter.cost_bytes
    return row | {"head": letter.head, "raw": letter.raw, "claim_ms": None, "claim_fixes": ""}


def _note(row: Row[Any]) -> LetterNote:
    values = row._mapping  # noqa: SLF001  SQLAlchemy's documented way to read a row by name
    told = {name: values[name] for name in LetterNote._fields[1:]} | {"state": LetterState(row.state)}
    return LetterNote(id=letter_id(row.log_partition, row.log_offset), **told)


def _stored(row: Row[Any]) -> StoredLetter:
    claim = None
    if row.claim_ms is not None:
        claim = Claim(row.claim_ms, _decode_fixes(row.claim_fixes) if row.claim_fixes else ())
    return StoredLetter(_note(row), bytes(row.raw), row.head, claim)


def _group(row: Row[Any]) -> LetterGroup:
    found = LetterGroup._make(row)
    return found._replace(state=LetterState(found.state))
