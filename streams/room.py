"""A disk that is full to the last byte, as those tell it who write to it. A transaction of SQLite's is rolled back, and
can be tried again; RocksDB takes nothing more until it is opened anew.
"""

import asyncio
import errno
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from streams.model.errors import LocalCopyError, LogFullError

logger = logging.getLogger(__name__)

LOOK_S = 1.0
# The second when there is no room for the index that readers of the write-ahead log share.
_WANT_OF_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
T = TypeVar("T")


def lacks_room(error: BaseException) -> bool:
    """Say whether there was no room for it. A failed sync is something else: what is on the disk is unknown then."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode in _WANT_OF_ROOM
    if isinstance(cause, LocalCopyError):  # of a database that tells its errors as text
        return os.strerror(errno.ENOSPC) in str(cause)
    return isinstance(cause, OSError) and cause.errno == errno.ENOSPC


def _cause(error: BaseException) -> BaseException:
    """Return what is inside an error of SQLAlchemy's, which tells the statement's values, too."""
    cause = getattr(error, "orig", None)
    return cause if isinstance(cause, BaseException) else error


async def once_there_is_room(work: Callable[[], Awaitable[T]], where: str, patience_s: float = inf) -> T:
    """Return what `work` returns, trying again as long as the disk of `where` is full; every other fault surfaces.

    Raises LogFullError, which all who answer requests know how to tell, when that takes longer than `patience_s`.
    """
    until_s = asyncio.get_running_loop().time() + patience_s
    is_told = False
    while True:
        try:
            return await work()
        except Exception as error:
            if not lacks_room(error):
                raise
            if asyncio.get_running_loop().time() >= until_s:
                raise LogFullError(f"the disk is full: {_cause(error)}", retry_after_s=10.0) from error
            if not is_told:
                is_told = True
                logger.warning("%s waits until its disk has room: %s", where, _cause(error))
        await asyncio.sleep(LOOK_S)
