"""A partition's runs of message ids in memory-mapped files, so that the OS may take their memory back. One writer."""

import mmap
from pathlib import Path
from struct import Struct

import numpy as np

from streams.operators.seen_filter import IdArray
from streams.operators.seen_runs import STEP_IDS, Run, total_of

_MAGIC = b"SEENIDS1"
# Magic, day, first, count, sum of the ids; little-endian as the ids that follow.
_HEADER = Struct("<8s4Q")
_SUFFIX = ".run"
_TEMPORARY = ".tmp"


class _Place:
    """One mapped file."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self._path = path
        self._mapped = mapped

    def release(self) -> None:
        """Drop the pages that look-ups touched; the next ones find them in the page cache or on disk."""
        self._mapped.madvise(mmap.MADV_DONTNEED)

    def delete(self) -> None:
        """Remove the file; the mapping goes with the last array on it."""
        self._path.unlink(missing_ok=True)


def _open(path: Path) -> tuple[int, Run] | None:
    """Return (day, run) of a file; None when it is not whole. The ids' sum is not checked."""
    size = path.stat().st_size
    if size <= _HEADER.size:
        return None
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Look-ups hit single pages: what lies around them is not wanted.
    mapped.madvise(mmap.MADV_RANDOM)
    magic, day, first, count, total = _HEADER.unpack_from(mapped)
    if magic != _MAGIC or size != _HEADER.size + 8 * count:
        return None
    ids: IdArray = np.frombuffer(mapped, np.uint64, offset=_HEADER.size)
    return day, Run(first, ids, total, _Place(path, mapped))


class _FileSink:
    """A run on its way into a file: under a temporary name and without a header until it is whole."""

    def __init__(self, path: Path, day: int, first: int, count: int) -> None:
        self._path = path
        self._header = (_MAGIC, day, first, count)
        self._temporary = path.with_suffix(_TEMPORARY)
        self._temporary.write_bytes(bytes(_HEADER.size))

    def write(self, part: IdArray) -> None:
        """Append a part. The file is open no longer than that: merges may be given up without a word."""
        with self._temporary.open("ab") as file:
            file.write(part.data)

    def finish(self, total: int) -> Run:
        """Give the file its header and its name; return it mapped."""
        with self._temporary.open("r+b") as file:
            file.write(_HEADER.pack(*self._header, total))
        self._temporary.replace(self._path)
        opened = _open(self._path)
        if opened is None:
            raise OSError(f"{self._path} is not what was written to it; check the disk")
        return opened[1]

    def drop(self) -> None:
        """Remove what was written."""
        self._temporary.unlink(missing_ok=True)


class SeenFolder:
    """The folder of one partition. Nothing is synced: after a power cut, wrong files are told by their sums."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, day: int, first: int, count: int) -> _FileSink:
        """Start to write a run."""
        self._path.mkdir(parents=True, exist_ok=True)
        return _FileSink(self._path / f"{day}-{first}-{count}{_SUFFIX}", day, first, count)

    def open_runs(self) -> dict[int, list[Run]]:
        """Return for each day the sound runs that follow each other from its first id on; delete all other files."""
        paths = list(self._path.iterdir()) if self._path.is_dir() else []
        found: dict[int, list[Run]] = {}
        for path in paths:
            opened = _open(path) if path.suffix == _SUFFIX else None
            if opened is None:
                path.unlink()
            else:
                found.setdefault(opened[0], []).append(opened[1])
        chains = {day: _chain(runs) for day, runs in found.items()}
        return {day: runs for day, runs in chains.items() if runs}


def _chain(runs: list[Run]) -> list[Run]:
    """Return runs that follow each other, the longest first where sources of a merge are still there."""
    chain: list[Run] = []
    stop = 0
    for run in sorted(runs, key=lambda run: (run.first, -len(run))):
        if run.first == stop and _is_sound(run):
            chain.append(run)
            stop = run.stop
        elif run.place is not None:
            run.place.delete()
    return chain


def _is_sound(run: Run) -> bool:
    """Say whether the ids have the sum that the header tells and ascend."""
    total = 0
    last = -1
    for start in range(0, len(run), STEP_IDS):
        part = run.ids[start : start + STEP_IDS]
        if int(part[0]) <= last or not (part[1:] > part[:-1]).all():
            return False
        last = int(part[-1])
        total += total_of(part)
    return total % (1 << 64) == run.total
