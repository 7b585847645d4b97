"""The data folder after an erasure: write-ahead logs are emptied, and every file is searched for the person."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import orjson

from infra.erasure import search
from streams.model.errors import CampaignIqError

_TRIES = 100
_PAUSE_S = 0.1


class SearchError(CampaignIqError):
    """The files could not be searched to their end."""


def empty_write_ahead_logs(folder: Path, names: Iterable[str] | None = None) -> list[str]:
    """Move what SQLite's write-ahead logs hold into their files and cut them to nothing. Blocks.

    Returns the names of the databases whose readers did not let that happen.
    """
    wanted = [path for path in sorted(folder.glob("*.db")) if names is None or path.name in names]
    return [path.name for path in wanted if not _is_emptied(path)]


def files_that_tell(folder: Path, values: Iterable[str], skipped: Iterable[str] = ()) -> dict[str, int]:
    """Return file -> how often one of the values stands in it, in whatever case. Blocks.

    Every file below the folder is read from end to end, whatever its kind, in a child process: see `search`.
    Raises SearchError.
    """
    asked = {"folder": str(folder), "values": sorted(values), "skipped": sorted(skipped)}
    if not asked["values"]:
        return {}
    command = [sys.executable, "-I", search.__file__]
    done = subprocess.run(command, input=orjson.dumps(asked), capture_output=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SearchError(f"the search of {folder} ended with {done.returncode}: {last}")
    found: dict[str, int] = orjson.loads(done.stdout)
    return found


def _is_emptied(path: Path) -> bool:
    with_wal = path.with_name(f"{path.name}-wal")
    if not with_wal.exists():
        return True
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        for _ in range(_TRIES):
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
            time.sleep(_PAUSE_S)
    finally:
        db.close()
    return False
