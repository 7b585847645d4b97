"""The frame codec: many values of one kind in one log record.

Layout, big-endian: magic "CQ" | version u8 | kind u8 | count u32 | clock_ms u64 | crc32 u32 | body (msgpack array of
`count` values). The checksum covers everything but itself. `clock_ms` is the log time at which the frame was made.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any
from zlib import crc32

import msgspec

from streams.model.control import Control
from streams.model.errors import FrameError
from streams.model.events import Event
from streams.model.moves import MoveBatch
from streams.model.rollups import RollupBatch

VERSION = 1
_MAGIC = b"CQ"
_HEADER = struct.Struct(">2sBBIQ")
_CRC = struct.Struct(">I")
_BODY_AT = _HEADER.size + _CRC.size


class FrameKind(IntEnum):
    """What a frame carries."""

    EVENTS = 1
    TICK = 2
    ROLLUPS = 3
    MOVES = 4
    CONTROL = 5


class Frame(msgspec.Struct, frozen=True):
    """A decoded frame; only the field of its kind is filled. `size` is how many bytes it took, 0 when not known."""

    kind: FrameKind
    clock_ms: int
    events: list[Event] = []
    rollups: RollupBatch | None = None
    moves: MoveBatch | None = None
    control: Control | None = None
    size: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode_events = msgspec.msgpack.Decoder(list[Event]).decode
_decode_rollups = msgspec.msgpack.Decoder(tuple[RollupBatch]).decode
_decode_moves = msgspec.msgpack.Decoder(tuple[MoveBatch]).decode
_decode_control = msgspec.msgpack.Decoder(tuple[Control]).decode


def _pack(kind: FrameKind, clock_ms: int, values: Sequence[Any]) -> bytes:
    return _framed(kind, clock_ms, len(values), _encode(values))


def _framed(kind: FrameKind, clock_ms: int, count: int, body: bytes) -> bytes:
    head = _HEADER.pack(_MAGIC, VERSION, kind, count, clock_ms)
    return b"".join((head, _CRC.pack(crc32(body, crc32(head))), body))


def _array_head(count: int) -> bytes:
    """Return how msgpack begins an array of so many values."""
    if count < 1 << 4:
        return bytes((0x90 | count,))
    return b"\xdc" + count.to_bytes(2, "big") if count < 1 << 16 else b"\xdd" + count.to_bytes(4, "big")


def encode_events(events: Sequence[Event], clock_ms: int) -> bytes:
    """Return a frame of events of one partition, in order."""
    return _pack(FrameKind.EVENTS, clock_ms, events)


def pack_event(event: Event) -> bytes:
    """Return an event as it stands in a frame, for `join_events`."""
    return _encode(event)


def join_events(packed: Sequence[bytes], clock_ms: int) -> bytes:
    """Return a frame of events of one partition, in order: what `encode_events` makes of them."""
    return _framed(FrameKind.EVENTS, clock_ms, len(packed), b"".join((_array_head(len(packed)), *packed)))


def encode_tick(clock_ms: int) -> bytes:
    """Return a frame that only says what time it is."""
    return _pack(FrameKind.TICK, clock_ms, ())


SAYS_NOTHING = encode_tick(0)
"""What stands, or is read, where a whole record was erased, and what shows whether the log takes records."""


def encode_rollups(batch: RollupBatch) -> bytes:
    """Return a frame of one partition's changed totals."""
    return _pack(FrameKind.ROLLUPS, batch.clock_ms, (batch,))


def encode_moves(batch: MoveBatch, clock_ms: int) -> bytes:
    """Return a frame of one partition's messages to another."""
    return _pack(FrameKind.MOVES, clock_ms, (batch,))


def encode_control(control: Control, clock_ms: int) -> bytes:
    """Return a frame of one control record."""
    return _pack(FrameKind.CONTROL, clock_ms, (control,))


def decode(data: bytes) -> Frame:
    """Return the frame in `data`. Raises FrameError, whose text says which check failed."""
    if len(data) < _BODY_AT:
        raise FrameError(f"truncated: {len(data)} bytes, a frame has at least {_BODY_AT}")
    magic, version, kind, count, clock_ms = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise FrameError(f"not a frame: starts with {magic!r}")
    if version != VERSION:
        raise FrameError(f"version {version} is not known; this build reads version {VERSION}")
    body = memoryview(data)[_BODY_AT:]
    if crc32(body, crc32(data[: _HEADER.size])) != _CRC.unpack_from(data, _HEADER.size)[0]:
        raise FrameError("checksum does not match: truncated or damaged")
    try:
        frame, found = _decode_body(kind, clock_ms, body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise FrameError(f"body does not decode: {error}") from error
    if found != count:
        raise FrameError(f"count says {count}, body holds {found}")
    return frame


def _decode_body(kind: int, clock_ms: int, body: memoryview) -> tuple[Frame, int]:
    """Return the frame and how many values its body holds. Raises FrameError and MsgspecError."""
    if kind == FrameKind.EVENTS:
        events = _decode_events(body)
        return Frame(FrameKind.EVENTS, clock_ms, events, size=len(body)), len(events)
    if kind == FrameKind.TICK:
        return Frame(FrameKind.TICK, clock_ms), 0
    if kind == FrameKind.ROLLUPS:
        return Frame(FrameKind.ROLLUPS, clock_ms, rollups=_decode_rollups(body)[0]), 1
    if kind == FrameKind.MOVES:
        return Frame(FrameKind.MOVES, clock_ms, moves=_decode_moves(body)[0]), 1
    if kind == FrameKind.CONTROL:
        return Frame(FrameKind.CONTROL, clock_ms, control=_decode_control(body)[0]), 1
    raise FrameError(f"kind {kind} is not known")
