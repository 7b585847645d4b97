"""StateCopy: a partition's state topic by key, up to an offset of it. Here in memory; on disk: local_copy.py."""

from collections.abc import Iterable, Iterator
from typing import Protocol


class StateCopy(Protocol):
    """A cache of the state topic: losing it costs a restart's time, never data."""

    def offset(self) -> int:
        """Return the next offset of the state topic to read; 0 when empty."""
        ...

    def saved_at_ms(self) -> int:
        """Return when it was last written, 0 when never."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """Return the value, or None."""
        ...

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, saved_at_ms: int) -> None:
        """Store changes (None deletes) and the offset, all or nothing."""
        ...

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the records whose key starts with `prefix`, by key."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def purge(self) -> None:
        """Leave no trace on disk of what was deleted or replaced. Takes a while: not for the loop's thread."""
        ...


class MemoryCopy:
    """A StateCopy in a dict."""

    def __init__(self) -> None:
        self._records: dict[bytes, bytes] = {}
        self._offset = 0
        self._saved_at_ms = 0

    def offset(self) -> int:
        """Return the next offset of the state topic to read."""
        return self._offset

    def saved_at_ms(self) -> int:
        """Return when it was last written."""
        return self._saved_at_ms

    def get(self, key: bytes) -> bytes | None:
        """Return the value, or None."""
        return self._records.get(key)

    def write(self, changes: Iterable[tuple[bytes, bytes | None]], offset: int, saved_at_ms: int) -> None:
        """Store changes and offset."""
        for key, value in changes:
            if value is None:
                self._records.pop(key, None)
            else:
                self._records[key] = value
        self._offset, self._saved_at_ms = offset, saved_at_ms

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the records whose key starts with `prefix`, by key."""
        for key in sorted(k for k in self._records if k.startswith(prefix)):
            yield key, self._records[key]

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._offset = self._saved_at_ms = 0

    def purge(self) -> None:
        """Memory keeps no traces."""
