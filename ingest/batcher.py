"""Events become durable frames. Requests that arrive together share one append; none is told "yes" before it is done.

It never drops: what does not fit is refused with LogFullError before anything is taken. No source takes all the room.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from ingest.intake import SPOOLED
from ingest.recent_ids import RecentIds, digests_of
from ingest.settings import IngestSettings
from ingest.tallies import Tallies, Tally
from streams.frames import join_events, pack_event
from streams.log.topics import EVENTS
from streams.model.errors import LogClosedError, LogFullError
from streams.model.events import Event
from streams.model.ids import partition_for
from streams.ports import AppendsRecords, Clock, NewRecord

_log = logging.getLogger(__name__)

Done = Callable[[Exception | None], None]
"""Is told once: None when the events are durable, else why they are not, as LogFullError or LogClosedError."""


@dataclass(slots=True)
class BatcherCounts:
    """Events since start: accepted = appended + spooled + failed + what is pending now; rejected were never taken, and
    repeats left out are in none of these. `batches` counts appends, `frames` the log records they wrote. `unframed`
    must be 0: events that went into an append and were not in its frames.
    """

    accepted: int = 0
    appended: int = 0
    spooled: int = 0
    rejected: int = 0
    failed: int = 0
    batches: int = 0
    frames: int = 0
    unframed: int = 0


class _Put:
    """The events of one caller, each as (partition, packed), of which `done` is told. `source` is whose they are, `ids`
    what tells each apart.
    """

    __slots__ = ("done", "events", "ids", "size_bytes", "source", "tally")

    def __init__(self, events: Sequence[Event], ids: Sequence[int], partitions: int, tally: Tally, done: Done) -> None:
        self.events = [(partition_for(one.workspace, one.profile, partitions), pack_event(one)) for one in events]
        self.ids = ids
        self.source = events[0].source
        self.tally = tally
        self.size_bytes = sum([len(packed) for _, packed in self.events])
        self.done = done


def _tell(put: _Put, error: Exception | None) -> None:
    try:
        put.done(error)
    except Exception:  # noqa: BLE001  the others, who share the append, have a right to be told
        _log.exception("a caller of source %s could not be told what became of its events", put.source)


class Batcher:
    """Packs events into frames and appends them, one append at a time, in the order of arrival."""

    def __init__(self, log: AppendsRecords, clock: Clock, settings: IngestSettings) -> None:
        self.log = log
        self.counts = BatcherCounts()
        self.tallies = Tallies()
        self.pending_bytes = 0
        self._held_bytes: Counter[str] = Counter()
        self._recent = RecentIds(settings.recent_ids)
        self._appending: Sequence[_Put] = ()
        self._clock = clock
        self._settings = settings
        # Asked for each put, and Pydantic takes its time to tell them.
        self._max_pending_bytes, self._max_frame_bytes = settings.max_pending_bytes, settings.max_frame_bytes
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

    def drift(self) -> dict[str, int]:
        """Return by source the events that were accepted and that nothing became of; a fault here if there are any."""
        under_way: Counter[str] = Counter()
        for put in (*self._waiting, *self._appending):
            under_way[put.source] += len(put.events)
        drift = self.tallies.drift(under_way)
        return drift | {"(frames)": self.counts.unframed} if self.counts.unframed else drift

    async def put(self, events: Sequence[Event]) -> None:
        """Return once all the events are durable, but for those that were just before. They are of one source.

        Raises LogFullError when too much is waiting or the log is full, LogClosedError when not running or it failed.
        """
        waiter = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if waiter.done():
                return  # its caller went away; the events stay
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

        self.put_soon(events, done)
        await waiter

    def put_soon(self, events: Sequence[Event], done: Done) -> None:
        """As `put`, without waiting. Raises, and tells `done` nothing, what is known at once."""
        if not events:
            done(None)
            return
        tally = self.tallies.of(events[0].source)
        if self._closing or self._loop is None or self._loop.done():
            self.counts.rejected += len(events)
            tally.refused += len(events)
            raise LogClosedError("ingest is not running")
        ids = digests_of(events)
        if self._recent.has_any(ids):
            fresh = [(event, one) for event, one in zip(events, ids, strict=True) if one not in self._recent]
            tally.accepted += len(events) - len(fresh)
            tally.duplicate += len(events) - len(fresh)
            if not fresh:
                done(None)
                return
            events, ids = [event for event, _ in fresh], [one for _, one in fresh]
        put = _Put(events, ids, self._partitions, tally, done)
        self._make_room(put)
        self.counts.accepted += len(events)
        tally.accepted += len(events)
        self.pending_bytes += put.size_bytes
        self._held_bytes[put.source] += put.size_bytes
        self._waiting.append(put)
        self._arrived.set()
        if self.pending_bytes >= self._max_frame_bytes:
            self._enough.set()

    def _make_room(self, put: _Put) -> None:
        """Raise LogFullError unless what is left has room for it, and for all that its source has waiting once more: so
        there is room for a quiet source however many flood the door.
        """
        held, left = self._held_bytes[put.source], self._max_pending_bytes - self.pending_bytes
        if held + put.size_bytes <= left:
            return
        whose = f", {held} of them of the source" if held else ""
        problem = f"{self.pending_bytes} bytes of events already wait for the log{whose}"
        self.counts.rejected += len(put.events)
        self.tallies.of(put.source).refused += len(put.events)
        raise LogFullError(problem, self._settings.retry_after_s)

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
        if self.pending_bytes <= self._settings.max_append_bytes:
            puts = list(self._waiting)
            self._waiting.clear()
            return puts
        puts = [self._waiting.popleft()]
        size_bytes = puts[0].size_bytes
        while self._waiting and size_bytes + self._waiting[0].size_bytes <= self._settings.max_append_bytes:
            puts.append(self._waiting.popleft())
            size_bytes += puts[-1].size_bytes
        return puts

    async def _append(self, puts: list[_Put]) -> None:
        events = sum(len(put.events) for put in puts)
        self._appending = puts
        try:
            records, framed = self._records(puts)
            offsets = await self.log.append(records)
        except BaseException as error:
            self._finish(puts, error)
            if not isinstance(error, LogFullError):
                raise
            _log.warning("the log refused %d events: %s", events, error)
            return
        self._finish(puts, None, is_spooled=offsets[0] == SPOOLED)
        self.counts.batches += 1
        self.counts.frames += len(records)
        self.counts.unframed += events - framed

    def _records(self, puts: list[_Put]) -> tuple[list[NewRecord], int]:
        """Return the frames as records, and how many events are in them."""
        now_ms = self._clock.now_ms()
        most_events, most_bytes = self._settings.max_frame_events, self._max_frame_bytes
        frames: list[tuple[int, list[bytes]]] = []
        newest: dict[int, tuple[list[bytes], int]] = {}
        for put in puts:
            for partition, packed in put.events:
                frame, frame_bytes = newest.get(partition, (None, 0))
                if frame is None or len(frame) >= most_events or frame_bytes + len(packed) > most_bytes:
                    frame, frame_bytes = [], 0
                    frames.append((partition, frame))
                frame.append(packed)
                newest[partition] = (frame, frame_bytes + len(packed))
        records = [NewRecord(EVENTS, number, None, join_events(frame, now_ms), now_ms) for number, frame in frames]
        return records, sum(len(frame) for _, frame in frames)

    def _finish(self, puts: list[_Put], error: BaseException | None, *, is_spooled: bool = False) -> None:
        self._appending = ()
        self._settle(puts, error, is_spooled=is_spooled)
        if error is not None and not isinstance(error, LogFullError | LogClosedError):
            error = LogClosedError(f"the append failed: {error!r}")
        for put in puts:
            _tell(put, error)

    def _settle(self, puts: list[_Put], error: BaseException | None, *, is_spooled: bool) -> None:
        outcome = "failed" if error is not None else "spooled" if is_spooled else "appended"
        held, events, size_bytes = self._held_bytes, 0, 0
        for put in puts:
            size_bytes += put.size_bytes
            held[put.source] -= put.size_bytes
            if not held[put.source]:
                del held[put.source]
            count, tally = len(put.events), put.tally
            events += count
            setattr(tally, outcome, getattr(tally, outcome) + count)
        self.pending_bytes -= size_bytes
        setattr(self.counts, outcome, getattr(self.counts, outcome) + events)
        if error is None:
            self._recent.add_all(chain.from_iterable([put.ids for put in puts]))

    def _fail_waiting(self) -> None:
        left = list(self._waiting)
        self._waiting.clear()
        self._finish(left, LogClosedError("ingest stopped"))
