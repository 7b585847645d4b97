"""Moves totals and sketches from the rollups topic into a metric store. Commits its place only once they are stored."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from streams import frames
from streams.log.topics import ROLLUPS
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError, GroupInUseError, MetricRefusedError, MetricStoreError
from streams.model.rollups import Rollup, Series, Sketch, SketchKind
from streams.ports import Clock, DeadLetterSink, EventLog, LogRecord, MetricStore, Subscription

GROUP = "metrics"
"""Under this name the log keeps the writer's place."""

_LOG = logging.getLogger(__name__)
_POLL_RECORDS = 500
_POLL_TIMEOUT_S = 0.5
_GATHER_S = 0.1
_WRITE_ROLLUPS = 5_000
_WRITE_SKETCHES = 1_000
_MAX_PAUSE_S = 30.0
_PRUNE_EVERY_MS = 3_600_000
_COMPLAIN_EVERY_MS = 60_000
_ATTEMPTS = 60

T = TypeVar("T")
Refill = Callable[[], Awaitable[None]]
"""Sees to it that all totals are read that the log has kept."""
Prune = Callable[[int], Awaitable[int]]
"""Drops totals older than the given time; says how many."""
_SketchKey = tuple[str, SketchKind, str, str, str, int, int, int]


class Found(NamedTuple):
    """The newest total and sketch of each key in some records, and a dead letter for each that can't be read."""

    rollups: list[Rollup]
    sketches: list[Sketch]
    letters: list[DeadLetter]


class MetricsWriter:
    """The loop behind the charts. The caller closes the subscription after `run` has returned.

    While the store is out of reach or refuses all, nothing is committed: the log keeps the totals and the writer tries
    again, ever more slowly; `fault` then says what is wrong. Totals that the store refuses for good are left out, so
    that what a visitor makes up holds up nobody's charts. Any other fault surfaces from `run`.
    """

    def __init__(
        self,
        subscription: Subscription,
        store: MetricStore,
        dead_letters: DeadLetterSink,
        clock: Clock,
        *,
        refill: Refill | None = None,
        prune: Prune | None = None,
        retention_ms: int = 0,
        first_pause_s: float = 1.0,
    ) -> None:
        """`refill` is awaited before anything is read; `prune` is called about once an hour for what is older than
        `retention_ms`.
        """
        self._subscription = subscription
        self._store = store
        self._dead_letters = dead_letters
        self._clock = clock
        self._refill = refill
        self._prune = prune
        self._retention_ms = retention_ms
        self._first_pause_s = first_pause_s
        self._stopping = asyncio.Event()
        self._next_prune_ms = 0
        self._complained_ms = -_COMPLAIN_EVERY_MS
        self.fault: str | None = None

    async def run(self) -> None:
        """Write until `stop`; what was polled and not yet stored then stays with the log."""
        if self._refill is not None:
            await self._refill()
        while not self._stopping.is_set():
            await self._prune_when_due()
            records = await self._subscription.poll(_POLL_RECORDS, _POLL_TIMEOUT_S)
            if not records:
                continue
            found = read_records(records)
            if found.letters:
                await self._dead_letters.put(found.letters)
            if not (
                await self._store_all(self._store.write, found.rollups, _WRITE_ROLLUPS)
                and await self._store_all(self._store.write_sketches, found.sketches, _WRITE_SKETCHES)
            ):
                return
            await self._subscription.commit()
            if len(records) < _POLL_RECORDS:
                # Totals are absolute: of those that come in a moment only the last needs writing.
                await asyncio.sleep(_GATHER_S)

    def stop(self) -> None:
        """Ask `run` to return; it does so within about half a second, or when the write under way is done."""
        self._stopping.set()

    async def _store_all(self, write: Callable[[Sequence[T]], Awaitable[None]], all_: Sequence[T], most: int) -> bool:
        """Return whether all is stored; False when asked to stop while the store was out of reach."""
        pause_s = self._first_pause_s
        for start in range(0, len(all_), most):
            while not await self._store_chunk(write, all_[start : start + most]):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause_s)
                if self._stopping.is_set():
                    return False
                pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        return True

    async def _store_chunk(self, write: Callable[[Sequence[T]], Awaitable[None]], chunk: Sequence[T]) -> bool:
        try:
            await write(chunk)
        except MetricRefusedError as error:
            self._complain(error)
        except MetricStoreError as error:
            self.fault = str(error)
            _LOG.warning("metrics are late: %s", error)
            return False
        self.fault = None
        return True

    def _complain(self, error: MetricRefusedError) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._complained_ms >= _COMPLAIN_EVERY_MS:
            self._complained_ms = now_ms
            _LOG.error("some totals are not in the charts: %s", error)

    async def _prune_when_due(self) -> None:
        now_ms = self._clock.now_ms()
        if self._prune is None or now_ms < self._next_prune_ms:
            return
        self._next_prune_ms = now_ms + _PRUNE_EVERY_MS
        await self._prune(now_ms - self._retention_ms)


async def begin_again(log: EventLog, attempts: int = _ATTEMPTS, pause_s: float = 1.0) -> None:
    """Let the writer of an empty store read all totals that the log has kept, should it have read any before.

    Call before the writer's subscription is polled, since Kafka moves no group that has members; one that died without
    a word is missed after ten seconds.
    """
    if not await log.committed(GROUP, ROLLUPS):
        return
    firsts = {partition: (await log.bounds(ROLLUPS, partition))[0] for partition in range(log.partitions(ROLLUPS))}
    for _ in range(attempts):
        try:
            await log.commit(GROUP, ROLLUPS, firsts)
        except GroupInUseError as error:
            _LOG.info("earlier totals are read once that is possible (%s)", error)
        else:
            return
        await asyncio.sleep(pause_s)
    _LOG.error("the charts begin now: another process stores totals of this log, too, and has read the earlier ones")


def read_records(records: Sequence[LogRecord]) -> Found:
    """Return what the records hold."""
    newest: dict[tuple[Series, int, int, int], Rollup] = {}
    sketches: dict[_SketchKey, Sketch] = {}
    letters: list[DeadLetter] = []
    for record in records:
        try:
            batch = frames.decode(record.value or b"").rollups
            if batch is None:
                raise FrameError("not a frame of rollups")  # noqa: TRY301 - one place makes the letter
        except FrameError as error:
            letters.append(record.as_letter("metrics", str(error)))
            continue
        for rollup in batch.rollups:
            newest[rollup.series, rollup.bucket_ms, rollup.partition, rollup.part] = rollup
        for s in batch.sketches:
            sketches[s.workspace, s.kind, s.dimension, s.name, s.currency, s.hour_ms, s.partition, s.part] = s
    return Found(list(newest.values()), list(sketches.values()), letters)
