"""Metrics: event counts and values over time, and a summary of the recent past."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api import schemas, shapes
from api.auth import Signed
from api.deps import Deps
from api.errors import invalid_field
from api.params import EMPTY_IS_NONE
from api.totals import add_up, read_totals, summary_window
from streams.model.rollups import ROLLUP_BUCKET_MS
from streams.ports import MetricPoint

router = APIRouter(prefix="/api/metrics", tags=["metrics"])

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_MAX_STEPS = 2_000
_MAX_TIME_MS = 253_402_300_799_000

Time = Annotated[Annotated[int, Field(ge=0, le=_MAX_TIME_MS)] | None, EMPTY_IS_NONE, Query()]
Tag = Annotated[str, Query(max_length=200)]


def _range(start_ms: int | None, stop_ms: int | None, step_ms: int, now_ms: int) -> tuple[int, int]:
    """Return the range asked for, by default the last hour. Raises ApiError for one that can't be answered."""
    if step_ms % ROLLUP_BUCKET_MS:
        raise invalid_field("step_ms", f"{step_ms} is not a multiple of {ROLLUP_BUCKET_MS}, the size of a bucket.")
    stop = now_ms + 1 if stop_ms is None else stop_ms
    start = max(0, stop - _HOUR_MS) if start_ms is None else start_ms
    if start >= stop:
        raise invalid_field("start_ms", f"{start} is not before stop_ms ({stop}).")
    steps = (stop - start) // step_ms
    if steps > _MAX_STEPS:
        raise invalid_field("step_ms", f"makes {steps} steps of this range; ask for {_MAX_STEPS} at most.")
    return start, stop


def _series(points: list[MetricPoint]) -> list[schemas.MetricSeries]:
    groups: dict[str, list[tuple[int, int, float]]] = {}
    for point in points:
        groups.setdefault(point.group, []).append((point.bucket_ms, point.count, round(point.value, 4)))
    return [schemas.MetricSeries(group=group, points=found) for group, found in sorted(groups.items())]


@router.get("/events")
async def read_event_metrics(
    deps: Deps,
    caller: Signed,
    start_ms: Time = None,
    stop_ms: Time = None,
    step_ms: Annotated[int, Query(ge=ROLLUP_BUCKET_MS, le=366 * _DAY_MS)] = 60_000,
    group_by: Annotated[Literal["event", "campaign", "source", "currency", ""], Query()] = "event",
    event: Tag = "",
    campaign: Tag = "",
    source: Tag = "",
    currency: Tag = "",
) -> schemas.MetricAnswer:
    """Count and summed value of each step and group; steps begin at multiples of step_ms, empty ones are left out."""
    start, stop = _range(start_ms, stop_ms, step_ms, deps.clock.now_ms())
    tags = {"event": event, "campaign": campaign, "source": source, "currency": currency}
    where = {name: value for name, value in tags.items() if value}
    points = await deps.metrics.query(caller.workspace, start, stop, step_ms, group_by, where)
    return schemas.MetricAnswer(step_ms=step_ms, series=_series(points))


@router.get("/summary")
async def read_summary(
    deps: Deps,
    caller: Signed,
    window_ms: Annotated[int, Query(ge=ROLLUP_BUCKET_MS, le=31 * _DAY_MS)] = _HOUR_MS,
) -> schemas.Summary:
    """Events, completed orders and their revenue in the buckets of the window, and the carts open now."""
    now_ms = deps.clock.now_ms()
    start, stop = summary_window(now_ms, window_ms)
    step_ms = window_ms - window_ms % ROLLUP_BUCKET_MS
    total = add_up(await read_totals(deps.metrics, caller.workspace, start, stop, step_ms))
    return schemas.Summary(
        events=total.events,
        orders=total.orders,
        revenue=total.revenue,
        open_carts=shapes.open_carts(await deps.view.open_carts(caller.workspace)),
        since_ms=start,
        as_of_ms=now_ms,
    )
