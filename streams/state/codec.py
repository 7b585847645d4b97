"""Keys and values of the state topic. Values start with a version byte; this build reads all versions up to its own."""

import struct
from collections.abc import Callable
from typing import TypeVar

import msgspec

from streams.model.errors import FrameError
from streams.model.profile import ProfileState
from streams.operators.alerting import BookState
from streams.state import codec_v1

VERSION = 2
PROFILE_PREFIX = b"p:"
SKETCH_PREFIX = b"k:"
SEEN_PREFIX = b"s:"
RULES_PREFIX = b"x:"
COMMIT_KEY = b"c:"
UNSENT_PREFIX = b"o:"
ALERT_BOOK_KEY = b"a:"
ERASED_KEY = b"e:"


class SeenMark(msgspec.Struct, frozen=True, array_like=True):
    """Each day's (ids, sum modulo 2^64, chunks), and the last ids, which are in no chunk yet."""

    days: dict[int, tuple[int, int, int]] = {}
    tail_day: int = 0
    tail_first: int = 0
    tail: bytes = b""


_HEAD = struct.Struct(">BQ")
_V1, _V2 = 1, 2
_encode = msgspec.msgpack.Encoder().encode
_encode_into = msgspec.msgpack.Encoder().encode_into
_decode_profile_v2 = msgspec.msgpack.Decoder(ProfileState).decode
T = TypeVar("T")


class Commit(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to frame `applied_offset` is in the state topic, and nothing beyond it.

    `clock_ms` is the log time there, `seen` what the partition remembers of message ids. `sent` and `taken` are the
    numbers of the last move to and from each partition.
    """

    applied_offset: int
    clock_ms: int
    seen: SeenMark = SeenMark()
    sent: dict[int, int] = {}
    taken: dict[int, int] = {}


_decode_commit_v2 = msgspec.msgpack.Decoder(Commit).decode
_decode_book_v1 = msgspec.msgpack.Decoder(tuple[int, BookState]).decode
_decode_unsent_v2 = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode


def profile_key(workspace: str, profile: str) -> bytes:
    """Return the state topic's key of a profile."""
    return PROFILE_PREFIX + f"{workspace}\x1f{profile}".encode()


def is_profile_key(key: bytes) -> bool:
    """Say whether the record under `key` is a profile (and not a partition's own state)."""
    return key.startswith(PROFILE_PREFIX)


def encode_profile(state: ProfileState) -> bytes:
    """Return the state topic's value of a profile: version, due time of its next timer (u64), msgpack."""
    value = bytearray(_HEAD.size)
    _HEAD.pack_into(value, 0, _V2, state.windows.due_ms)
    _encode_into(state, value, _HEAD.size)
    return bytes(value)


def decode_profile(value: bytes) -> ProfileState:
    """Return the profile in `value`. Raises FrameError."""
    version = value[0] if value else 0
    if version == _V2:
        return _decoded(_decode_profile_v2, memoryview(value)[_HEAD.size :], "profile")
    if version == _V1:
        return _decoded(codec_v1.decode_profile, memoryview(value)[1:], "profile")
    raise _unknown(value, "profile")


def due_ms_of(value: bytes) -> int:
    """Return when the profile in `value` has its next timer, 0 when it has none, without decoding the profile."""
    if value and value[0] == _V2:
        due_ms: int = _HEAD.unpack_from(value)[1]
        return due_ms
    return decode_profile(value).windows.due_ms


def seen_key(day: int, chunk: int) -> bytes:
    """Return the state topic's key of one chunk of message ids."""
    return f"s:{day}:{chunk}".encode()


def parse_seen_key(key: bytes) -> tuple[int, int]:
    """Return (day, chunk) of a seen key."""
    _, day, chunk = key.split(b":")
    return int(day), int(chunk)


def encode_commit(commit: Commit) -> bytes:
    """Return the state topic's value of a commit record."""
    return b"\x02" + _encode(commit)


def decode_commit(value: bytes) -> Commit:
    """Return the commit record in `value`. Raises FrameError."""
    version = value[0] if value else 0
    if version == _V2:
        return _decoded(_decode_commit_v2, memoryview(value)[1:], "commit record")
    if version == _V1:
        applied_offset, clock_ms = _decoded(codec_v1.decode_commit, memoryview(value)[1:], "commit record")
        return Commit(applied_offset, clock_ms)
    raise _unknown(value, "commit record")


def is_version_1(value: bytes) -> bool:
    """Say whether the value was written by release 0.1."""
    return value[:1] == b"\x01"


def unsent_key(number: int) -> bytes:
    """Return the state topic's key of the number-th part of the frames that are to be appended."""
    return UNSENT_PREFIX + (b"%06d" % number if number else b"")


def encode_unsent(frames: list[tuple[int, bytes]]) -> bytes:
    """Return the state topic's value of frames that are to be appended: (partition of the events topic, frame)."""
    return b"\x02" + _encode(frames)


def decode_unsent(value: bytes) -> list[tuple[int, bytes]]:
    """Return the frames in `value`. Raises FrameError."""
    if value[:1] != b"\x02":
        raise _unknown(value, "frames to be sent")
    return _decoded(_decode_unsent_v2, memoryview(value)[1:], "frames to be sent")


def encode_book(applied_offset: int, state: BookState) -> bytes:
    """Return the state topic's value of the alerts stage of a rollups partition."""
    return b"\x01" + _encode((applied_offset, state))


def decode_book(value: bytes) -> tuple[int, BookState]:
    """Return (applied offset, state) of the alerts stage. Raises FrameError."""
    if value[:1] != b"\x01":
        raise _unknown(value, "alert book")
    return _decoded(_decode_book_v1, memoryview(value)[1:], "alert book")


def _decoded(decode: Callable[[memoryview], T], value: memoryview, what: str) -> T:
    try:
        return decode(value)
    except msgspec.MsgspecError as error:
        raise FrameError(f"{what} does not decode: {error}") from error


def _unknown(value: bytes, what: str) -> FrameError:
    return FrameError(f"{what}: state version {value[:1]!r} is not known; this build reads up to {VERSION}")
