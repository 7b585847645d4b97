"""What one partition has counted, absolute: totals by time bucket and series, sketches by hour and name."""

from enum import StrEnum

from msgspec import Struct

ROLLUP_BUCKET_MS = 10_000
SKETCH_HOUR_MS = 3_600_000
SESSIONS = "(sessions)"
BOTS = "(bots)"
APART = frozenset({SESSIONS, BOTS})
"""What sessions, and events of robots that the source wants uncounted, are counted under: no sender's event is called
so. Totals of all events leave them out.
"""
MICROS = 1_000_000
_MAX_AMOUNT = 1e15


def micros_of(value: float | None) -> int | None:
    """Return `value` in millionths, None when there is none or it can be no amount (not finite, or beyond 10^15).

    Totals are sums of these: whole numbers give the same sum in every order, and a reference the same as the engine.
    """
    if value is None or not -_MAX_AMOUNT <= value <= _MAX_AMOUNT:
        return None
    return round(value * MICROS)


class Series(Struct, frozen=True, array_like=True, gc=False):
    """What is counted together. `currency` keeps money of different kinds apart; empty where there is none."""

    workspace: str
    event: str
    campaign: str
    source: str
    currency: str = ""


class Rollup(Struct, frozen=True, array_like=True, gc=False):
    """Total of `series` in the bucket starting at `bucket_ms`, as one partition has counted it so far.

    `part` is 0; an event so late that the bucket's total has left memory is counted in a part of its own, named by the
    log offset of its frame. The series' value in the bucket is the sum over partitions and parts; a repeated record
    overwrites.
    """

    series: Series
    bucket_ms: int
    partition: int
    part: int
    count: int
    value: float


class SketchKind(StrEnum):
    """What a sketch holds: profiles (HyperLogLog), or values (DDSketch)."""

    UNIQUES = "uniques"
    VALUES = "values"


class Sketch(Struct, frozen=True, array_like=True, gc=False):
    """What one partition has seen in the hour starting at `hour_ms` under `name` of `dimension`.

    Dimensions are event, campaign and source; values are of events in one currency. `part` is as in Rollup; `body` is
    that of streams/operators/sketches.py. The answer for an hour is the union over partitions and parts; a repeated
    record overwrites.
    """

    workspace: str
    dimension: str
    name: str
    currency: str
    hour_ms: int
    partition: int
    part: int
    kind: SketchKind
    body: bytes


class RollupBatch(Struct, frozen=True, array_like=True, gc=False):
    """Totals and sketches that changed since the partition's last batch. `clock_ms` is its log time: no later batch of
    it opens a bucket that ends before `clock_ms`, but for late events.
    """

    partition: int
    clock_ms: int
    rollups: tuple[Rollup, ...]
    sketches: tuple[Sketch, ...] = ()
