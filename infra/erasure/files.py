"""The data folder after an erasure: write-ahead logs are emptied, every file is searched for the person, and databases
that keep deleted text in their free space are written anew.
"""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import orjson

from infra.erasure import search
from infra.erasure.errors import SearchError

MOST_WRITTEN_ANEW_BYTES = 256 << 20
"""Larger databases are not: those who write to it meanwhile would give up waiting."""
_WRITTEN_ANEW_S = 2.0
_TRIES = 100
_PAUSE_S = 0.1
_PROGRESS_STEPS = 10_000


def empty_write_ahead_logs(folder: Path, names: Iterable[str] | None = None) -> list[str]:
    """Move what SQLite's write-ahead logs hold into their files and cut them to nothing. Blocks.

    Returns the names of the databases whose readers did not let that happen.
    """
    wanted = [path for path in sorted(folder.glob("*.db")) if names is None or path.name in names]
    return [path.name for path in wanted if not _is_emptied(path)]


def files_that_tell(
    folder: Path, values: Iterable[str], spared: Iterable[str] = (), skipped: Iterable[str] = ()
) -> dict[str, int]:
    """Return file -> how often one of the values stands in it, in whatever case and in none of those that are spared.

    Every file below the folder is read from end to end, whatever its kind, in a child process: see `search`. Blocks.
    Raises SearchError.
    """
    asked = {
        "folder": str(folder),
        "values": sorted(values),
        "spared": sorted(spared),
        "skipped": sorted(skipped),
    }
    if not asked["values"]:
        return {}
    command = [sys.executable, "-I", search.__file__]
    done = subprocess.run(command, input=orjson.dumps(asked), capture_output=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SearchError(f"the search of {folder} ended with {done.returncode}: {last}")
    found: dict[str, int] = orjson.loads(done.stdout)
    return found


def records_that_tell(database: Path, tells: Callable[[str], bool], workspace: str, but: str) -> list[str]:
    """Return the tables with a record of which that holds and that is not another workspace's, but for those whose
    first column is `but`. Blocks.
    """
    if not database.is_file():
        return []
    with closing(read_only(database)) as db:
        found = []
        for table in tables_of(db):
            query = f'SELECT * FROM "{table}" WHERE NOT ({where_elsewhere(db, table)})'  # noqa: S608 - its own names
            rows = db.execute(query, {"workspace": workspace})
            if any(tells("\n".join(map(str, row))) for row in rows if row[0] != but):
                found.append(table)
        return found


def read_only(database: Path) -> sqlite3.Connection:
    """Return a connection that changes nothing."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=10)


def tables_of(db: sqlite3.Connection) -> list[str]:
    """Return the names of the database's tables."""
    return [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()]


def where_elsewhere(db: sqlite3.Connection, table: str) -> str:
    """Return the condition for rows of the table that are of another workspace than `:workspace`, if it says whose."""
    columns = {name for _, name, *_ in db.execute(f'PRAGMA table_info("{table}")').fetchall()}
    if "workspace" in columns:
        return "workspace != :workspace"
    if table == "workspaces":
        return "id != :workspace"
    if table in ("source_details", "source_rotations"):
        return "source IN (SELECT id FROM sources WHERE workspace != :workspace)"
    return "0"


def write_anew(folder: Path, names: Iterable[str]) -> list[str]:
    """Let SQLite write those of the files that are databases anew, so that nothing is left of what was deleted before
    `secure_delete`; return which were. Those who write to one meanwhile wait. Blocks.
    """
    wanted = {path.name: path for path in folder.glob("*.db")}
    return [name for name in names if name in wanted and _is_written_anew(wanted[name])]


def _is_written_anew(path: Path) -> bool:
    if path.stat().st_size > MOST_WRITTEN_ANEW_BYTES:
        return False
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
        deadline_s = time.monotonic() + _WRITTEN_ANEW_S
        db.set_progress_handler(lambda: time.monotonic() > deadline_s, _PROGRESS_STEPS)
        try:
            db.execute("VACUUM")
        except sqlite3.OperationalError:
            # It took too long, somebody else did, or there is no room for the copy: it is as it was.
            return False
    return True


def _is_emptied(path: Path) -> bool:
    with_wal = path.with_name(f"{path.name}-wal")
    if not with_wal.exists():
        return True
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as db:
        for _ in range(_TRIES):
            busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
            time.sleep(_PAUSE_S)
    return False
