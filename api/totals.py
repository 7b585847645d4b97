"""Running totals of a workspace's last 24 hours, kept from the metric store in steps; knows no single events."""

from typing import NamedTuple

from streams.model.rollups import ROLLUP_BUCKET_MS
from streams.ports import MetricPoint, MetricStore

ORDER = "order_completed"
STEP_MS = 600_000
WINDOW_STEPS = 144
# The metric store's writer may be this far behind the rollups topic before a step counts as final.
SETTLE_MS = 10_000
RELOAD_MS = 600_000


class StepTotals(NamedTuple):
    """What happened in one step of the window; `revenue` is currency -> sum of completed orders."""

    events: int
    orders: int
    revenue: dict[str, float]


class Totals(NamedTuple):
    """What happened since `since_ms`, which lies 24 h back, to the last full ten minutes."""

    since_ms: int
    events: int
    orders: int
    revenue: dict[str, float]


async def read_totals(
    metrics: MetricStore, workspace: str, start_ms: int, stop_ms: int, step_ms: int
) -> dict[int, StepTotals]:
    """Return the totals of each step between the times, by the step's start."""
    everything = await metrics.query(workspace, start_ms, stop_ms, step_ms, group_by="")
    orders = await metrics.query(workspace, start_ms, stop_ms, step_ms, group_by="currency", where={"event": ORDER})
    found = {p.bucket_ms: StepTotals(p.count, 0, {}) for p in everything}
    for point in orders:
        found[point.bucket_ms] = _with_orders(found.get(point.bucket_ms, StepTotals(0, 0, {})), point)
    return found


def _with_orders(step: StepTotals, point: MetricPoint) -> StepTotals:
    revenue = dict(step.revenue)
    if point.group:
        revenue[point.group] = revenue.get(point.group, 0.0) + point.value
    return StepTotals(step.events, step.orders + point.count, revenue)


def add_up(steps: dict[int, StepTotals]) -> StepTotals:
    """Return the sum of all steps; money to the cent."""
    revenue: dict[str, float] = {}
    for step in steps.values():
        for currency, value in step.revenue.items():
            revenue[currency] = revenue.get(currency, 0.0) + value
    events, orders = sum(s.events for s in steps.values()), sum(s.orders for s in steps.values())
    return StepTotals(events, orders, {c: round(v, 2) for c, v in revenue.items()})


class RunningTotals:
    """Reads a step again as long as rollups touch it, so the totals equal what /api/metrics would answer."""

    def __init__(self, metrics: MetricStore, workspace: str) -> None:
        self._metrics = metrics
        self._workspace = workspace
        self._steps: dict[int, StepTotals] = {}
        self._touched_ms: dict[int, int] = {}
        self._loaded_ms: int | None = None

    def touch(self, bucket_ms: int, now_ms: int) -> None:
        """Note that a bucket's totals have changed."""
        self._touched_ms[bucket_ms - bucket_ms % STEP_MS] = now_ms

    async def read(self, now_ms: int) -> Totals:
        """Return the totals as the store has them now."""
        since_ms = now_ms - now_ms % STEP_MS - (WINDOW_STEPS - 1) * STEP_MS
        if self._loaded_ms is None or now_ms - self._loaded_ms > RELOAD_MS:
            self._steps = await self._load(since_ms, now_ms + STEP_MS)
            self._loaded_ms = now_ms
        else:
            await self._reload_touched(since_ms)
        self._touched_ms = {s: at for s, at in self._touched_ms.items() if now_ms - at < SETTLE_MS}
        self._steps = {start: step for start, step in self._steps.items() if start >= since_ms}
        total = add_up(self._steps)
        return Totals(since_ms, total.events, total.orders, total.revenue)

    async def _reload_touched(self, since_ms: int) -> None:
        for start in sorted(s for s in self._touched_ms if s >= since_ms):
            self._steps.pop(start, None)
            self._steps |= await self._load(start, start + STEP_MS)

    async def _load(self, start_ms: int, stop_ms: int) -> dict[int, StepTotals]:
        return await read_totals(self._metrics, self._workspace, start_ms, stop_ms, STEP_MS)


def summary_window(now_ms: int, window_ms: int) -> tuple[int, int]:
    """Return start and stop of the buckets that the last `window_ms` touch."""
    start = now_ms - window_ms
    return start - start % ROLLUP_BUCKET_MS, now_ms + ROLLUP_BUCKET_MS
