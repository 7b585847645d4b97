"""Rollups of one partition: counts and values by (series, time bucket), absolute, and the sketches of each hour."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from streams.model.events import Event
from streams.model.rollups import (
    BOTS,
    MICROS,
    ROLLUP_BUCKET_MS,
    SESSIONS,
    SKETCH_HOUR_MS,
    Rollup,
    Series,
    Sketch,
    micros_of,
)
from streams.operators.rollup_cells import (
    CELLS_PREFIX,
    NO_BUCKET,
    SERIES_PREFIX,
    Bucket,
    Hour,
    Known,
    Tags,
    Total,
    numbers_of,
    record_number,
)
from streams.operators.sketch_book import DELTA_PREFIX, OTHER, SKETCH_PREFIX, Records, SketchBook

DEFAULT_HORIZON_MS = 3_600_000
MAX_SERIES = 2_000
"""So many series of a workspace, and as many of its sessions, are told apart in one bucket of a partition; the others
are counted together, under the event OTHER and by source alone: made-up names must not fill memory and metric store."""
MAX_HOUR_SERIES = 10_000
"""So many, likewise, in the buckets of an hour together."""
_FOR_EVER = 1 << 62
_PACKED_AFTER_MS = 60_000
_PACKED_AT_ONCE = 16
STATE_PREFIXES = (SERIES_PREFIX, CELLS_PREFIX, SKETCH_PREFIX, DELTA_PREFIX)
"""How keys of the state topic begin whose records `Rollups.restore` takes."""


class Changes(NamedTuple):
    """What a flush writes: records of the state topic (None is a tombstone), and what is published."""

    records: Records
    rollups: list[Rollup]
    sketches: list[Sketch]


class Rollups:
    """Open totals and sketches of a partition. A bucket stays open for `horizon_ms` of log time after its end.

    Mutable for speed; what it publishes is a function of the events, offsets and times given to it. A bucket leaves
    memory only when it takes no more events, so which series are told apart in it is the same after a restart.
    """

    def __init__(self, partition: int, horizon_ms: int = DEFAULT_HORIZON_MS, bucket_ms: int = ROLLUP_BUCKET_MS) -> None:
        self.partition = partition
        self.bucket_ms = bucket_ms
        self._horizon_ms = horizon_ms
        self._sketches = SketchBook(partition)
        self._hours: dict[int, Hour] = {}
        self._buckets: dict[int, Bucket] = {}
        # Of late events, by (start, offset): nothing is added to them after their frame, so a flush forgets them.
        self._late_hours: dict[tuple[int, int], Hour] = {}
        self._late_buckets: dict[tuple[int, int], Bucket] = {}
        self._dirty: list[Total] = []
        self._oldest_ms = 0
        self._next_pack_ms = 0

    def name_nobody(self) -> None:
        """Let the next flush leave no record that names people."""
        self._sketches.write_out()

    def add_all(self, events: Iterable[Event], offset: int, clock_ms: int) -> None:
        """Count events, in order, of the frame at `offset`. Log time is `clock_ms` and moves with their receipt.

        One loop over local names: that is half of what an event costs here.
        """
        dirty = self._dirty
        from_ms = until_ms = late_from_ms = 0
        bucket, by_tags = NO_BUCKET, {}  # the first event turns to its own
        for event in events:
            at_ms = event.at_ms
            if event.received_ms > clock_ms:  # noqa: PLR1730 - max() costs as much as three of these lines
                clock_ms = event.received_ms
            if at_ms < from_ms or at_ms >= until_ms or clock_ms >= late_from_ms:
                bucket, until_ms, late_from_ms = self._turn_to(at_ms, offset, clock_ms)
                from_ms, by_tags = bucket.start_ms, bucket.hour.by_tags
            utm = event.utm
            tags = (
                event.workspace, event.name, (utm.campaign or "") if utm else "", event.source, event.currency or "",
            )  # fmt: skip
            known = by_tags.get(tags)
            if known is None:
                known = self._meet(tags, bucket)
            total = known.total
            if total.bucket is not bucket:
                total = self._total_of(known, bucket)
            if not total.is_dirty:
                total.is_dirty = True
                dirty.append(total)
            total.count += 1
            profile = event.profile
            known.by_event.append(profile)
            known.by_campaign.append(profile)
            known.by_source.append(profile)
            value = event.value
            if value is not None:
                self._add_value(known, total, value)

    def add(self, event: Event, offset: int, clock_ms: int) -> None:
        """Count one event of the frame at `offset` at log time `clock_ms`."""
        self.add_all((event,), offset, clock_ms)

    def add_session(self, event: Event, offset: int, clock_ms: int) -> None:
        """Count a session that `event` has begun, by the event's campaign and source; besides `add`, which has noted
        who it was.
        """
        self._add_as(SESSIONS, event, offset, clock_ms)

    def add_bot(self, event: Event, offset: int, clock_ms: int) -> None:
        """Count an event that is no person's, instead of `add`: as nothing but one of its campaign and source."""
        self._add_as(BOTS, event, offset, clock_ms)

    def _add_as(self, name: str, event: Event, offset: int, clock_ms: int) -> None:
        bucket, _, _ = self._turn_to(event.at_ms, offset, clock_ms)
        tags = (event.workspace, name, event.campaign, event.source, "")
        known = bucket.hour.by_tags.get(tags) or self._meet(tags, bucket)
        total = known.total if known.total.bucket is bucket else self._total_of(known, bucket)
        if not total.is_dirty:
            total.is_dirty = True
            self._dirty.append(total)
        total.count += 1

    def is_dirty(self, clock_ms: int) -> bool:
        """Say whether `take_changes` would publish something at log time `clock_ms`."""
        return bool(self._dirty) or self._sketches.is_due(clock_ms)

    def take_changes(self, clock_ms: int) -> Changes:
        """Hand over, between two frames, what changed since the last call, and forget that it did."""
        oldest = self._oldest_open(clock_ms)
        rollups = []
        touched: dict[tuple[int, int], Bucket] = {}
        for total in self._dirty:
            total.is_dirty = False
            bucket = total.bucket
            value = total.micros / MICROS
            rollups.append(Rollup(total.known.series, bucket.start_ms, self.partition, bucket.part, total.count, value))
            touched[bucket.start_ms, record_number(total)] = bucket
        self._dirty.clear()
        records: Records = [record for hour in self._hours.values() for record in hour.records()]
        # A bucket older than that is late or about to be forgotten.
        records += [bucket.record(number) for (start, number), bucket in touched.items() if start >= oldest]
        records += [(key, None) for key in self._evict(oldest)]
        self._late_buckets.clear()
        self._late_hours.clear()
        if clock_ms >= self._next_pack_ms:
            self._next_pack_ms = clock_ms + self.bucket_ms
            self._pack(clock_ms - _PACKED_AFTER_MS)
        more, sketches = self._sketches.take(clock_ms, oldest)
        return Changes(records + more, rollups, sketches)

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Take over the newest records of the state topic whose keys begin with STATE_PREFIXES."""
        self._sketches.restore(records)
        for start_ms, value in _in_order(records, SERIES_PREFIX):
            self._open_hour(start_ms).restore(value)
        for start_ms, value in _in_order(records, CELLS_PREFIX):
            self._open_bucket(start_ms, 0).restore(value)

    def _turn_to(self, at_ms: int, offset: int, clock_ms: int) -> tuple[Bucket, int, int]:
        """Return the event's bucket, and until which event time and before which log time it takes others, too."""
        start = at_ms - at_ms % self.bucket_ms
        until = start + self.bucket_ms
        if start < self._oldest_open(clock_ms):
            return self._late_bucket(start, offset, clock_ms), until, _FOR_EVER
        late_from = until + self._horizon_ms
        return self._open_bucket(start, clock_ms), until, late_from - late_from % self.bucket_ms

    def _meet(self, tags: Tags, bucket: Bucket) -> Known:
        series = Series(*tags)
        hour = bucket.hour
        if series.event != OTHER and bucket.has_room(series, MAX_SERIES) and hour.has_room(series, MAX_HOUR_SERIES):
            return hour.number(series)
        return Known(-1, series, hour.sketches)

    def _total_of(self, known: Known, bucket: Bucket) -> Total:
        """Return the series' total in the bucket, or that of OTHER when the bucket has no room for it."""
        total = bucket.totals.get(known.number)
        if total is None:
            series = known.series
            if known.number < 0 or not bucket.has_room(series, MAX_SERIES):
                other = bucket.hour.other(series.workspace, series.source)
                return bucket.totals.get(other.number) or bucket.open(other)
            total = bucket.open(known)
        known.total = total
        return total

    def _add_value(self, known: Known, total: Total, value: float) -> None:
        micros = micros_of(value)
        if micros is None:
            return
        if total.known is known:  # under OTHER money of several kinds has no sum
            total.micros += micros
        values = known.values
        if values is None:
            series, sketches = known.series, total.bucket.hour.sketches
            values = known.values = sketches.values(series.workspace, series.event, series.currency)
        values.append(value)

    def _open_hour(self, start_ms: int) -> Hour:
        found = self._hours.get(start_ms)
        if found is None:
            found = self._hours[start_ms] = Hour(start_ms, self._sketches.hour(start_ms))
        return found

    def _open_bucket(self, start_ms: int, clock_ms: int) -> Bucket:
        found = self._buckets.get(start_ms)
        if found is None:
            hour = self._open_hour(start_ms - start_ms % SKETCH_HOUR_MS)
            found = self._buckets[start_ms] = Bucket(start_ms, 0, hour)
        elif not found.totals:
            found.unpack()
        found.used_ms = clock_ms
        return found

    def _pack(self, unused_since_ms: int) -> None:
        """Pack some buckets that no event was for since then. None of their totals may have to be published."""
        unused = (one for one in self._buckets.values() if one.totals and one.used_ms < unused_since_ms)
        for bucket in list(islice(unused, _PACKED_AT_ONCE)):
            self._buckets[bucket.start_ms] = bucket.packed()

    def _late_bucket(self, start_ms: int, offset: int, clock_ms: int) -> Bucket:
        found = self._late_buckets.get((start_ms, offset))
        if found is None:
            hour_ms = start_ms - start_ms % SKETCH_HOUR_MS
            hour = self._late_hours.get((hour_ms, offset))
            if hour is None:
                # Sketches of an hour are open as long as one of its buckets is.
                is_open = hour_ms + SKETCH_HOUR_MS > self._oldest_open(clock_ms)
                sketches = self._sketches.hour(hour_ms) if is_open else self._sketches.late_hour(hour_ms, offset)
                hour = self._late_hours[hour_ms, offset] = Hour(hour_ms, sketches)
            found = self._late_buckets[start_ms, offset] = Bucket(start_ms, offset, hour)
        return found

    def _evict(self, oldest_ms: int) -> Iterator[bytes]:
        """Forget the totals of buckets that take no more events; yield the keys of their records."""
        if oldest_ms <= self._oldest_ms:
            return
        self._oldest_ms = oldest_ms
        for start in [start for start in self._buckets if start < oldest_ms]:
            bucket = self._buckets.pop(start)
            yield from bucket.keys()
            bucket.totals.clear()  # a series may hold on to its last total
        for start in [start for start in self._hours if start + SKETCH_HOUR_MS <= oldest_ms]:
            yield from self._hours.pop(start).keys()

    def _oldest_open(self, clock_ms: int) -> int:
        return clock_ms - clock_ms % self.bucket_ms - self._horizon_ms


def _in_order(records: Mapping[bytes, bytes], prefix: bytes) -> Iterator[tuple[int, bytes]]:
    keys = sorted((*numbers_of(key), key) for key in records if key.startswith(prefix))
    return ((start_ms, records[key]) for start_ms, _, key in keys)
