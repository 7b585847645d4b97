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

from streams.model.errors import FrameError
from streams.model.events import Event
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


class Frame(msgspec.Struct, frozen=True):
    """A decoded frame; only the field of its kind is filled."""

    kind: FrameKind
    clock_ms: int
    events: list[Event] = []
    rollups: RollupBatch | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode_events = msgspec.msgpack.Decoder(list[Event]).decode
_decode_rollups = msgspec.msgpack.Decoder(list[RollupBatch]).decode


def _pack(kind: FrameKind, clock_ms: int, values: Sequence[Any]) -> bytes:
    head = _HEADER.pack(_MAGIC, VERSION, kind, len(values), clock_ms)
    body = _encode(values)
    return b"".join((head, _CRC.pack(crc32(body, crc32(head))), body))


def encode_events(events: Sequence[Event], clock_ms: int) -> bytes:
    """Return a frame of events of one partition, in order."""
    return _pack(FrameKind.EVENTS, clock_ms, events)


def encode_tick(clock_ms: int) -> bytes:
    """Return a frame that only says what time it is."""
    return _pack(FrameKind.TICK, clock_ms, ())


def encode_rollups(batch: RollupBatch) -> bytes:
    """Return a frame of one partition's changed totals."""
    return _pack(FrameKind.ROLLUPS, batch.clock_ms, (batch,))


def decode(data: bytes) -> Frame:
    """Return the frame in `data`. Raises FrameError, whose text says which check failed."""
    if len(data) < _BODY_AT:
        raise FrameError(f"truncated: {len(data)} bytes, a frame has at least {_BODY_AT}")
    magic, version, kind, count, clock_ms = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise FrameError(f"not a frame: starts with {magic!r}")
    if version != VERSION:
        raise FrameError(f"version {version} is not known; this build reads version {VERSION}")
    body = data[_BODY_AT:]
    if crc32(body, crc32(data[: _HEADER.size])) != _CRC.unpack_from(data, _HEADER.size)[0]:
        raise FrameError("checksum does not match: truncated or damaged")
    try:
        if kind == FrameKind.EVENTS:
            events = _decode_events(body)
            frame = Frame(FrameKind.EVENTS, clock_ms, events)
            found = len(events)
        elif kind == FrameKind.ROLLUPS:
            batches = _decode_rollups(body)
            frame = Frame(FrameKind.ROLLUPS, clock_ms, rollups=batches[0] if batches else None)
            found = len(batches)
        elif kind == FrameKind.TICK:
            frame, found = Frame(FrameKind.TICK, clock_ms), 0
        else:
            raise FrameError(f"kind {kind} is not known")
    except msgspec.MsgspecError as error:
        raise FrameError(f"body does not decode: {error}") from error
    if found != count:
        raise FrameError(f"count says {count}, body holds {found}")
    return frame
