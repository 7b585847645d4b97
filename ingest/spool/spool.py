"""The spool: where records wait, on disk and in order, while the log is away. Writes share an fsync, off the loop."""

import asyncio
import errno
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ingest.spool.segments import Segment, Segments
from streams.model.errors import LogClosedError, LogFullError
from streams.ports import NewRecord

_log = logging.getLogger(__name__)
_FULL_RETRY_S = 10.0
_RECORD_BYTES = 64
T = TypeVar("T")

_Put = tuple[Sequence[NewRecord], "asyncio.Future[None]"]


class Spool:
    """Segments of a folder, for one loop. Open with `open`."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int) -> None:
        self.folder = folder
        self.written = 0
        """Records since start; so are the next three. Those found at the start are counted as they are loaded."""
        self.found = 0
        self.drained = 0
        self.quarantined = 0
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._segments: Segments | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._waiting: list[_Put] = []
        self._waiting_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._left: set[int] = set()

    def open(self) -> "Spool":
        """Take the folder, and see what was left in it. Raises ConfigurationError."""
        self._segments = Segments(self.folder, self._segment_bytes)
        self._left = {segment.number for segment in self._segments.all}
        if self._segments.all:
            _log.warning("%d bytes wait in the spool %s and go to the log first", self.size_bytes, self.folder)
        return self

    @property
    def size_bytes(self) -> int:
        """What lies in the folder or is about to."""
        return self._opened().size_bytes + self._waiting_bytes

    @property
    def is_empty(self) -> bool:
        return not (self._waiting or self._flushing or self._opened().all)

    def quarantine(self) -> tuple[int, int]:
        """Return how many files lie in quarantine, and their bytes."""
        return self._opened().quarantined()

    async def write(self, records: Sequence[NewRecord]) -> None:
        """Return once the records are on disk, behind all that were handed in before.

        Raises LogFullError, with none of them taken, when the spool or its disk is full.
        """
        size = sum(len(record.value or b"") + len(record.key or b"") + _RECORD_BYTES for record in records)
        if self.size_bytes + size > self._max_bytes:
            raise LogFullError(f"the spool holds {self.size_bytes} bytes, and at most {self._max_bytes}", _FULL_RETRY_S)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        self._waiting_bytes += size
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name="spool")
        await done

    async def oldest(self) -> tuple[Segment, list[NewRecord]] | None:
        """Return the segment to drain next with its records, None when nothing is left. Raises OSError.

        The segment is no longer written to.
        """
        loaded = await self._in_thread(_load_oldest)
        if loaded is not None and loaded[0].number in self._left:
            self._left.discard(loaded[0].number)
            self.found += len(loaded[1])
        return loaded

    async def put_aside(self, segment: Segment, records: Sequence[NewRecord], reason: str) -> None:
        """Keep records that the log can't take in quarantine. Raises OSError."""
        for at, record in enumerate(records):
            await self._in_thread(_putting_aside(segment, at, record, reason))
        self.quarantined += len(records)

    async def remove(self, segment: Segment) -> None:
        """Delete a segment whose records are durable in the log. Raises OSError."""
        await self._in_thread(lambda segments: segments.remove(segment))

    async def close(self) -> None:
        """Finish what was handed in, and let another process have the folder."""
        if self._segments is None:
            return
        if self._flushing is not None:
            await self._flushing
        await self._in_thread(Segments.close)
        self._segments = None
        self._pool.shutdown()

    async def _flush(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                self._waiting_bytes = 0
                await self._flush_group(group)
        finally:
            self._flushing = None

    async def _flush_group(self, group: list[_Put]) -> None:
        records = [record for put, _ in group for record in put]
        told: Exception | None = None
        try:
            await self._in_thread(lambda segments: segments.write(records))
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            told = LogFullError(f"the spool can't be written: {error}", _FULL_RETRY_S)
            if not (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
                _log.exception("the spool %s can't be written", self.folder)
        else:
            self.written += len(records)
        for _, done in group:
            if not done.done():
                done.set_result(None) if told is None else done.set_exception(told)

    async def _in_thread(self, work: Callable[[Segments], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, self._opened())

    def _opened(self) -> Segments:
        if self._segments is None:
            raise LogClosedError(f"the spool {self.folder} is not open")
        return self._segments


def _load_oldest(segments: Segments) -> tuple[Segment, list[NewRecord]] | None:
    if len(segments.all) == 1:
        segments.finish()
    return (segments.all[0], segments.load(segments.all[0])) if segments.all else None


def _putting_aside(segment: Segment, at: int, record: NewRecord, reason: str) -> Callable[[Segments], None]:
    return lambda segments: segments.put_aside(segment, at, record.value or b"", reason)
