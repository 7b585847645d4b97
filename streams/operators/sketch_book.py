"""The open sketches of a partition: fed at each flush, published now and then, always exact in the state topic.

A changed sketch is a kilobyte, an event some bytes. So a flush writes either what is new (a delta record) or, once that
would be more, the changed sketches themselves; the deltas go then. Published sketches are written in the same flush.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from streams.model.errors import FrameError
from streams.model.ids import stable_id
from streams.model.rollups import SKETCH_HOUR_MS, Sketch, SketchKind
from streams.operators.sketches import UniqueSketch, ValueSketch

MAX_SKETCHES = 200
"""So many names of a workspace's dimension (or event and currency) have a sketch of their own in one hour."""
OTHER = "(other)"
"""The name that stands for those beyond a limit."""
PUBLISH_MS = 30_000
"""Sketches are published once in so much log time: the rollups topic is to keep totals for days."""

T = TypeVar("T")
Records: TypeAlias = list[tuple[bytes, bytes | None]]
Name: TypeAlias = tuple[SketchKind, str, str, str, str]
"""Kind, workspace, dimension, name, currency."""

Taken: TypeAlias = list[Any]
"""Profiles (str) or values (float); a list of either is no list of both, so the type says neither."""

SKETCH_PREFIX = b"u:"
DELTA_PREFIX = b"d:"
_V1 = b"\x01"
# A sketch in the state topic weighs about as much as so many ids.
_IDS_PER_SKETCH = 40


class _Written(msgspec.Struct, frozen=True, array_like=True):
    """A sketch in the state topic."""

    name: Name
    hour_ms: int
    is_published: bool
    image: bytes


class _Delta(msgspec.Struct, frozen=True, array_like=True):
    """What a sketch took in since it was last written: profiles or values."""

    name: Name
    hour_ms: int
    taken: Taken


_encode = msgspec.msgpack.Encoder().encode
_decode_written = msgspec.msgpack.Decoder(_Written).decode
_decode_deltas = msgspec.msgpack.Decoder(list[_Delta]).decode


class Held:
    """A sketch and where it stands."""

    __slots__ = ("hour_ms", "key", "name", "part", "sketch")

    def __init__(self, name: Name, hour_ms: int, part: int, image: bytes | None = None) -> None:
        self.name = name
        self.hour_ms = hour_ms
        self.part = part
        self.sketch = UniqueSketch(image) if name[0] == SketchKind.UNIQUES else ValueSketch(image)
        self.key = SKETCH_PREFIX + f"{hour_ms}:{stable_id(*name)}".encode()

    def record(self, is_published: bool) -> tuple[bytes, bytes]:
        """Return the state topic's record."""
        written = _Written(self.name, self.hour_ms, is_published, self.sketch.image())
        return self.key, _V1 + _encode(written)

    def published(self, partition: int) -> Sketch:
        """Return the sketch as others see it."""
        kind, workspace, dimension, name, currency = self.name
        body = self.sketch.body()
        return Sketch(workspace, dimension, name, currency, self.hour_ms, partition, self.part, kind, body)


class HourSketches:
    """The sketches of one hour; of late events of one frame when `part` is not 0."""

    def __init__(self, hour_ms: int, part: int) -> None:
        self.hour_ms = hour_ms
        self.part = part
        self.held: dict[Name, Held] = {}
        self._told_apart: dict[tuple[SketchKind, str, str], int] = {}

    def uniques(self, workspace: str, dimension: str, name: str) -> list[str]:
        """Return where to put the profiles of `name`; something must be put there."""
        sketch = self._held((SketchKind.UNIQUES, workspace, dimension, name, "")).sketch
        assert isinstance(sketch, UniqueSketch)
        return sketch.pending

    def values(self, workspace: str, event: str, currency: str) -> list[float]:
        """Return where to put the values of `event`; something must be put there."""
        sketch = self._held((SketchKind.VALUES, workspace, "event", event, currency)).sketch
        assert isinstance(sketch, ValueSketch)
        return sketch.pending

    def open(self, name: Name, image: bytes | None = None) -> Held:
        """Hold one more sketch."""
        held = self.held[name] = Held(name, self.hour_ms, self.part, image)
        if name[3] != OTHER:
            self._told_apart[name[:3]] = self._told_apart.get(name[:3], 0) + 1
        return held

    def _held(self, name: Name) -> Held:
        found = self.held.get(name)
        if found is None and self._told_apart.get(name[:3], 0) >= MAX_SKETCHES:
            name = (*name[:3], OTHER, "")
            found = self.held.get(name)
        return found or self.open(name)


class SketchBook:
    """All open sketches. What is published is a function of the events; when, of log time and flushes."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._hours: dict[int, HourSketches] = {}
        self._late: dict[tuple[int, int], HourSketches] = {}
        # As sets that keep the order in which the first news came.
        self._unwritten: dict[Held, None] = {}
        self._unpublished: dict[Held, None] = {}
        self._deltas = 0
        self._taken_since_written = 0
        self._published_slot = -1
        self._must_write = False

    def write_out(self) -> None:
        """Let the next flush write sketches, and drop the deltas: these name people, as sketches do not."""
        self._must_write = True

    def hour(self, hour_ms: int) -> HourSketches:
        """Return the hour's sketches."""
        found = self._hours.get(hour_ms)
        if found is None:
            found = self._hours[hour_ms] = HourSketches(hour_ms, 0)
        return found

    def late_hour(self, hour_ms: int, offset: int) -> HourSketches:
        """Return the sketches of what came in the frame at `offset` for an hour that has left memory."""
        found = self._late.get((hour_ms, offset))
        if found is None:
            found = self._late[hour_ms, offset] = HourSketches(hour_ms, offset)
        return found

    def is_due(self, clock_ms: int) -> bool:
        """Say whether sketches wait and may be published."""
        return bool(self._unpublished) and clock_ms // PUBLISH_MS > self._published_slot

    def take(self, clock_ms: int, oldest_ms: int) -> tuple[Records, list[Sketch]]:
        """Return records for the state topic and sketches to publish; forget hours that end by `oldest_ms`."""
        news = self._settle()
        gone = [start for start in self._hours if start + SKETCH_HOUR_MS <= oldest_ms]
        sketches = self._publish(clock_ms, gone)
        tombstones: Records = []
        for start in gone:
            for held in self._hours.pop(start).held.values():
                tombstones.append((held.key, None))
                self._unwritten.pop(held, None)
        # With an hour that goes all is written: deltas must not name sketches that are no more.
        must_write, self._must_write = self._must_write, False
        if gone or sketches or must_write or self._taken_since_written > _IDS_PER_SKETCH * len(self._unwritten):
            records = self._written() + tombstones
        else:
            records = self._delta(news)
        for late in self._late.values():
            for held in late.held.values():
                held.sketch.settle()
                sketches.append(held.published(self._partition))
        self._late.clear()
        return records, sketches

    def restore(self, records: Mapping[bytes, bytes]) -> None:
        """Take over what the state topic holds."""
        for key in sorted(key for key in records if key.startswith(SKETCH_PREFIX)):
            written = _decode(_decode_written, records[key])
            held = self.hour(written.hour_ms).open(written.name, written.image)
            if not written.is_published:
                self._unpublished[held] = None
        for number in sorted(int(key[len(DELTA_PREFIX) :]) for key in records if key.startswith(DELTA_PREFIX)):
            self._deltas = number + 1
            for delta in _decode(_decode_deltas, records[_delta_key(number)]):
                hour = self.hour(delta.hour_ms)
                held = hour.held.get(delta.name) or hour.open(delta.name)
                held.sketch.absorb(delta.taken)
                self._note(held, len(delta.taken))

    def _settle(self) -> list[tuple[Held, Taken]]:
        news = []
        for hour in self._hours.values():
            for held in hour.held.values():
                if held.sketch.pending:
                    taken = held.sketch.settle()
                    news.append((held, taken))
                    self._note(held, len(taken))
        return news

    def _note(self, held: Held, taken: int) -> None:
        self._taken_since_written += taken
        self._unwritten[held] = None
        self._unpublished[held] = None

    def _publish(self, clock_ms: int, hours_gone: list[int]) -> list[Sketch]:
        if self.is_due(clock_ms):
            self._published_slot = clock_ms // PUBLISH_MS
            due = list(self._unpublished)
        else:
            due = [held for held in self._unpublished if held.hour_ms in hours_gone] if hours_gone else []
        for held in due:
            del self._unpublished[held]
            self._unwritten[held] = None
        return [held.published(self._partition) for held in due]

    def _written(self) -> Records:
        records: Records = [held.record(held not in self._unpublished) for held in self._unwritten]
        records += [(_delta_key(number), None) for number in range(self._deltas)]
        self._unwritten.clear()
        self._deltas = self._taken_since_written = 0
        return records

    def _delta(self, news: list[tuple[Held, Taken]]) -> Records:
        if not news:
            return []
        deltas = [_Delta(held.name, held.hour_ms, held.sketch.without_repeats(taken)) for held, taken in news]
        self._deltas += 1
        return [(_delta_key(self._deltas - 1), _V1 + _encode(deltas))]


def _delta_key(number: int) -> bytes:
    return DELTA_PREFIX + b"%d" % number


def _decode(decode: Callable[[memoryview], T], value: bytes) -> T:
    if value[:1] != _V1:
        raise FrameError(f"sketch: state version {value[:1]!r} is not known; this build reads version 1")
    try:
        return decode(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise FrameError(f"sketch does not decode: {error}") from error
