"""Taking a person out of the ledger: their deliveries go; that they want no mail stays known, by a keyed hash."""

from collections.abc import Callable

import orjson
from sqlalchemy import Connection, delete, select, update

from sinks.ledger.tables import DELIVERIES, SUPPRESSIONS
from streams.operators.erasing import Person

Pseudonym = Callable[[str, str], str]
"""Returns what stands for a workspace's id ("email:ada@example.com")."""

_D, _S = DELIVERIES.c, SUPPRESSIONS.c
_LOOKED_AT = (_D.seq, _D.id, _D.profile, _D.recipient, _D.subject, _D.reason, _D.data)
_SLICE = 500
_PREFIX = "erased:"


def hashed_address(pseudonym: Pseudonym, workspace: str, address: str) -> str:
    """Return the form in which the address of somebody who was erased stays suppressed."""
    return _PREFIX + pseudonym(workspace, f"email:{address}")


def find_deliveries(db: Connection, person: Person, after: int) -> tuple[list[str], int | None]:
    """Return those of the next rows that are about the person or name them, and where to go on, None at the end."""
    query = select(*_LOOKED_AT).where(_D.workspace == person.workspace, _D.seq > after).order_by(_D.seq).limit(_SLICE)
    rows = db.execute(query).all()
    found = [
        row.id
        for row in rows
        if row.profile in person.ids
        or person.tells(f"{row.recipient}\n{row.subject}\n{row.reason}")
        or person.names(orjson.loads(row.data))
    ]
    return found, rows[-1].seq if len(rows) == _SLICE else None


def delete_deliveries(db: Connection, ids: list[str]) -> None:
    """Delete rows; one that is being sent ends without a trace."""
    db.execute(delete(DELIVERIES).where(_D.id.in_(ids)))


def hash_suppressions(db: Connection, person: Person, pseudonym: Pseudonym) -> int:
    """Put keyed hashes in the place of the person's addresses; return how many there were."""
    workspace = person.workspace
    mine = sorted({value.lower() for value in person.values if "@" in value})
    known = db.execute(select(_S.address).where(_S.workspace == workspace, _S.address.in_(mine))).scalars().all()
    for address in known:
        hashed = hashed_address(pseudonym, workspace, address)
        here = (_S.workspace == workspace) & (_S.address == address)
        if db.execute(select(_S.address).where(_S.workspace == workspace, _S.address == hashed)).first():
            db.execute(delete(SUPPRESSIONS).where(here))
        else:
            db.execute(update(SUPPRESSIONS).where(here).values(address=hashed))
    return len(known)
