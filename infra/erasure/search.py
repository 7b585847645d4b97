"""Searches files for texts, in a process of its own: it reads what to do from stdin and writes what it found to stdout.

When a process closes a file, it loses all POSIX locks that it has on it, also those that SQLite or RocksDB took in it.
So a running platform must never open its databases' files by itself. The texts come by stdin because everybody on the
machine can read a command line. This file is run by its path, without the platform's other modules.
"""

import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

_PIECE_BYTES = 4 << 20


def count_in(path: Path, values: Iterable[str], spared: Iterable[str] = ()) -> int:
    """Return how often one of the values stands in the file, in whatever case and in none of those that are spared; 0
    when the file is gone.
    """
    wanted, left = [value.encode() for value in values], [value.encode() for value in spared]
    if not wanted:
        return 0
    found = re.compile(b"%b|(%b)" % (_any_of(left), _any_of(wanted)), re.IGNORECASE)
    overlap = max(map(len, wanted + left)) - 1
    count, tail, is_open = 0, b"", True
    try:
        with path.open("rb", buffering=0) as file:
            # Pieces and no map: a file that is cut while it is read must not end the search by a signal.
            while is_open:
                piece = file.read(_PIECE_BYTES)
                is_open = bool(piece)
                data = tail + piece
                # What begins before has been counted; what begins so late may go on in the next piece.
                first, last = max(0, len(tail) - overlap), len(data) - overlap if is_open else len(data)
                count += sum(1 for one in found.finditer(data) if one[1] and first <= one.start() < last)
                tail = data[max(0, last - overlap) :]
    except FileNotFoundError:
        # The local copy's tables come and go.
        return 0
    return count


def _any_of(words: list[bytes]) -> bytes:
    return b"|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or b"(?!)"


def _unless_gone(error: OSError) -> None:
    """Let no folder be passed over because it can't be read."""
    if not isinstance(error, FileNotFoundError):
        raise error


def search(folder: Path, values: Iterable[str], spared: Iterable[str], skipped: Iterable[str]) -> dict[str, int]:
    """Return file -> count for every file below the folder that has one, but for the skipped and their logs."""
    values, spared, left_out = tuple(values), tuple(spared), frozenset(skipped)
    beside = tuple(f"{name}-" for name in left_out)
    found = {}
    for root, _, names in os.walk(folder, onerror=_unless_gone):
        for name in sorted(names):
            path = Path(root, name)
            if name in left_out or name.startswith(beside) or path.is_symlink() or not path.is_file():
                continue
            if count := count_in(path, values, spared):
                found[path.relative_to(folder).as_posix()] = count
    return found


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    found = search(Path(asked["folder"]), asked["values"], asked["spared"], asked["skipped"])
    json.dump(found, sys.stdout)
