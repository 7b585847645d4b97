"""A disk that is full to the last byte, as those tell it who write to it. A transaction of SQLite's is rolled back, and
can be tried again; RocksDB takes nothing more until it is opened anew.
"""

import asyncio
import errno
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from streams.model.errors import LocalCopyError

logger = logging.getLogger(__name__)

LOOK_S = 1.0
# The second when there is no room for the index that readers of the write-ahead log share.
_WANT_OF_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
T = TypeVar("T")


def lacks_room(error: BaseException) -> bool:
    """Say whether there was no room for it. A failed sync is something else: what is on the disk is unknown then."""
    cause = getattr(error, "orig", error)  # SQLAlchemy has its own around it
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode in _WANT_OF_ROOM
    if isinstance(cause, LocalCopyError):  # of a database that tells its errors as text
        return os.strerror(errno.ENOSPC) in str(cause)
    return isinstance(cause, OSError) and cause.errno == errno.ENOSPC


async def once_there_is_room(work: Callable[[], Awaitable[T]], where: str) -> T:
    """Return what `work` returns, trying again as long as the disk of `where` is full; every other fault surfaces."""
    is_told = False
    while True:
        try:
            return await work()
        except Exception as error:
            if not lacks_room(error):
                raise
            if not is_told:
                is_told = True
                logger.warning("%s waits until its disk has room: %s", where, error)
        await asyncio.sleep(LOOK_S)
