"""Rollup: absolute running totals of one partition for one time bucket and series."""

from msgspec import Struct

ROLLUP_BUCKET_MS = 10_000


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


class RollupBatch(Struct, frozen=True, array_like=True):
    """Totals that changed since the partition's last batch. `clock_ms` is its log time: no later batch of it opens a
    bucket that ends before `clock_ms`, but for late events.
    """

    partition: int
    clock_ms: int
    rollups: tuple[Rollup, ...]
