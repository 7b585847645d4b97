"""Version 1 of the state topic (release 0.1), read only: old records become today's values."""

from typing import Any

import msgspec
from msgspec import Struct

from streams.model.events import ProfileKeys
from streams.model.facts import HALF_RECENT, FactsState, Interaction, Trait, packed
from streams.model.profile import ProfileState
from streams.model.scores import EPOCH_HALF_LIVES, Contribution, ScoreState
from streams.model.windows import CartItem, Window, WindowsState, window_key

OBSOLETE_PREFIXES = (b"r:", b"s:")
"""Keys of open totals and of message ids."""
HALF_LIFE_MS = 30 * 86_400_000
"""Version 1 did not write it down: shown as by default until the engine, which takes the points as those of `at_ms`
whatever it was, converts them to today's rules.
"""
_CART = "cart_abandoned"


class _Facts(Struct, array_like=True):
    keys: ProfileKeys = ProfileKeys()
    traits: dict[str, Any] = {}
    first_seen_ms: int = 0
    last_seen_ms: int = 0
    events: int = 0
    recent: tuple[Interaction, ...] = ()


class _Contribution(Struct, array_like=True):
    rule: str
    count: int
    points: float
    last_at_ms: int


class _Score(Struct, array_like=True):
    points: float = 0.0
    at_ms: int = 0
    tier: str = "cold"
    is_mql: bool = False
    contributions: tuple[_Contribution, ...] = ()


class _Cart(Struct, array_like=True):
    items: tuple[CartItem, ...] = ()
    currency: str = ""
    url: str = ""
    opened_ms: int = 0
    updated_ms: int = 0
    due_ms: int = 0
    started_at_ms: int = 0


class _Profile(Struct, array_like=True):
    workspace: str
    id: str
    applied_offset: int = -1
    facts: _Facts = msgspec.field(default_factory=_Facts)
    score: _Score = msgspec.field(default_factory=_Score)
    cart: _Cart = msgspec.field(default_factory=_Cart)


_decode_profile = msgspec.msgpack.Decoder(_Profile).decode
_decode_commit = msgspec.msgpack.Decoder(tuple[int, int, dict[int, int]]).decode


def decode_profile(body: memoryview) -> ProfileState:
    """Return the profile in the body of a version 1 record. Raises msgspec.MsgspecError."""
    old = _decode_profile(body)
    return ProfileState(
        old.workspace,
        old.id,
        _facts(old.facts),
        {"lead": _score(old.score)} if old.score.contributions else {},
        _windows(old.cart),
    )


def decode_commit(body: memoryview) -> tuple[int, int]:
    """Return (applied offset, clock) of a version 1 commit record. Raises msgspec.MsgspecError."""
    applied_offset, clock_ms, _ = _decode_commit(body)
    return applied_offset, clock_ms


def _facts(old: _Facts) -> FactsState:
    traits = {name: Trait(value, old.last_seen_ms, "") for name, value in old.traits.items()}
    older, newer = (old.recent[:-HALF_RECENT], old.recent[-HALF_RECENT:])
    lines = packed(newer), len(newer), packed(older) if len(older) == HALF_RECENT else b""
    return FactsState(old.keys, traits, old.first_seen_ms, old.last_seen_ms, old.events, 0, *lines)


def _score(old: _Score) -> ScoreState:
    epoch = old.at_ms // (EPOCH_HALF_LIVES * HALF_LIFE_MS)
    scale = 2.0 ** (old.at_ms / HALF_LIFE_MS - epoch * EPOCH_HALF_LIVES)
    parts = {c.rule: Contribution(c.count, c.points * scale, c.last_at_ms) for c in old.contributions}
    total = sum(p.weight for p in parts.values())
    return ScoreState(HALF_LIFE_MS, epoch, total, old.at_ms, old.tier, old.is_mql, parts)


def _windows(old: _Cart) -> WindowsState:
    if not old.items:
        return WindowsState()
    window = Window(
        _CART, "cart", "", old.items, old.currency, old.url, old.opened_ms, old.updated_ms, old.due_ms, 0,
        old.started_at_ms,
    )  # fmt: skip
    return WindowsState({window_key(_CART, ""): window}, old.due_ms)
