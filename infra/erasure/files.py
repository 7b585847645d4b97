"""The data folder after an erasure: write-ahead logs are emptied, and every file is searched for the person."""

import mmap
import re
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

_TRIES = 100
_PAUSE_S = 0.1
_PIECE = 64 << 20


def empty_write_ahead_logs(folder: Path, names: Iterable[str] | None = None) -> list[str]:
    """Move what SQLite's write-ahead logs hold into their files and cut them to nothing. Blocks.

    Returns the names of the databases whose readers did not let that happen.
    """
    wanted = [path for path in sorted(folder.glob("*.db")) if names is None or path.name in names]
    return [path.name for path in wanted if not _is_emptied(path)]


def files_that_tell(folder: Path, values: Iterable[str], skipped: Iterable[str] = ()) -> dict[str, int]:
    """Return file -> how often one of the values stands in it, in whatever case. Blocks.

    Every file below the folder is read from end to end, whatever its kind.
    """
    words = [re.escape(value.encode()) for value in values]
    if not words:
        return {}
    wanted = re.compile(b"|".join(words), re.IGNORECASE)
    left_out = set(skipped)
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file() and not one.is_symlink()):
        if path.name in left_out or path.name.startswith(tuple(f"{name}-" for name in left_out)):
            continue
        if count := _count_in(path, wanted):
            found[path.relative_to(folder).as_posix()] = count
    return found


def tells(path: Path, values: Iterable[str]) -> bool:
    """Say whether one of the values stands in the file, in whatever case. Blocks."""
    words = [re.escape(value.encode()) for value in values]
    return bool(words) and _count_in(path, re.compile(b"|".join(words), re.IGNORECASE)) > 0


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


def _count_in(path: Path, wanted: re.Pattern[bytes]) -> int:
    try:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                return 0
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return sum(1 for _ in wanted.finditer(data))
    except FileNotFoundError:
        # The local copy's tables come and go.
        return 0
