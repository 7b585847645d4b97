"""Events become durable frames. Requests that arrive together share one append; none is told "yes" before it is done.

It never drops: what does not fit is refused with LogFullError before anything is taken.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec

from ingest.settings import IngestSettings
from streams.frames import encode_events
from streams.log.topics import EVENTS
from streams.model.errors import LogClosedError, LogFullError
from streams.model.events import Event
from streams.model.ids import partition_for
from streams.ports import Clock, EventLog, NewRecord

_log = logging.getLogger(__name__)
_size_of = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class BatcherCounts:
    """Events since start: accepted = appended + failed + what is pending now; rejected were never taken.

    `batches` counts appends, `frames` the log records they wrote.
    """

    accepted: int = 0
    appended: int = 0
    rejected: int = 0
    failed: int = 0
    batches: int = 0
    frames: int = 0


class _Put:
    """The events of one caller, who waits on `done`."""

    __slots__ = ("done", "events", "size_bytes", "sizes")

    def __init__(self, events: Sequence[Event], done: asyncio.Future[None]) -> None:
        self.events = events
        self.sizes = [len(_size_of(event)) for event in events]
        self.size_bytes = sum(self.sizes)
        self.done = done


class Batcher:
    """Packs events into frames and appends them, one append at a time, in the order of arrival."""

    def __init__(self, log: EventLog, clock: Clock, settings: IngestSettings) -> None:
        self.counts = BatcherCounts()
        self.pending_bytes = 0
        self._log = log
        self._clock = clock
        self._settings = settings
        self._partitions = log.partitions(EVENTS)
        self._waiting: deque[_Put] = deque()
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        self._closing = False
        self._loop = asyncio.create_task(self._run(), name="ingest batcher")

    async def stop(self) -> None:
        """Refuse new events, append what is waiting, and end. What killed the loop earlier is join's to tell."""
        self._closing = True
        self._arrived.set()
        self._enough.set()
        if self._loop is not None and not self._loop.done():
            await self._loop

    async def join(self) -> None:
        """Wait until the loop ends; raises what it died of, for a supervisor to act on."""
        if self._loop is not None:
            await asyncio.shield(self._loop)

    def snapshot(self) -> dict[str, int]:
        return asdict(self.counts) | {"pending_bytes": self.pending_bytes}

    async def put(self, events: Sequence[Event]) -> None:
        """Return once all the events are durable.

        Raises LogFullError when too much is waiting, LogClosedError when not running, else what the append raised.
        """
        if not events:
            return
        if self._closing or self._loop is None or self._loop.done():
            self.counts.rejected += len(events)
            raise LogClosedError("ingest is not running")
        put = _Put(events, asyncio.get_running_loop().create_future())
        if self.pending_bytes + put.size_bytes > self._settings.max_pending_bytes:
            self.counts.rejected += len(events)
            raise LogFullError(
                f"{self.pending_bytes} bytes of events already wait for the log", self._settings.retry_after_s
            )
        self.counts.accepted += len(events)
        self.pending_bytes += put.size_bytes
        self._waiting.append(put)
        self._arrived.set()
        if self.pending_bytes >= self._settings.max_frame_bytes:
            self._enough.set()
        await put.done

    async def _run(self) -> None:
        try:
            while True:
                if not self._waiting:
                    if self._closing:
                        return
                    self._arrived.clear()
                    await self._arrived.wait()
                    await self._linger()
                    continue
                # While an append is in flight others arrive: the next one takes them all, without lingering.
                await self._append(self._take())
        finally:
            self._fail_waiting()

    async def _linger(self) -> None:
        self._enough.clear()
        if self._settings.linger_ms and not self._closing:
            try:
                await asyncio.wait_for(self._enough.wait(), self._settings.linger_ms / 1000)
            except TimeoutError:
                return

    def _take(self) -> list[_Put]:
        puts = [self._waiting.popleft()]
        size_bytes = puts[0].size_bytes
        while self._waiting and size_bytes + self._waiting[0].size_bytes <= self._settings.max_append_bytes:
            puts.append(self._waiting.popleft())
            size_bytes += puts[-1].size_bytes
        return puts

    async def _append(self, puts: list[_Put]) -> None:
        events = sum(len(put.events) for put in puts)
        try:
            records = self._records(puts)
            await self._log.append(records)
        except BaseException as error:
            self._finish(puts, error)
            self.counts.failed += events
            if not isinstance(error, LogFullError):
                raise
            _log.warning("the log refused %d events: %s", events, error)
            return
        self._finish(puts, None)
        self.counts.appended += events
        self.counts.batches += 1
        self.counts.frames += len(records)

    def _records(self, puts: list[_Put]) -> list[NewRecord]:
        now_ms = self._clock.now_ms()
        settings = self._settings
        frames: list[tuple[int, list[Event]]] = []
        newest: dict[int, tuple[list[Event], int]] = {}
        for put in puts:
            for event, size_bytes in zip(put.events, put.sizes, strict=True):
                partition = partition_for(event.workspace, event.profile, self._partitions)
                frame, frame_bytes = newest.get(partition, (None, 0))
                if (
                    frame is None
                    or len(frame) >= settings.max_frame_events
                    or frame_bytes + size_bytes > settings.max_frame_bytes
                ):
                    frame, frame_bytes = [], 0
                    frames.append((partition, frame))
                frame.append(event)
                newest[partition] = (frame, frame_bytes + size_bytes)
        return [NewRecord(EVENTS, partition, None, encode_events(frame, now_ms), now_ms) for partition, frame in frames]

    def _finish(self, puts: list[_Put], error: BaseException | None) -> None:
        for put in puts:
            self.pending_bytes -= put.size_bytes
            if put.done.done():
                continue  # its caller went away; the events stay
            if error is None:
                put.done.set_result(None)
            elif isinstance(error, LogFullError | LogClosedError):
                put.done.set_exception(error)
            else:
                put.done.set_exception(LogClosedError(f"the append failed: {error!r}"))

    def _fail_waiting(self) -> None:
        left = list(self._waiting)
        self._waiting.clear()
        self.counts.failed += sum(len(put.events) for put in left)
        self._finish(left, LogClosedError("ingest stopped"))
