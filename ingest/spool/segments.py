"""The spool's folder: segment files that are written, read, put aside when damaged, removed. Blocks; use one thread.

A segment is `<number>-<mark>.spool`. What `write` returned from survives a power cut. A segment that a crash left
unfinished may end in a torn record, which was never acknowledged; what is damaged elsewhere is kept in `quarantine/`.
"""

import logging
import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ingest.spool.records import MARK_BYTES, Gap, end_mark, pack, read
from streams.folder_lock import lock_folder
from streams.ports import NewRecord

_log = logging.getLogger(__name__)
_NAME = re.compile(r"(\d{12})-([0-9a-f]{16})\.spool")


class Segment(NamedTuple):
    """One file. `size_bytes` counts what is known to be durable."""

    number: int
    mark: bytes
    size_bytes: int

    @property
    def name(self) -> str:
        return f"{self.number:012d}-{self.mark.hex()}.spool"


class Segments:
    """Holds the folder's lock from construction to `close`. Raises ConfigurationError when it can't."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self._folder = folder
        self._quarantine = folder / "quarantine"
        self._segment_bytes = segment_bytes
        self._descriptor = -1
        """Of the last segment, while it is being written."""
        remedy = "Give each process a folder of its own, always the same one"
        self._lock = lock_folder(folder, "ingest.spool_folder", "another process", remedy)
        self.all = self._found()
        self._left = frozenset(segment.number for segment in self.all)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.all)

    def quarantined(self) -> tuple[int, int]:
        """Return how many files lie in quarantine, and their bytes."""
        files = list(self._quarantine.iterdir()) if self._quarantine.is_dir() else []
        return len(files), sum(file.stat().st_size for file in files)

    def write(self, records: Sequence[NewRecord]) -> None:
        """Append the records durably. Raises OSError, and then none of them counts as written."""
        if self._descriptor < 0 or self.all[-1].size_bytes >= self._segment_bytes:
            self.finish()
            self._begin()
        segment = self.all[-1]
        data = b"".join(pack(segment.mark, record) for record in records)
        try:
            _write_all(self._descriptor, data)
            os.fdatasync(self._descriptor)
        except OSError:
            self._abandon(segment)
            raise
        self.all[-1] = segment._replace(size_bytes=segment.size_bytes + len(data))

    def finish(self) -> None:
        """Write no more to the segment that is being written."""
        if self._descriptor < 0:
            return
        try:
            # Without its end mark it reads as one that a crash left: the mark need not be durable.
            _write_all(self._descriptor, end_mark(self.all[-1].mark))
        except OSError:
            self._abandon(self.all[-1])
        else:
            self._let_go()

    def load(self, segment: Segment) -> list[NewRecord]:
        """Return the records of a segment that is not being written. What is damaged in it goes to quarantine.

        Raises OSError when it can't be put there.
        """
        path = self._folder / segment.name
        try:
            data = path.read_bytes()
        except OSError as error:
            _log.error("the spool's segment %s can't be read (%s) and goes to quarantine", path, error)
            self._quarantine.mkdir(mode=0o700, exist_ok=True)
            path.rename(self._quarantine / segment.name)
            return []
        records: list[NewRecord] = []
        for found in read(segment.mark, data):
            if not isinstance(found, Gap):
                records.append(found)
            elif found.is_torn and found.start >= segment.size_bytes:
                _log.info("%s ends in %d bytes of a record nobody was told of", path, found.end - found.start)
            elif found.is_torn and self._is_left(segment):
                _log.warning("%s ends in %d bytes that are no record: a crash", path, found.end - found.start)
            else:
                self.put_aside(segment, found.start, data[found.start : found.end], "is damaged")
        return records

    def put_aside(self, segment: Segment, at: int, data: bytes, reason: str) -> None:
        """Keep bytes of a segment that can't be used, durably."""
        self._quarantine.mkdir(mode=0o700, exist_ok=True)
        path = self._quarantine / f"{segment.name}.{at}"
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _log.error("the spool %s at %s: %d bytes are in quarantine, %s", reason, segment.name, len(data), path)

    def remove(self, segment: Segment) -> None:
        """Delete a segment. One that a power cut brings back is read again, which does no harm."""
        (self._folder / segment.name).unlink(missing_ok=True)
        self.all.remove(segment)

    def close(self) -> None:
        """Finish, and let another process have the folder."""
        self.finish()
        self._lock.close()

    def _found(self) -> list[Segment]:
        paths = sorted(self._folder.iterdir())
        return [
            Segment(int(match[1]), bytes.fromhex(match[2]), path.stat().st_size)
            for path in paths
            if (match := _NAME.fullmatch(path.name))
        ]

    def _is_left(self, segment: Segment) -> bool:
        """Say whether another process wrote it, so that nobody knows how much of it was durable."""
        return segment.number in self._left

    def _begin(self) -> None:
        number = self.all[-1].number + 1 if self.all else 1
        segment = Segment(number, secrets.token_bytes(MARK_BYTES), 0)
        path = self._folder / segment.name
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.all.append(segment)
        try:
            _sync_folder(self._folder)
        except OSError:
            self._let_go()
            raise

    def _abandon(self, segment: Segment) -> None:
        """Leave the segment with what is durable in it. Its file is not trusted with more: after a failed fsync the
        system may have dropped what was written before.
        """
        with suppress(OSError):
            os.ftruncate(self._descriptor, segment.size_bytes)
        self._let_go()

    def _let_go(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
