"""Random salts that live for a day each: whoever is counted under one can't be found again once it is gone."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from streams.store import tables
from streams.store.engine import SqlThread

_PREFIX = "visitors of day "
_SALT_BYTES = 32


class DailySalts:
    """Days are counted from 1970. All processes of an installation are told the same salts."""

    def __init__(self, sql: SqlThread, random: Callable[[int], str]) -> None:
        self._sql = sql
        self._random = random

    async def of(self, days: Sequence[int]) -> dict[int, bytes]:
        """Return the salts of these days, made where there is none, and delete those of all days before."""
        try:
            return await self._sql.run(lambda db: self._of(db, days))
        except IntegrityError:  # another process made one at the same moment
            return await self._sql.run(lambda db: self._of(db, days))

    def _of(self, db: Connection, days: Sequence[int]) -> dict[int, bytes]:
        t = tables.settings
        rows = db.execute(select(t.c.key, t.c.value).where(t.c.key.startswith(_PREFIX)))
        known = {row.key: row.value for row in rows}
        old = [key for key in known if int(key.removeprefix(_PREFIX)) < min(days)]
        db.execute(delete(t).where(t.c.key.in_(old)))
        for key in (f"{_PREFIX}{day}" for day in days):
            if key not in known:
                known[key] = self._random(_SALT_BYTES)
                db.execute(insert(t).values(key=key, value=known[key]))
        return {day: known[f"{_PREFIX}{day}"].encode() for day in days}
