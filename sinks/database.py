"""One SQL database on one worker thread, for the ledger and the outbox. It knows no table."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.pool import StaticPool

_T = TypeVar("_T")
_BUSY_TIMEOUT_MS = 10_000


class Database:
    """Runs functions in transactions, one after another, on its own thread. Opens at first use."""

    def __init__(self, url: str, tables: MetaData, thread_name: str) -> None:
        self._url = url
        self._tables = tables
        self._engine: Engine | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)

    async def run(self, work: Callable[[Connection], _T]) -> _T:
        """Return `work(connection)` after its transaction is committed durably."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._transact, work)

    async def close(self) -> None:
        """Finish what was begun and release file and thread."""
        await asyncio.get_running_loop().run_in_executor(self._worker, self._dispose)
        self._worker.shutdown()

    def _transact(self, work: Callable[[Connection], _T]) -> _T:
        if self._engine is None:
            self._engine = _open(self._url)
            self._tables.create_all(self._engine)
            # Those that an earlier version's file lacks; `create_all` leaves tables alone that exist.
            for table in self._tables.sorted_tables:
                for index in table.indexes:
                    index.create(self._engine, checkfirst=True)
        with self._engine.begin() as connection:
            return work(connection)

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    # One connection for good: only the worker thread ever touches it.
    engine = create_engine(url, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    # What is deleted or replaced leaves no bytes in the file.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()
