"""A recorded stream in a file: frames of the events topic with their places, for replays without the log.

Layout, big-endian: magic "CQAR" | version u8 | partitions u16, then for each record, in its partition's order:
partition u16 | offset u64 | timestamp_ms u64 | length u32 | frame.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import IO

from infra.offline.sources import TimeRange
from streams.log import topics
from streams.model.errors import ConfigurationError
from streams.ports import LogRecord

VERSION = 1
_MAGIC = b"CQAR"
_FILE = Struct(">4sBH")
_RECORD = Struct(">HQQI")
_READ_RECORDS = 500


class ArchiveWriter:
    """Appends records to one file."""

    def __init__(self, file: IO[bytes], partitions: int) -> None:
        self._file = file
        self.records = 0
        file.write(_FILE.pack(_MAGIC, VERSION, partitions))

    def write(self, record: LogRecord) -> None:
        """Append a record of the events topic."""
        value = record.value or b""
        self._file.write(_RECORD.pack(record.partition, record.offset, record.timestamp_ms, len(value)))
        self._file.write(value)
        self.records += 1


class ArchiveSource:
    """Archives, one after the other in order of their names. Holds where each record stands, not the records."""

    def __init__(self, paths: Sequence[Path], time: TimeRange | None = None) -> None:
        """Raises ConfigurationError for a file that is no archive or is cut off, and when there is none."""
        if not paths:
            raise ConfigurationError("--archive", "no file has such a name", "Give a pattern such as 'archive/*.cqar'")
        self._time = time or TimeRange()
        self._files: list[IO[bytes]] = []
        self._places: dict[int, list[tuple[int, int]]] = {}
        self._next: dict[int, int] = {}
        self.partitions = 0
        try:
            for number, path in enumerate(sorted(paths)):
                self._files.append(path.open("rb"))
                self._index(number, self._files[-1])
        except OSError as error:
            self.close()
            problem = f"{error.filename} can't be read: {error.strerror}"
            raise ConfigurationError("--archive", problem, "Give a pattern of readable files") from None
        except ConfigurationError:
            self.close()
            raise

    async def read(self, partition: int) -> list[LogRecord]:
        """Return the partition's next records; empty at the end."""
        places = self._places.get(partition, [])
        first = self._next.get(partition, 0)
        self._next[partition] = first + _READ_RECORDS
        return [self._at(*place) for place in places[first : first + _READ_RECORDS]]

    def records(self) -> Iterator[LogRecord]:
        """Yield all records, in the order in which they stand."""
        for number, at in sorted(place for places in self._places.values() for place in places):
            yield self._at(number, at)

    def close(self) -> None:
        """Let the files go."""
        for file in self._files:
            file.close()

    def _index(self, number: int, file: IO[bytes]) -> None:
        head = file.read(_FILE.size)
        magic, version, partitions = _FILE.unpack(head) if len(head) == _FILE.size else (head, 0, 0)
        if magic != _MAGIC or version != VERSION or not partitions:
            problem, remedy = (
                f"{file.name} is no archive of version {VERSION}",
                "Name only what --save-archive has written",
            )
            raise ConfigurationError("--archive", problem, remedy)
        if self.partitions not in (0, partitions):
            problem = f"{file.name} is of {partitions} partitions, the archives before it of {self.partitions}"
            raise ConfigurationError("--archive", problem, "Replay those of each log by themselves")
        self.partitions = partitions
        at, end = _FILE.size, file.seek(0, 2)
        while at < end:
            file.seek(at)
            head = file.read(_RECORD.size)
            if len(head) < _RECORD.size or at + _RECORD.size + _RECORD.unpack(head)[3] > end:
                remedy = "Copy or save it again, or leave it out"
                raise ConfigurationError("--archive", f"{file.name} is cut off at byte {at}", remedy)
            partition, offset, at_ms, size = _RECORD.unpack(head)
            if self._time.has(LogRecord(topics.EVENTS, partition, offset, None, None, at_ms)):
                self._places.setdefault(partition, []).append((number, at))
            at += _RECORD.size + size

    def _at(self, number: int, at: int) -> LogRecord:
        file = self._files[number]
        file.seek(at)
        partition, offset, at_ms, size = _RECORD.unpack(file.read(_RECORD.size))
        return LogRecord(topics.EVENTS, partition, offset, None, file.read(size), at_ms)
