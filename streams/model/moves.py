"""Move: a message from one profile to another, through the log, since they may live in different partitions."""

from enum import IntEnum

from msgspec import Struct


class MoveKind(IntEnum):
    """What a move asks of its target. The body is msgpack of what stands in brackets; in a parcel
    (streams/operators/identity/parcels.py) a version stands before it.
    """

    CLAIM = 1  # [Claim, or nothing] `source` says that the id `target` is the same person
    ABSORB = 2  # [parcel of a ProfileState] the state of `source`, which has moved to `target`
    FORWARD = 3  # [Event] an event of `source`, which has moved to `target`
    DETACH = 4  # [int] the id `source` has left `target`, which it had joined by its join of that number
    RESTORE = 5  # [parcel of a ProfileState] what `source` kept of `target` goes back to it
    MEMBER = 6  # [Membership] the score of `source`, a member of the company `target`
    INTEREST = 7  # [Interest] `source` wants to hear of the product `target`, or no longer does
    NOTIFY = 8  # [Notice] news of the product `source` for `target`
    RESCORE = 9  # [parcel of Recomputed] the scores of `target` up to a point of the log, computed anew
    ERASED = 10  # nothing: what stood here was about somebody who was erased; it keeps the numbers of those after it


class ClaimReason(IntEnum):
    """Why somebody claims an id. Only who names the id in an event (EVENT) counts as one who uses it."""

    EVENT = 0
    LINK = 1  # both claim the same id, so they are one person
    FOLLOW = 2  # `source` has taken over `target`, of which it knows the join of that number, from another


class Claim(Struct, frozen=True, array_like=True, gc=False):
    """`is_explicit`: somebody said so in as many words (alias), which joins even two users."""

    reason: ClaimReason = ClaimReason.EVENT
    is_explicit: bool = False
    join: int = 0


class Move(Struct, frozen=True, array_like=True, gc=False):
    """One message; profiles by id, both of `workspace`. `at_ms` is the sender's log time."""

    kind: MoveKind
    workspace: str
    target: str
    source: str
    at_ms: int
    body: bytes = b""


class MoveBatch(Struct, frozen=True, array_like=True, gc=False):
    """Moves of one partition to one other, in order. Numbers of a partition only grow, and a target takes each once:
    `first` is the number of the first, the others follow by ones.
    """

    partition: int
    first: int
    moves: tuple[Move, ...]
