"""Keys and values of the state topic. Values start with a version byte; this build reads all versions up to its own."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from streams.model.errors import FrameError
from streams.model.ids import stable_id
from streams.model.profiles import ProfileState
from streams.model.rollups import Rollup
from streams.operators.alerting import BookState
from streams.operators.rollups import Cell

VERSION = 1
PROFILE_PREFIX = b"p:"
ALERT_BOOK_KEY = b"a:"

_encode = msgspec.msgpack.Encoder().encode
_decode_v1 = msgspec.msgpack.Decoder(ProfileState).decode
_V1 = bytes([1])
T = TypeVar("T")


class Commit(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to frame `applied_offset` is durable; `clock_ms` and the seen ids hold at that frame."""

    applied_offset: int
    clock_ms: int
    seen_counts: dict[int, int]


_decode_commit_v1 = msgspec.msgpack.Decoder(Commit).decode
_decode_book_v1 = msgspec.msgpack.Decoder(tuple[int, BookState]).decode
_decode_cell_v1 = msgspec.msgpack.Decoder(Cell).decode


def profile_key(workspace: str, profile: str) -> bytes:
    """Return the state topic's key of a profile."""
    return PROFILE_PREFIX + f"{workspace}\x1f{profile}".encode()


def is_profile_key(key: bytes) -> bool:
    """Say whether the record under `key` is a profile (and not a partition's own state)."""
    return key.startswith(PROFILE_PREFIX)


def encode_profile(state: ProfileState) -> bytes:
    """Return the state topic's value of a profile."""
    return _V1 + _encode(state)


def decode_profile(value: bytes) -> ProfileState:
    """Return the profile in `value`. Raises FrameError."""
    return _decode(_decode_v1, value, "profile")


def _decode(decode: Callable[[memoryview], T], value: bytes, what: str) -> T:
    if value[:1] != _V1:
        raise FrameError(f"{what}: state version {value[:1]!r} is not known; this build reads up to {VERSION}")
    try:
        return decode(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise FrameError(f"{what} does not decode: {error}") from error


def commit_key() -> bytes:
    """Return the state topic's key of the partition's commit record."""
    return b"c:"


def cell_key(rollup: Rollup) -> bytes:
    """Return the state topic's key of one open total."""
    series = rollup.series
    digest = stable_id(series.workspace, series.event, series.campaign, series.source, series.currency)
    return f"r:{rollup.bucket_ms}:{rollup.part}:{digest}".encode()


def seen_key(day: int, chunk: int) -> bytes:
    """Return the state topic's key of one chunk of message ids."""
    return f"s:{day}:{chunk}".encode()


def parse_seen_key(key: bytes) -> tuple[int, int]:
    """Return (day, chunk) of a seen key."""
    _, day, chunk = key.split(b":")
    return int(day), int(chunk)


def encode_value(value: Commit | Cell) -> bytes:
    """Return the state topic's value of a commit record or an open total."""
    return _V1 + _encode(value)


def decode_commit(value: bytes) -> Commit:
    """Return the commit record in `value`. Raises FrameError."""
    return _decode(_decode_commit_v1, value, "commit record")


def decode_cell(value: bytes) -> Cell:
    """Return the open total in `value`. Raises FrameError."""
    return _decode(_decode_cell_v1, value, "open total")


def encode_book(applied_offset: int, state: BookState) -> bytes:
    """Return the state topic's value of the alerts stage of a rollups partition."""
    return _V1 + _encode((applied_offset, state))


def decode_book(value: bytes) -> tuple[int, BookState]:
    """Return (applied offset, state) of the alerts stage. Raises FrameError."""
    return _decode(_decode_book_v1, value, "alert book")
