"""How a record lies in a segment of the spool, and how one is read whatever has become of it. Knows no files.

Layout, big-endian: mark (8 random bytes, one for each segment) | length u32 | crc32 u32 of length and body | body
(msgpack). A body of length 0 ends a segment that was finished in order. Nobody outside knows the mark, so nothing that
was sent in can pass for a record when damage makes the reader look for the next one.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

import msgspec

from streams.ports import NewRecord

MARK_BYTES = 8
_HEAD = struct.Struct(">8sII")
_LENGTH = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(NewRecord).decode


class Gap(NamedTuple):
    """Bytes `start`..`end` of a segment that are no record. `is_torn`: nothing comes after them."""

    start: int
    end: int
    is_torn: bool


def pack(mark: bytes, record: NewRecord) -> bytes:
    """Return the record's bytes."""
    return _packed(mark, _encode(record))


def end_mark(mark: bytes) -> bytes:
    """Return what ends a finished segment."""
    return _packed(mark, b"")


def read(mark: bytes, data: bytes) -> Iterator[NewRecord | Gap]:
    """Return the records of a segment in order, and the gaps between them."""
    at = 0
    while at < len(data):
        body = _body_at(mark, data, at)
        if body is None:
            after = _next_record(mark, data, at + 1)
            yield Gap(at, after, is_torn=after == len(data))
            at = after
            continue
        start, at = at, at + _HEAD.size + len(body)
        if body:
            try:
                record = _decode(body)
            except msgspec.DecodeError:  # sound bytes, but not of this version
                yield Gap(start, at, is_torn=False)
            else:
                yield record


def _packed(mark: bytes, body: bytes) -> bytes:
    length = _LENGTH.pack(len(body))
    return b"".join((mark, length, _LENGTH.pack(crc32(body, crc32(length))), body))


def _body_at(mark: bytes, data: bytes, at: int) -> bytes | None:
    if len(data) - at < _HEAD.size:
        return None
    found, length, checksum = _HEAD.unpack_from(data, at)
    body = data[at + _HEAD.size : at + _HEAD.size + length]
    if found != mark or len(body) < length or crc32(body, crc32(_LENGTH.pack(length))) != checksum:
        return None
    return body


def _next_record(mark: bytes, data: bytes, start: int) -> int:
    at = data.find(mark, start)
    while at >= 0:
        if _body_at(mark, data, at) is not None:
            return at
        at = data.find(mark, at + 1)
    return len(data)
