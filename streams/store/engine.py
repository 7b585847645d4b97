"""A SQLAlchemy engine behind one worker thread: SQL blocks, the event loop must not."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from streams.model.errors import ConfigurationError
from streams.room import once_there_is_room

T = TypeVar("T")


def _durable(connection: Any, _record: Any) -> None:
    """SQLite's settings: readers don't wait for the writer, a commit survives a power cut, what is deleted or replaced
    leaves no bytes in the file.
    """
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def open_engine(url: str) -> Engine:
    """Return an engine for `url` (sqlite:///path, postgresql+psycopg://…). Raises ConfigurationError."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_size=1, pool_pre_ping=True)
        engine = create_engine(parsed, poolclass=StaticPool, connect_args={"check_same_thread": False})
    except (ArgumentError, ImportError) as error:
        raise ConfigurationError(
            "store.url", f"not a database this build can open ({error})", "Use sqlite:///path"
        ) from error
    event.listen(engine, "connect", _durable)
    return engine


def upsert(db: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that may say what to do on a conflict."""
    return (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(table)


class SqlThread:
    """Runs functions on the engine's one thread, each in a transaction of its own. Tables that are missing are made
    before the first. While the disk is full they wait, for `patience_s` at most.
    """

    def __init__(self, url: str, tables: MetaData, thread_name: str = "store", patience_s: float = inf) -> None:
        self._engine = open_engine(url)
        self._missing: MetaData | None = tables
        self._patience_s = patience_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=thread_name)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns, once its transaction is committed; an exception rolls it back. Raises
        LogFullError when there was no room.
        """
        loop = asyncio.get_running_loop()
        return await once_there_is_room(
            lambda: loop.run_in_executor(self._thread, self._in_transaction, work),
            str(self._engine.url.database),
            self._patience_s,
        )

    async def close(self) -> None:
        """Finish what was begun and release file and thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=True)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        if self._missing is not None:
            _make(self._missing, self._engine)
            self._missing = None
        with self._engine.begin() as connection:
            return work(connection)


def _make(tables: MetaData, engine: Engine) -> None:
    tables.create_all(engine)
    # Those that an earlier version's file lacks; `create_all` leaves tables alone that exist.
    for table in tables.sorted_tables:
        for index in table.indexes:
            index.create(engine, checkfirst=True)
