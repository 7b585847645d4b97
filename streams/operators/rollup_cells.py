"""Running totals in memory and in the state topic: an hour numbers its series, a bucket counts by number."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias, TypeVar

import msgspec

from streams.model.errors import FrameError
from streams.model.rollups import APART, SESSIONS, Series
from streams.operators.sketch_book import OTHER, HourSketches

Tags: TypeAlias = tuple[str, str, str, str, str]
"""Workspace, event, campaign, source, currency."""
Kind: TypeAlias = tuple[str, bool]
"""What limits hold for: a workspace's series but for OTHER, and apart from them its sessions, which are known later."""
T = TypeVar("T")

SERIES_PREFIX = b"h:"
CELLS_PREFIX = b"t:"
_V1 = b"\x01"
_SERIES_PER_RECORD = 64
_CELLS_PER_RECORD = 128
_MAX_INT = 1 << 63

_encode = msgspec.msgpack.Encoder().encode
_decode_series = msgspec.msgpack.Decoder(list[Series]).decode
_decode_cells = msgspec.msgpack.Decoder(list[int | str]).decode


class Known:
    """A series of an hour: its number there, where its profiles and values go, and the total it was last counted in.

    `number` is -1 for one that found no room; it is counted under OTHER.
    """

    __slots__ = ("by_campaign", "by_event", "by_source", "number", "series", "total", "values")

    def __init__(self, number: int, series: Series, sketches: HourSketches) -> None:
        self.number = number
        self.series = series
        self.total = NO_TOTAL
        self.values: list[float] | None = None
        if series.event == OTHER or series.event in APART:  # whose profiles go under their own names, or nowhere
            self.by_event = self.by_campaign = self.by_source = []
        else:
            self.by_event = sketches.uniques(series.workspace, "event", series.event)
            self.by_campaign = sketches.uniques(series.workspace, "campaign", series.campaign)
            self.by_source = sketches.uniques(series.workspace, "source", series.source)


class Hour:
    """The series of an hour, in the order in which they came."""

    __slots__ = ("_others", "_told_apart", "_written", "by_tags", "numbered", "sketches", "start_ms")

    def __init__(self, start_ms: int, sketches: HourSketches) -> None:
        self.start_ms = start_ms
        self.sketches = sketches
        self.by_tags: dict[Tags, Known] = {}
        self.numbered: list[Known] = []
        self._others: dict[tuple[str, str], Known] = {}
        self._told_apart: dict[Kind, int] = {}
        self._written = 0

    def number(self, series: Series) -> Known:
        """Take in one more series."""
        known = Known(len(self.numbered), series, self.sketches)
        self.numbered.append(known)
        if series.event == OTHER:
            self._others[series.workspace, series.source] = known
        else:
            self.by_tags[series.workspace, series.event, series.campaign, series.source, series.currency] = known
            kind = kind_of(series)
            self._told_apart[kind] = self._told_apart.get(kind, 0) + 1
        return known

    def has_room(self, series: Series, limit: int) -> bool:
        """Say whether fewer than `limit` of its kind are numbered."""
        return self._told_apart.get(kind_of(series), 0) < limit

    def other(self, workspace: str, source: str) -> Known:
        """Return the series under which those without room are counted."""
        return self._others.get((workspace, source)) or self.number(Series(workspace, OTHER, "", source))

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records that hold series which came since the last call."""
        first = self._written - self._written % _SERIES_PER_RECORD
        if self._written < len(self.numbered):
            for start in range(first, len(self.numbered), _SERIES_PER_RECORD):
                chunk = self.numbered[start : start + _SERIES_PER_RECORD]
                yield self._key(start // _SERIES_PER_RECORD), _V1 + _encode([known.series for known in chunk])
        self._written = len(self.numbered)

    def keys(self) -> Iterator[bytes]:
        """Yield the keys of all records."""
        yield from map(self._key, range(-(-self._written // _SERIES_PER_RECORD)))

    def restore(self, value: bytes) -> None:
        """Take over the next record."""
        for series in _decode(_decode_series, value, "series"):
            self.number(series)
        self._written = len(self.numbered)

    def _key(self, number: int) -> bytes:
        return SERIES_PREFIX + b"%d:%d" % (self.start_ms, number)


class Total:
    """A running total: the `place`th of its bucket."""

    __slots__ = ("bucket", "count", "is_dirty", "known", "micros", "place")

    def __init__(self, bucket: "Bucket", known: Known, place: int) -> None:
        self.bucket = bucket
        self.known = known
        self.place = place
        self.count = 0
        self.micros = 0
        self.is_dirty = False


class Bucket:
    """The totals of a time bucket, by their series' number; `part` as in Rollup. When nothing is added for long it is
    packed: a total takes some bytes of its record then, instead of 145.
    """

    __slots__ = ("_packed", "_told_apart", "_written", "hour", "part", "start_ms", "totals", "used_ms")

    def __init__(self, start_ms: int, part: int, hour: Hour) -> None:
        self.start_ms = start_ms
        self.part = part
        self.hour = hour
        self.totals: dict[int, Total] = {}
        self.used_ms = 0
        """The log time at which it was last asked for; its owner keeps it."""
        self._told_apart: dict[Kind, int] = {}
        self._written = 0
        self._packed: list[bytes] = []

    def packed(self) -> "Bucket":
        """Return it packed. As another one, since a series may hold on to its last total in this one."""
        other = Bucket(self.start_ms, self.part, self.hour)
        other._written = self._written
        other._packed = [self.record(number)[1] for number in range(-(-len(self.totals) // _CELLS_PER_RECORD))]
        self.totals.clear()
        return other

    def unpack(self) -> None:
        """Let it take events again."""
        packed, self._packed, written = self._packed, [], self._written
        for value in packed:
            self.restore(value)
        self._written = written

    def open(self, known: Known) -> Total:
        """Begin the total of a series."""
        total = self.totals[known.number] = Total(self, known, len(self.totals))
        series = known.series
        if series.event != OTHER:
            kind = kind_of(series)
            self._told_apart[kind] = self._told_apart.get(kind, 0) + 1
        return total

    def has_room(self, series: Series, limit: int) -> bool:
        """Say whether fewer than `limit` of its kind are told apart."""
        return self._told_apart.get(kind_of(series), 0) < limit

    def record(self, number: int) -> tuple[bytes, bytes]:
        """Return the record of that number: series number, count and millionths in turn."""
        cells: list[int | str] = []
        start = number * _CELLS_PER_RECORD
        for total in islice(self.totals.values(), start, start + _CELLS_PER_RECORD):
            micros = total.micros  # msgpack's integers have 64 bits
            cells += total.known.number, total.count, micros if -_MAX_INT < micros < _MAX_INT else str(micros)
        self._written = max(self._written, number + 1)
        return self._key(number), _V1 + _encode(cells)

    def keys(self) -> Iterator[bytes]:
        """Yield the keys of all records."""
        yield from map(self._key, range(self._written))

    def restore(self, value: bytes) -> None:
        """Take over the next record."""
        numbers = map(int, _decode(_decode_cells, value, "totals"))
        for number, count, micros in zip(numbers, numbers, numbers, strict=True):
            total = self.open(self.hour.numbered[number])
            total.count, total.micros = count, micros
        self._written += 1

    def _key(self, number: int) -> bytes:
        return CELLS_PREFIX + b"%d:%d" % (self.start_ms, number)


def record_number(total: Total) -> int:
    """Return the number of the record of its bucket that holds the total."""
    return total.place // _CELLS_PER_RECORD


def kind_of(series: Series) -> Kind:
    """Return with which others a series is counted."""
    return series.workspace, series.event == SESSIONS


def numbers_of(key: bytes) -> tuple[int, int]:
    """Return (start_ms, number) of a record of an hour or a bucket."""
    _, start_ms, number = key.split(b":")
    return int(start_ms), int(number)


def _decode(decode: Callable[[memoryview], T], value: bytes, what: str) -> T:
    if value[:1] != _V1:
        raise FrameError(f"{what}: state version {value[:1]!r} is not known; this build reads version 1")
    try:
        return decode(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise FrameError(f"{what}: does not decode: {error}") from error


NO_BUCKET: Bucket = object.__new__(Bucket)
NO_TOTAL: Total = object.__new__(Total)
"""What a series that was never counted points to: a total of no bucket."""
NO_TOTAL.bucket = NO_BUCKET
