"""The alerts stage: totals of all events partitions -> closed buckets -> detectors -> alerts. Pure; log time only.

The state is immutable (dicts inside are copied before they are written), so it is its own snapshot and a failed step
leaves nothing half done; a batch touches one or two buckets, so the copies are small.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from streams.model.alerts import Alert
from streams.model.rollups import APART, RollupBatch, Series
from streams.operators.alerting_episodes import ALL_EVENTS
from streams.operators.alerting_watches import EVENT_PREFIX, SOURCE_PREFIX, AlertSettings, Watch, Watcher

__all__ = ["INTERNAL_SOURCE", "AlertBook", "AlertSettings", "BookState"]

INTERNAL_SOURCE: Final = "campaigniq"
"""The source of the platform's own outcome events; not watched."""

# Clients' clocks run ahead a little; what claims to be further in the future is not counted.
_FUTURE_MS: Final = 60_000

CellKey = tuple[Series, int, int]
"""Series, events partition and part: what overwrites each other within a bucket."""


class BookState(Struct, frozen=True, array_like=True):
    """`next_ms` is the start of the first bucket that is not closed; closed ones stay in `cells` for a while, to tell a
    repeat from a late total. `late` counts late events per workspace and source since the last close.
    """

    clocks: dict[int, int] = {}
    watermark_ms: int = 0
    next_ms: int = 0
    cells: dict[int, dict[CellKey, int]] = {}
    late: dict[str, dict[str, int]] = {}
    watches: dict[str, dict[str, Watch]] = {}


class _Closing(NamedTuple):
    """Which buckets to close, where closing goes on after them."""

    buckets: list[int]
    next_ms: int


class AlertBook:
    """Watches all workspaces of one rollups partition, fed by `partitions` events partitions."""

    def __init__(self, partitions: int, settings: AlertSettings | None = None) -> None:
        self._partitions = partitions
        self._settings = s = settings or AlertSettings()
        self._watcher = Watcher(s)

    def initial(self) -> BookState:
        return BookState()

    def on_batch(self, state: BookState, batch: RollupBatch) -> tuple[BookState, tuple[Alert, ...]]:
        """Return the state after `batch` and the alerts that changed state. A repeated batch changes nothing."""
        cells, late = self._count(state, batch)
        clock_ms = max(batch.clock_ms, state.clocks.get(batch.partition, 0))
        clocks = {**state.clocks, batch.partition: clock_ms}
        watermark_ms = min(clocks.values()) if len(clocks) >= self._partitions else 0
        if watermark_ms <= state.watermark_ms:
            return self._bounded(BookState(clocks, state.watermark_ms, state.next_ms, cells, late, state.watches)), ()
        closing = self._closing(state, watermark_ms)
        watches = state.watches
        alerts: list[Alert] = []
        for bucket_ms in closing.buckets:
            counts = _by_subject(cells.get(bucket_ms, {}), late)
            late = {}
            end_ms = bucket_ms + self._settings.bucket_ms
            closed: dict[str, dict[str, Watch]] = {}
            for workspace in sorted({*watches, *counts}):
                kept, raised = self._watcher.close(
                    workspace, watches.get(workspace, {}), counts.get(workspace, {}), end_ms
                )
                alerts += raised
                if kept:
                    closed[workspace] = kept
            watches = closed
        after = BookState(clocks, watermark_ms, closing.next_ms, cells, late, watches)
        return self._bounded(after), tuple(alerts)

    def _count(
        self, state: BookState, batch: RollupBatch
    ) -> tuple[dict[int, dict[CellKey, int]], dict[str, dict[str, int]]]:
        """Return the totals with those of the batch; totals only grow, so the larger one is the newer."""
        s = self._settings
        cells, late = state.cells, state.late
        touched: dict[int, dict[CellKey, int]] = {}
        for rollup in batch.rollups:
            series, bucket_ms = rollup.series, rollup.bucket_ms
            if series.source == INTERNAL_SOURCE or bucket_ms > batch.clock_ms + _FUTURE_MS:
                continue
            if bucket_ms < state.next_ms - s.late_ms:
                continue
            cell = touched.get(bucket_ms)
            if cell is None:
                cell = touched[bucket_ms] = dict(cells.get(bucket_ms, ()))
            key = (series, rollup.partition, rollup.part)
            known = cell.get(key, 0)
            if rollup.count <= known or (not known and len(cell) >= s.max_cells_per_bucket):
                continue
            cell[key] = rollup.count
            if bucket_ms < state.next_ms and bucket_ms + s.bucket_ms <= state.watermark_ms:
                late = _credited(late, series, rollup.count - known)
        return ({**cells, **touched} if touched else cells), late

    def _closing(self, state: BookState, watermark_ms: int) -> _Closing:
        s = self._settings
        size = s.bucket_ms
        after_ms = watermark_ms - watermark_ms % size + size
        if not state.watermark_ms:
            # The bucket in which watching began is not seen whole.
            return _Closing([], after_ms)
        if watermark_ms - state.watermark_ms > s.max_gap_ms:
            # Nobody ticked: the platform was down. Only what had passed before is judged, the gap is not.
            known_ms = state.watermark_ms - state.watermark_ms % size
            return _Closing(list(range(state.next_ms, known_ms, size)), after_ms)
        end_ms = watermark_ms - s.grace_ms
        buckets = list(range(state.next_ms, end_ms - end_ms % size, size))
        return _Closing(buckets, buckets[-1] + size if buckets else state.next_ms)

    def _bounded(self, state: BookState) -> BookState:
        """Return the state without buckets that can't matter any more, or are too many to hold."""
        s = self._settings
        cells, next_ms = state.cells, state.next_ms
        if next_ms and any(b < next_ms - s.late_ms for b in cells):
            cells = {b: c for b, c in cells.items() if b >= next_ms - s.late_ms}
        if len(cells) <= s.max_open_buckets:
            if cells is state.cells:
                return state
            return BookState(state.clocks, state.watermark_ms, next_ms, cells, state.late, state.watches)
        # One partition lags far behind: what it is waited for is given up like a gap.
        kept = sorted(cells)[-s.max_open_buckets :]
        cells = {b: cells[b] for b in kept}
        next_ms = max(next_ms, kept[0]) if next_ms else 0
        return BookState(state.clocks, state.watermark_ms, next_ms, cells, state.late, state.watches)


def _credited(late: dict[str, dict[str, int]], series: Series, count: int) -> dict[str, dict[str, int]]:
    of_workspace = late.get(series.workspace, {})
    credited = {**of_workspace, series.source: of_workspace.get(series.source, 0) + count}
    return {**late, series.workspace: credited}


def _by_subject(cells: Mapping[CellKey, int], late: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return workspace -> subject -> count. Late events prove that their source is alive, and nothing else."""
    counts: dict[str, dict[str, int]] = {}
    for (series, _, _), count in cells.items():
        if series.event in APART:
            continue
        seen = counts.setdefault(series.workspace, {})
        for subject in (SOURCE_PREFIX + series.source, EVENT_PREFIX + series.event, ALL_EVENTS):
            seen[subject] = seen.get(subject, 0) + count
    for workspace, sources in late.items():
        seen = counts.setdefault(workspace, {})
        for source, count in sources.items():
            seen[SOURCE_PREFIX + source] = seen.get(SOURCE_PREFIX + source, 0) + count
    return counts
