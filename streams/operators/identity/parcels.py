"""Parcels: the state of a profile on its way to another partition, as bytes that say which version they are of.

A parcel may wait in the log, or in an outbox of the state topic, while another build takes over, so this build reads
all versions up to its own. It must not know why a state travels.
"""

import msgspec

from streams.model.errors import FrameError
from streams.model.profile import ProfileState

VERSION = 1
_UNVERSIONED = frozenset((*range(0x90, 0xA0), 0xDC, 0xDD))
"""The first bytes of a msgpack array: such a body was written before parcels had a version."""
_encode_into = msgspec.msgpack.Encoder().encode_into
_decode_v1 = msgspec.msgpack.Decoder(ProfileState).decode


def packed(state: ProfileState) -> bytes:
    """Return the body of a move that carries `state`: version, msgpack."""
    body = bytearray((VERSION,))
    _encode_into(state, body, 1)
    return bytes(body)


def unpacked(body: bytes) -> ProfileState:
    """Return the state in the body of a move. Raises FrameError."""
    first = body[0] if body else 0
    if first != VERSION and first not in _UNVERSIONED:
        raise FrameError(f"the state in a move: version {body[:1]!r} is not known; this build reads up to {VERSION}")
    try:
        return _decode_v1(body if first in _UNVERSIONED else memoryview(body)[1:])
    except msgspec.MsgspecError as error:
        raise FrameError(f"the state in a move does not decode: {error}") from error
