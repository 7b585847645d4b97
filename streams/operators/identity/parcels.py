"""Parcels: what of a profile travels in a move (its state, its scores computed anew), as bytes that say which version
they are of.

A parcel may wait in the log, or in an outbox of the state topic, while another build takes over, so this build reads
all versions up to its own. It must not know why it travels.
"""

from typing import Generic, TypeVar

import msgspec

from streams.model.errors import FrameError
from streams.model.profile import ProfileState
from streams.model.scores import ScoreState

VERSION = 1
_UNVERSIONED = frozenset((*range(0x90, 0xA0), 0xDC, 0xDD))
"""The first bytes of a msgpack array: such a body was written before parcels had a version."""
_encode_into = msgspec.msgpack.Encoder().encode_into
T = TypeVar("T")


class Recomputed(msgspec.Struct, frozen=True, array_like=True):
    """What the recompute `mark` found for `owner`, the target of the move or an id merged into it since."""

    mark: int
    owner: str
    scores: dict[str, ScoreState]


class Parcel(Generic[T]):
    """One kind of parcel; an error calls it `what`."""

    def __init__(self, kind: type[T], what: str) -> None:
        self._what = what
        self._decode_v1 = msgspec.msgpack.Decoder(kind).decode

    def packed(self, value: T) -> bytes:
        """Return the body of a move that carries it: version, msgpack."""
        body = bytearray((VERSION,))
        _encode_into(value, body, 1)
        return bytes(body)

    def unpacked(self, body: bytes) -> T:
        """Return what is in the body of a move. Raises FrameError."""
        first = body[0] if body else 0
        if first != VERSION and first not in _UNVERSIONED:
            raise FrameError(f"{self._what}: version {body[:1]!r} is not known; this build reads up to {VERSION}")
        try:
            return self._decode_v1(body if first in _UNVERSIONED else memoryview(body)[1:])
        except msgspec.MsgspecError as error:
            raise FrameError(f"{self._what} does not decode: {error}") from error


SCORES = Parcel(Recomputed, "the scores in a move")
_STATE = Parcel(ProfileState, "the state in a move")
packed, unpacked = _STATE.packed, _STATE.unpacked
