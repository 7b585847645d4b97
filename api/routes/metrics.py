"""Metrics: event counts and values over time, a summary of the recent past, unique visitors, quantiles of values."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from api import schemas, shapes
from api.auth import Signed
from api.deps import Deps
from api.errors import invalid_field
from api.params import EMPTY_IS_NONE
from api.totals import ORDER, add_up, read_totals, summary_window
from streams.model.rollups import ROLLUP_BUCKET_MS, SKETCH_HOUR_MS
from streams.ports import MetricPoint

router = APIRouter(prefix="/api/metrics", tags=["metrics"])

_HOUR_MS = SKETCH_HOUR_MS
_DAY_MS = 24 * _HOUR_MS
_MAX_STEPS = 2_000
_MAX_HOURS_MS = 31 * _DAY_MS
# What the sketches promise (streams/operators/sketches.py, which the API need not load to say so).
_UNIQUES_ERROR = 0.023
_VALUES_ERROR = 0.01
_MAX_TIME_MS = 253_402_300_799_000

Time = Annotated[Annotated[int, Field(ge=0, le=_MAX_TIME_MS)] | None, EMPTY_IS_NONE, Query()]
Tag = Annotated[str, Query(max_length=200)]
Share = Annotated[float, Field(ge=0, le=1)]


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


def _hours(start_ms: int | None, stop_ms: int | None, now_ms: int) -> tuple[int, int]:
    """Return the whole hours that the range touches, by default those of the last hour. Raises ApiError."""
    stop = now_ms + 1 if stop_ms is None else stop_ms
    start = max(0, stop - _HOUR_MS) if start_ms is None else start_ms
    if start >= stop:
        raise invalid_field("start_ms", f"{start} is not before stop_ms ({stop}).")
    if stop - start > _MAX_HOURS_MS:
        raise invalid_field("start_ms", f"lies more than 31 days before stop_ms ({stop}). Ask for a shorter range.")
    return start - start % _HOUR_MS, stop + -stop % _HOUR_MS


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


@router.get("/uniques")
async def read_uniques(
    deps: Deps,
    caller: Signed,
    start_ms: Time = None,
    stop_ms: Time = None,
    group_by: Annotated[Literal["event", "campaign", "source"], Query()] = "event",
    name: Annotated[str | None, Query(max_length=200)] = None,
) -> schemas.UniqueAnswer:
    """How many different profiles were seen in the hours that the range touches; with name, in that group alone."""
    start, stop = _hours(start_ms, stop_ms, deps.clock.now_ms())
    found = await deps.metrics.uniques(caller.workspace, start, stop, group_by, name)
    groups = [schemas.Visitors(group=group, visitors=round(number)) for group, number in found.names.items()]
    return schemas.UniqueAnswer(
        start_ms=start,
        stop_ms=stop,
        standard_error=_UNIQUES_ERROR,
        visitors=round(found.total),
        groups=sorted(groups, key=lambda g: (-g.visitors, g.group)),
    )


@router.get("/quantiles")
async def read_quantiles(
    deps: Deps,
    caller: Signed,
    start_ms: Time = None,
    stop_ms: Time = None,
    event: Annotated[str, Query(min_length=1, max_length=200)] = ORDER,
    currency: Tag = "",
    q: Annotated[list[Share], Query(min_length=1, max_length=20)] = [0.5, 0.9, 0.99],  # noqa: B006 - FastAPI copies it
) -> schemas.QuantileAnswer:
    """Values of an event in one currency at the quantiles asked for, over the hours that the range touches."""
    start, stop = _hours(start_ms, stop_ms, deps.clock.now_ms())
    currency = currency.upper()
    found = await deps.metrics.quantiles(caller.workspace, start, stop, event, currency, q)
    return schemas.QuantileAnswer(
        start_ms=start,
        stop_ms=stop,
        relative_error=_VALUES_ERROR,
        event=event,
        currency=currency,
        count=found.count,
        quantiles=[
            schemas.Quantile(q=share, value=round(value, 4)) for share, value in zip(q, found.values, strict=False)
        ],
    )
