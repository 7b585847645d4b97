"""IdentityState: which ids are one person. A profile either holds state or has moved to the profile that does."""

from msgspec import Struct

KINDS = ("user", "anon", "email", "phone", "device", "custom")
"""Kinds of profile ids, strongest first: of two profiles of one person the stronger kind keeps the state."""
_LABEL_SEPARATOR = "\x1f"


class IdentityState(Struct, frozen=True, array_like=True, gc=False):
    """`moved_to`: this id belongs to that profile and its events are forwarded. `ids`: what has been merged into this
    profile. `claimed_by`: who has said that this id is theirs; too many, and it is `is_shared`: it merges nobody.
    `detached`: ids that were taken out, be it before they came, and must not come (back) by themselves. `groups`:
    companies it belongs to.

    `joined` counts how often this id has joined another; `joins` is the same of those of `ids` that did so more than
    once. Only word of an id's last join counts, so a word that comes late undoes nothing.
    """

    moved_to: str = ""
    ids: tuple[str, ...] = ()
    claimed_by: tuple[str, ...] = ()
    is_shared: bool = False
    detached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    joined: int = 0
    joins: dict[str, int] = {}


class Member(Struct, frozen=True, array_like=True, gc=False):
    """What a member adds to its company's score: the weight at the score's landmark, and points without decay.

    `revision` grows with each change, so that an older word does not replace a newer.
    """

    revision: int
    half_life_ms: int
    epoch: int
    total: float
    fit: float


class Membership(Struct, frozen=True, array_like=True, gc=False):
    """News of a member for its company; `member` None: it is none any more. `name` is empty when none was told."""

    member: Member | None
    name: str = ""
    named_ms: int = 0


class AccountState(Struct, frozen=True, array_like=True, gc=False):
    """A company: its members' scores, by profile; bounded. `name` as last told, at event time `named_ms`. `announced`
    counts what was told of it.
    """

    name: str = ""
    members: dict[str, Member] = {}
    tier: str = ""
    is_mql: bool = False
    named_ms: int = 0
    announced: int = 0


def rank_of(profile: str) -> tuple[int, str]:
    """Return the place of a profile id in the order that decides which of two keeps the state: the least does."""
    kind, _, _ = profile.partition(":")
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), profile)


def label_of(profile: str, join: int) -> str:
    """Return the name under which travels what a profile had done before its `join`-th join; it is used once."""
    return profile if join == 1 else f"{profile}{_LABEL_SEPARATOR}{join}"


def profile_of(label: str) -> str:
    """Return the profile that had done what stands under a label."""
    return label.partition(_LABEL_SEPARATOR)[0]
