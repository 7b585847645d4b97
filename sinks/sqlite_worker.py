"""One SQLite connection on one thread of its own, so that the event loop never waits for a disk. Knows no schema."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from streams.room import once_there_is_room

T = TypeVar("T")


class SqliteWorker:
    """Runs functions of a connection in the order they are handed in; one that writes, in a `transaction`, is run again
    once there is room when the disk was full. `path` may be ":memory:".
    """

    def __init__(self, path: Path | str, synchronous: str, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._closed = False
        self._path = str(path)
        try:
            self._db = self._pool.submit(_open, path, synchronous, prepare).result()
        except BaseException:
            self._pool.shutdown()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns, raise what it raises."""
        loop = asyncio.get_running_loop()
        return await once_there_is_room(lambda: loop.run_in_executor(self._pool, work, self._db), self._path)

    async def close(self) -> None:
        """Finish what was handed in and close the file; closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        await self.run(sqlite3.Connection.close)
        self._pool.shutdown()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block did, or nothing of it when it raises."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        yield


def _open(path: Path | str, synchronous: str, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        # What is deleted or replaced leaves no bytes in the file.
        db.execute("PRAGMA secure_delete=ON")
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db
