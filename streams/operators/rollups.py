"""Totals of one partition: counts and values by (series, time bucket), absolute, so that repeats overwrite."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from streams.model.events import Event
from streams.model.rollups import ROLLUP_BUCKET_MS, Rollup, Series

DEFAULT_HORIZON_MS = 3_600_000
MAX_SERIES = 2_000
"""So many series of a workspace are told apart in one bucket of a partition; the others are counted together."""
OTHER = "(other)"
"""The event under which they are counted, by source alone: made-up names must not fill memory and metric store."""


class CellKey(NamedTuple):
    """What a running total is about; `part` as in Rollup."""

    series: Series
    bucket_ms: int
    part: int


class Cell(Struct, frozen=True, array_like=True, gc=False):
    """A running total and the last log offset that it includes."""

    rollup: Rollup
    applied_offset: int


class Totals:
    """Open totals of a partition. A bucket stays open for `horizon_ms` of log time after its end.

    The book is mutable for speed; what it publishes is a function of the events, offsets and times given to it.
    """

    def __init__(self, partition: int, horizon_ms: int = DEFAULT_HORIZON_MS, bucket_ms: int = ROLLUP_BUCKET_MS) -> None:
        self.partition = partition
        self.bucket_ms = bucket_ms
        self._horizon_ms = horizon_ms
        self._open: dict[int, dict[CellKey, list[float]]] = {}
        # Open cells of each (workspace, bucket, part), but for OTHER. Cells leave memory only when their bucket takes
        # no more events, so this is the same after a restart, and so is which series are told apart.
        self._told_apart: dict[tuple[str, int, int], int] = {}
        self._ahead: dict[CellKey, int] = {}
        # A dict for its order: what is published must not depend on how strings hash.
        self._dirty: dict[CellKey, None] = {}
        self._evicted: list[Rollup] = []
        self._evict_from_ms = 0

    def restore(self, cells: Iterable[Cell], committed_offset: int) -> None:
        """Take over cells read back; those ahead of the commit refuse the frames that they already include."""
        for cell in cells:
            rollup = cell.rollup
            key = CellKey(rollup.series, rollup.bucket_ms, rollup.part)
            self._open_cell(key, rollup.count, rollup.value)
            if cell.applied_offset > committed_offset:
                self._ahead[key] = cell.applied_offset

    def add(self, event: Event, offset: int, clock_ms: int) -> None:
        """Count the event, which came in the frame at `offset`, at log time `clock_ms`."""
        bucket = event.at_ms - event.at_ms % self.bucket_ms
        part = offset if bucket < self._oldest_open(clock_ms) else 0
        series = Series(event.workspace, event.name, event.campaign, event.source, event.currency or "")
        key = CellKey(series, bucket, part)
        cells = self._open.get(bucket, {})
        value = event.value
        if key not in cells and self._told_apart.get((event.workspace, bucket, part), 0) >= MAX_SERIES:
            key = CellKey(Series(event.workspace, OTHER, "", event.source), bucket, part)
            value = None  # money of several kinds has no sum
        if self._ahead and self._ahead.get(key, -1) >= offset:
            return
        cell = cells.get(key) or self._open_cell(key, 0, 0.0)
        cell[0] += 1
        if value is not None:
            cell[1] += value
        self._dirty[key] = None

    def evict(self, clock_ms: int) -> None:
        """Forget published totals of buckets that are past the horizon: nothing is added to them any more."""
        if clock_ms < self._evict_from_ms:
            return
        self._evict_from_ms = clock_ms + self.bucket_ms
        oldest = self._oldest_open(clock_ms)
        for bucket in [b for b in self._open if b < oldest]:
            for key in [k for k in self._open[bucket] if k not in self._dirty]:
                self._evicted.append(self._rollup(key))
                self._close_cell(key)

    def is_dirty(self) -> bool:
        """Say whether there is anything to publish."""
        return bool(self._dirty)

    def changed(self) -> list[Rollup]:
        """Return the totals that changed since `mark_published`."""
        return [self._rollup(key) for key in self._dirty]

    def evicted(self) -> list[Rollup]:
        """Return the totals that left memory since `mark_published`."""
        return list(self._evicted)

    def mark_published(self) -> None:
        """Note that changed and evicted totals are durable."""
        self._dirty.clear()
        self._evicted.clear()

    def _open_cell(self, key: CellKey, count: int, value: float) -> list[float]:
        cell: list[float] = [count, value]
        self._open.setdefault(key.bucket_ms, {})[key] = cell
        self._count_told_apart(key, 1)
        return cell

    def _close_cell(self, key: CellKey) -> None:
        cells = self._open[key.bucket_ms]
        del cells[key]
        if not cells:
            del self._open[key.bucket_ms]
        self._count_told_apart(key, -1)

    def _count_told_apart(self, key: CellKey, change: int) -> None:
        if key.series.event == OTHER:
            return
        place = (key.series.workspace, key.bucket_ms, key.part)
        count = self._told_apart.pop(place, 0) + change
        if count:
            self._told_apart[place] = count

    def _oldest_open(self, clock_ms: int) -> int:
        return clock_ms - clock_ms % self.bucket_ms - self._horizon_ms

    def _rollup(self, key: CellKey) -> Rollup:
        count, value = self._open[key.bucket_ms][key]
        return Rollup(key.series, key.bucket_ms, self.partition, key.part, int(count), value)
