"""FactsState: who a profile is and what it did last."""

import struct
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from streams.model.events import ProfileKeys


class Trait(Struct, frozen=True, array_like=True, gc=False):
    """What a person told about itself, when (event time) and through which source; the latest word counts."""

    value: Any
    at_ms: int
    source: str


class Interaction(Struct, frozen=True, array_like=True, gc=False):
    """One line of a profile's recent history."""

    name: str
    at_ms: int
    source: str
    value: float | None = None
    detail: str = ""


class Activity(Struct, frozen=True, array_like=True, gc=False):
    """How much an id that was merged into the profile had done."""

    events: int
    sessions: int
    first_seen_ms: int
    last_seen_ms: int


MAX_RECENT = HALF_RECENT = 10
"""So many lines of history are told; up to twice as many are kept, so that dropping old ones costs nothing."""
pack_line = msgspec.msgpack.Encoder().encode
_decode_lines = msgspec.msgpack.Decoder(list[Interaction]).decode
_ARRAY = struct.Struct(">BH")  # head of a msgpack array of up to 65,535 values
_ARRAY16 = 0xDC


class FactsState(Struct, frozen=True, array_like=True, gc=False):
    """Recent history is packed, ordered by event time: `lines` holds the newest `line_count` lines, `older` the
    `HALF_RECENT` before them, once there were so many (see `recent`). Counts are the profile's own; those of merged ids
    are in `moved`, by id (`label_of`). `last_seen_ms` is event time; a gap of half an hour before an event begins a
    session.

    `keys_at_ms` are the event times since which the keys are known, in the order of their fields without `custom`;
    empty: all since `first_seen_ms`.
    """

    keys: ProfileKeys = ProfileKeys()
    traits: dict[str, Trait] = {}
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    events: int = 0
    sessions: int = 0
    lines: bytes = b""
    line_count: int = 0
    older: bytes = b""
    moved: dict[str, Activity] = {}
    keys_at_ms: tuple[int, ...] = ()

    @property
    def recent(self) -> tuple[Interaction, ...]:
        """The newest lines by event time, each once, newest last."""
        return newest(self.kept_lines(), MAX_RECENT)

    def kept_lines(self) -> list[Interaction]:
        """Return all lines that are kept: at least those of `recent`."""
        older = unpacked(self.older, HALF_RECENT) if self.older else []
        return older + unpacked(self.lines, self.line_count)


def packed(lines: Iterable[Interaction]) -> bytes:
    """Return lines as `FactsState.lines` holds them: msgpack, one after the other."""
    return b"".join(map(pack_line, lines))


def unpacked(lines: bytes, count: int) -> list[Interaction]:
    """Return packed lines in their order."""
    return _decode_lines(_ARRAY.pack(_ARRAY16, count) + lines) if count else []


def newest(lines: Iterable[Interaction], count: int = 2 * HALF_RECENT) -> tuple[Interaction, ...]:
    """Return the newest `count` of the lines, each once, newest last."""
    ordered = sorted({line_rank(line): line for line in lines}.items())
    return tuple(line for _, line in ordered[-count:])


def line_rank(line: Interaction) -> tuple[int, str, str, bool, float, str]:
    """Return what lines are ordered by; equal ones are one line."""
    return line.at_ms, line.name, line.source, line.value is not None, line.value or 0.0, line.detail
