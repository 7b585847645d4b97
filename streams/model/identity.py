"""IdentityState: which ids are one person. A profile either holds state or has moved to the profile that does."""

from msgspec import Struct

KINDS = ("user", "anon", "email", "phone", "device", "custom")
"""Kinds of profile ids, strongest first: of two profiles of one person the stronger kind keeps the state."""


class IdentityState(Struct, frozen=True, array_like=True):
    """`moved_to`: this id belongs to that profile and its events are forwarded. `ids`: what has been merged into this
    profile. `claimed_by`: who has said that this id is theirs; too many, and it is `is_shared`: it merges nobody.
    `detached`: ids that were taken out again and must not come back by themselves. `groups`: companies it belongs to.
    """

    moved_to: str = ""
    ids: tuple[str, ...] = ()
    claimed_by: tuple[str, ...] = ()
    is_shared: bool = False
    detached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Member(Struct, frozen=True, array_like=True, gc=False):
    """What a member adds to its company's score: the weight at the score's landmark, and points without decay.

    `revision` grows with each change, so that an older word does not replace a newer.
    """

    revision: int
    half_life_ms: int
    epoch: int
    total: float
    fit: float


class AccountState(Struct, frozen=True, array_like=True):
    """A company: its members' scores, by profile; bounded. `name` as last told."""

    name: str = ""
    members: dict[str, Member] = {}
    tier: str = ""
    is_mql: bool = False


def rank_of(profile: str) -> tuple[int, str]:
    """Return the place of a profile id in the order that decides which of two keeps the state: the least does."""
    kind, _, _ = profile.partition(":")
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), profile)
