"""LocalCopy: what a process knows of its state partitions, on local disk, so that a restart reads only what came since.

A cache of the state topic: deleting it costs time, never data. One RocksDB with one column family and no write-ahead
log. Memtables reach the disk whole and in the order they were filled, so after a crash the copy is what it was after
some earlier `write`, with the offset that belongs to it.
"""

import logging
import shutil
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rocksdict import DbClosedError, Rdict, WriteBatch

from streams.folder_lock import lock_folder
from streams.model.errors import ConfigurationError, LocalCopyError
from streams.state.rocks import is_behind, open_rocks, rewriting, scanning, unlogged

logger = logging.getLogger(__name__)

_LAYOUT = 1
_SETTING = "local copy of the state"
_OTHER = "another process"
_REMEDY = "Stop that one or give another folder"
_PREFIX_BYTES = 2
_MAX_PARTITION = 0xFFFE
_META_PREFIX = b"\xff\xff"
_meta = struct.Struct(">QQ")
_PAUSE_S = 0.001
_MAX_PAUSES = 10_000
_DAMAGE = ("Corruption", "No such file")


class LocalCopy:
    """The copies of all partitions of one process. Make it with `open()`; end every scan before `close()`."""

    def __init__(self, folder: "_Folder", db: Rdict) -> None:
        self._folder = folder
        self._db = db
        self._partitions: dict[int, PartitionCopy] = {}

    @classmethod
    def open(cls, path: Path, *, cache_bytes: int, source: str = "") -> "LocalCopy":
        """Open or create the copy in the folder `path`. Raises ConfigurationError when the folder can't be used.

        `source` says what it is a copy of, such as the log's id: a copy of something else is dropped, as is a damaged
        one. `cache_bytes` bounds blocks and memtables together.
        """
        folder = _Folder(path)
        try:
            return cls(folder, folder.open_database(cache_bytes, f"{_LAYOUT}\n{source}"))
        except BaseException:
            folder.release()
            raise

    def partition(self, number: int) -> "PartitionCopy":
        """Return the copy of one partition; the same object each time. Raises LocalCopyError, ValueError."""
        if number not in self._partitions:
            self._partitions[number] = PartitionCopy(self._folder, self._db, number)
        return self._partitions[number]

    def close(self) -> None:
        """Write out what is in memory and let another process have the folder. Raises LocalCopyError."""
        try:
            self._db.close()
        except DbClosedError:
            return
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error
        finally:
            self._folder.release()


class PartitionCopy:
    """A copy of one partition of the compacted state topic. One writer at a time; readers may be other threads.

    Every method raises LocalCopyError when the disk fails or its files are damaged.
    """

    def __init__(self, folder: "_Folder", db: Rdict, number: int) -> None:
        if not 0 <= number <= _MAX_PARTITION:
            raise ValueError(f"partition {number}: must be between 0 and {_MAX_PARTITION}")
        self._folder = folder
        self._db = db
        self._prefix = number.to_bytes(_PREFIX_BYTES, "big")
        self._meta_key = _META_PREFIX + self._prefix
        self._unlogged = unlogged()
        meta = self._read(self._meta_key)
        self._offset: int
        self._saved_at_ms: int
        self._offset, self._saved_at_ms = _meta.unpack(meta) if meta else (0, 0)

    def offset(self) -> int:
        """Return the offset of the state topic to read on from: 0 when the copy is empty."""
        return self._offset

    def saved_at_ms(self) -> int:
        """Return the time given to the last `write`; 0 when the copy is empty."""
        return self._saved_at_ms

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`."""
        return self._read(self._prefix + key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the value of each key, in their order; other threads run meanwhile."""
        prefix = self._prefix
        try:
            found: list[bytes | None] = self._db.get([prefix + key for key in keys])  # type: ignore[assignment]
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error
        return found

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, saved_at_ms: int) -> None:
        """Apply the changes in their order (None deletes) and move to `offset`, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        prefix = self._prefix
        for key, value in changes:
            if value is None:
                del batch[prefix + key]
            else:
                batch[prefix + key] = value
        batch[self._meta_key] = _meta.pack(offset, saved_at_ms)
        self._commit(batch)
        self._offset, self._saved_at_ms = offset, saved_at_ms

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield all records whose keys start with `prefix`, as they are at the first step, in order of their keys."""
        last = self._prefix + prefix
        options = scanning(_end_of(last))
        try:
            records: Iterator[tuple[bytes, bytes]] = self._db.items(from_key=last, read_opt=options)  # type: ignore[assignment]  # raw mode
            for key, value in records:
                last = key
                yield key[_PREFIX_BYTES:], value
            # The iterator also ends where it can't read on; asking again for what follows tells.
            rest = self._db.iter(options)
            rest.seek(last)
            if rest.valid():
                rest.next()
            rest.status()
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error

    def clear(self) -> None:
        """Forget all of this partition; its disk space comes back as compaction goes on."""
        if self._read(self._meta_key) is None:
            return
        batch = WriteBatch(raw_mode=True)
        batch.delete_range(self._prefix, _end_of(self._prefix))
        del batch[self._meta_key]
        self._commit(batch)
        self._offset = self._saved_at_ms = 0

    def purge(self) -> None:
        """Leave no trace on disk of what was deleted or replaced: its tables are written anew."""
        try:
            self._db.flush()
            # Of the whole partition: RocksDB's own log tells the keys that are asked for.
            self._db.compact_range(self._prefix, _end_of(self._prefix), rewriting())
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error

    def _read(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error
        return value

    def _commit(self, batch: WriteBatch) -> None:
        try:
            self._wait_for_room()
            self._db.write(batch, self._unlogged)
        except Exception as error:  # rocksdict knows no narrower type
            raise self._folder.fault(error) from error

    def _wait_for_room(self) -> None:
        """Let other threads run while memtables are written out; RocksDB would wait with the interpreter held."""
        for _ in range(_MAX_PAUSES):
            if not is_behind(self._db):
                return
            time.sleep(_PAUSE_S)


class _Folder:
    """The folder of a copy: its lock, the database, and a stamp without which the database is not trusted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = path / "db"
        self._stamp = path / "copy-of"
        self._lock = lock_folder(path, _SETTING, _OTHER, _REMEDY)

    def open_database(self, cache_bytes: int, stamp: str) -> Rdict:
        """Open the database, empty when it isn't stamped so or can't be opened. Raises ConfigurationError."""
        try:
            if self._read_stamp() != stamp:
                self._start_empty(stamp, "it is damaged or a copy of something else")
            try:
                return open_rocks(self._database, cache_bytes)
            except Exception as error:
                if "/LOCK: " in str(error):
                    raise self._refusal(f"is in use by {_OTHER}", _REMEDY) from error
                self._start_empty(stamp, str(error))
                return open_rocks(self._database, cache_bytes)
        except ConfigurationError:
            raise
        except Exception as error:
            raise self._refusal(f"can't be opened: {error}", "Free disk space or give another folder") from error

    def fault(self, error: Exception) -> LocalCopyError:
        """Return the error to raise; a copy found damaged is dropped at the next start."""
        text = str(error)
        if any(sign in text for sign in _DAMAGE):
            self._stamp.unlink(missing_ok=True)
            text += "; it is read anew from the log at the next start"
        return LocalCopyError(f"{_SETTING} in {self._path}: {text}")

    def release(self) -> None:
        """Let another process have the folder."""
        self._lock.close()

    def _read_stamp(self) -> str:
        try:
            return self._stamp.read_text()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""

    def _start_empty(self, stamp: str, reason: str) -> None:
        if self._database.exists():
            logger.warning("the %s in %s starts empty: %s", _SETTING, self._path, reason)
            shutil.rmtree(self._database)
        self._stamp.write_text(stamp)

    def _refusal(self, problem: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(_SETTING, f"{self._path} {problem}", remedy)


def _end_of(prefix: bytes) -> bytes:
    """Return the least key that is greater than all that start with `prefix`, which is not all 0xff."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1])
