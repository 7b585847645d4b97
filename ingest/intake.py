"""The door's way to the log. While the log is away records go to the spool, in order, and from there to the log.

Nothing overtakes: as long as one record of any partition lies in the spool, all that come after it go there too, ticks
wait, and a small rest is handed over while appends are held back for a moment. An append whose end is not known is
spooled as well, so a record may reach the log twice; the engine drops the repeat by its message ids.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from ingest.disk import DiskWatch
from ingest.settings import IngestSettings
from ingest.spool.segments import Segment
from ingest.spool.spool import Spool
from streams.frames import SAYS_NOTHING
from streams.log.topics import EVENTS, TOPICS
from streams.model.errors import CampaignIqError, LogFullError
from streams.ports import READY, AppendsRecords, Clock, NewRecord

_log = logging.getLogger(__name__)

SPOOLED = -1
"""Stands for the offset of a record that is in the spool."""
LATE_S = 5.0
"""For so long after it is due a tick may not be taken before the log is called away; readiness turns within 10 s."""
IDLE_S = 2.0
"""After so long without an append the log is asked whether it still takes one."""
LOOK_S = 1.0


def _all_of_it(record: NewRecord) -> NewRecord:
    return record


class IntakeLog:
    """An append that ends in the log or in the spool; without a spool, in the log. `passing` are the faults of an
    outage. Spawn `run`; use in one loop.
    """

    def __init__(
        self,
        log: AppendsRecords,
        clock: Clock,
        settings: IngestSettings,
        spool: Spool | None = None,
        disk: DiskWatch | None = None,
        passing: tuple[type[Exception], ...] = (LogFullError,),
        max_record_bytes: int = 8 << 20,
        tick_interval_ms: int = 1_000,
        wanted: Callable[[NewRecord], NewRecord] = _all_of_it,
    ) -> None:
        """`wanted` returns what is still wanted of a record that has lain in the spool."""
        self.spool = spool
        self.disk = disk
        self.partitions = log.partitions
        self._log = log
        self._clock = clock
        self._settings = settings
        self._passing = passing
        self._max_record_bytes = max_record_bytes
        self._wanted = wanted
        self._late_s = tick_interval_ms / 1000 + LATE_S
        self._is_direct = spool is None or spool.is_empty
        self._is_back = False
        """While spooling: the log has taken the last of what was drained."""
        self._gate = asyncio.Event()
        self._gate.set()
        self._trouble = asyncio.Event()
        self._unsettled: set[asyncio.Task[list[int]]] = set()
        self._sent: tuple[Segment | None, int] = (None, 0)
        """Up to where a segment is in the log by now."""
        self._cleared: Segment | None = None
        """The segment whose strange records are in quarantine by now."""
        self._took_at_s = self._away_since_s = self._now_s()

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append and return the offsets, SPOOLED for each when they went to the spool; durable either way.

        Raises LogFullError, with nothing kept, when neither has room, and what the log refuses for good.
        """
        if self.spool is None:
            self._spend(records)
            offsets = await self._log.append(records)
            self._note_taken(records)
            return offsets
        await self._gate.wait()
        if self._is_direct and (taken := await self._append_in_time(records)) is not None:
            return taken
        if any(len(record.value or b"") + len(record.key or b"") > self._max_record_bytes for record in records):
            raise CampaignIqError(f"a record is larger than log.max_record_bytes ({self._max_record_bytes})")
        self._spend(records)
        await self.spool.write(records)
        return [SPOOLED] * len(records)

    async def append_ticks(self, records: Sequence[NewRecord]) -> list[int]:
        """Append ticks, which must not overtake what is spooled: they would close windows on events still to come."""
        if not self._is_direct:
            raise LogFullError("events in the spool come first", LOOK_S)
        taken = await self._append_in_time(records) if self.spool else await self._log.append(records)
        if taken is None:
            raise LogFullError("the log is away", LOOK_S)
        self._note_taken(records)
        return taken

    def refusal(self) -> LogFullError | None:
        """Return why nothing can be taken now, if so; for asking before a body is read."""
        disk = self.disk
        if disk is None or not disk.is_low or (self.spool is not None and self._is_direct):
            return None
        return LogFullError(f"the disk has {disk.free_bytes} bytes left", retry_after_s=10.0)

    def state(self) -> str:
        """Return "ready", or what is the matter with the log."""
        if not self._is_direct:
            assert self.spool is not None
            waiting = f"{self.spool.size_bytes} bytes in the spool"
            if self._is_back:
                return f"is back; {waiting} go there first"
            return f"away for {self._now_s() - self._away_since_s:.0f} s; events are taken, {waiting}"
        silent_s = self._now_s() - self._took_at_s
        return READY if silent_s <= self._late_s else f"has taken no record for {silent_s:.0f} s"

    def disk_state(self) -> str:
        """Return "ready", or how little room there is."""
        if self.disk is None or not self.disk.is_low:
            return READY
        return f"{self.disk.free_bytes} bytes left, {self.disk.wanted_bytes} wanted"

    @property
    def is_spooling(self) -> bool:
        return not self._is_direct

    async def run(self) -> None:
        """Probe a log that nobody writes to, and drain the spool, until cancelled. Raises what the log refuses for
        good.
        """
        if self.spool is None:
            await asyncio.Event().wait()
        while True:
            if not self._is_direct:
                if not await self._drain():
                    await asyncio.sleep(LOOK_S)
                continue
            self._trouble.clear()
            try:
                # Not wait_for: until Python 3.12 it may swallow that this task is cancelled.
                async with asyncio.timeout(LOOK_S):
                    await self._trouble.wait()
            except TimeoutError:
                if self._now_s() - self._took_at_s >= IDLE_S:
                    await self._append_in_time(self._probes())

    async def emptied(self, timeout_s: float) -> bool:
        """Wait until nothing is spooled while the log takes what is; say whether that is so."""
        ends_s = self._now_s() + timeout_s
        # Only for the end of a process; the state is asked, since draining is none of its events.
        while not self._is_direct and self._is_back and self._now_s() < ends_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return self._is_direct

    async def _append_in_time(self, records: Sequence[NewRecord]) -> list[int] | None:
        """Return the offsets, None when the log is away: then everything is spooled from now on."""
        appending = asyncio.ensure_future(self._log.append(records))
        # Whoever waits may go away, and a late end is nobody's any more.
        appending.add_done_callback(_retrieve)
        await asyncio.wait({appending}, timeout=self._settings.spool_after_ms / 1000)
        if not appending.done():
            self._unsettled.add(appending)
            appending.add_done_callback(self._unsettled.discard)
            self._start_spooling(f"no answer within {self._settings.spool_after_ms} ms")
            return None
        try:
            offsets = appending.result()
        except self._passing as error:
            self._start_spooling(str(error))
            return None
        self._note_taken(records)
        return offsets

    def _start_spooling(self, reason: str) -> None:
        if self._is_direct:
            self._is_direct = self._is_back = False
            self._away_since_s = self._now_s()
            _log.warning("the log is away (%s); events are spooled until it is back", reason)
        self._trouble.set()

    def _note_taken(self, records: Sequence[NewRecord]) -> None:
        if records:
            self._took_at_s = self._now_s()

    def _spend(self, records: Sequence[NewRecord]) -> None:
        if self.disk is not None:
            self.disk.spend(sum(len(record.value or b"") for record in records))

    async def _drain(self) -> bool:
        """Do one step; say whether it went well."""
        assert self.spool is not None
        if self._unsettled:
            # What is under way goes first, or is given up.
            await asyncio.wait(tuple(self._unsettled))
        is_handover = self._is_back and self.spool.size_bytes <= self._settings.max_append_bytes
        if is_handover:
            self._gate.clear()
        try:
            went_well = await self._drain_oldest(self.spool)
            if is_handover and went_well and self.spool.is_empty:
                self._go_direct(self.spool)
        except OSError:
            _log.exception("the spool can't be read; trying again")
            went_well = False
        finally:
            self._gate.set()
        self._is_back = went_well
        return went_well

    async def _drain_oldest(self, spool: Spool) -> bool:
        oldest = await spool.oldest()
        if oldest is None:
            return await self._send(self._probes())
        segment, records = oldest
        known, start = self._sent
        start = start if known == segment else 0
        records = await self._fitting(spool, segment, records)
        records = [self._wanted(record) for record in records]
        limit = self._settings.max_append_bytes
        while start < len(records):
            end, size = start, 0
            while end < len(records) and (end == start or size + len(records[end].value or b"") <= limit):
                size += len(records[end].value or b"")
                end += 1
            if not await self._send(records[start:end]):
                return False
            spool.drained += end - start
            self._sent = segment, end
            start = end
        await spool.remove(segment)
        return True

    async def _send(self, records: Sequence[NewRecord]) -> bool:
        """Append what was spooled, dated anew: Kafka forgets by a record's time which of a producer's it has."""
        now_ms = self._clock.now_ms()
        dated = [record._replace(timestamp_ms=now_ms) for record in records]
        appending = asyncio.ensure_future(self._log.append(dated))
        appending.add_done_callback(_retrieve)
        # Those who are held back must not wait for long; others let the log take its time.
        is_urgent = not self._gate.is_set()
        done, _ = await asyncio.wait({appending}, timeout=self._settings.spool_after_ms / 1000 if is_urgent else None)
        if not done:
            self._unsettled.add(appending)
            appending.add_done_callback(self._unsettled.discard)
            return False
        try:
            appending.result()
        except self._passing as error:
            _log.info("the log is still away: %s", error)
            return False
        self._note_taken(records)
        return True

    async def _fitting(self, spool: Spool, segment: Segment, records: list[NewRecord]) -> list[NewRecord]:
        """Return the records that the log has a place for; a setting may have changed since they were written."""
        fitting = [r for r in records if r.topic in TOPICS and 0 <= r.partition < self._log.partitions(r.topic)]
        if len(fitting) < len(records) and self._cleared != segment:
            strange = [record for record in records if record not in fitting]
            await spool.put_aside(segment, strange, "holds records of partitions that the log has not")
            self._cleared = segment
        return fitting

    def _go_direct(self, spool: Spool) -> None:
        self._is_direct = True
        self._sent = (None, 0)
        took_s = self._now_s() - self._away_since_s
        _log.warning("the log is back and the spool is empty, after %.0f s and %d records", took_s, spool.drained)

    def _probes(self) -> list[NewRecord]:
        """Return what shows whether the log takes records. It tells no time: other doors may still have events to hand
        over.
        """
        now_ms = self._clock.now_ms()
        return [NewRecord(EVENTS, n, None, SAYS_NOTHING, now_ms) for n in range(self._log.partitions(EVENTS))]

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _retrieve(appending: "asyncio.Task[list[int]]") -> None:
    if not appending.cancelled():
        appending.exception()
