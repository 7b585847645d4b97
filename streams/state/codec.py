"""Keys and values of the state topic. Values start with a version byte; this build reads all versions up to its own."""

import msgspec

from streams.model.errors import FrameError
from streams.model.profiles import ProfileState

VERSION = 1
PROFILE_PREFIX = b"p:"

_encode = msgspec.msgpack.Encoder().encode
_decode_v1 = msgspec.msgpack.Decoder(ProfileState).decode
_V1 = bytes([1])


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
    if value[:1] != _V1:
        raise FrameError(f"profile state version {value[:1]!r} is not known; this build reads up to {VERSION}")
    try:
        return _decode_v1(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise FrameError(f"profile state does not decode: {error}") from error
