"""What R1 must give, found by the plainest program that can: one pass, three dictionaries, no engine.

It shares nothing with the product but numbers.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from infra.bench.r1.generator import R1Event

POINTS: Mapping[str, float] = {
    "page_view": 1,
    "product_view": 2,
    "cart_add": 5,
    "email_open": 5,
    "email_click": 8,
    "form_submit": 20,
    "pricing_view": 15,
}
HALF_LIFE_MS = 7 * 86_400_000
CART_MS = 3_600_000
BUCKET_MS = 10_000
WARM, HOT = 25, 50

Tier = tuple[str, int, int]
"""Profile, tier (1 warm, 2 hot), time of the event that led there."""
Cart = tuple[str, int]
"""Profile, time at which the cart was touched last."""
Group = tuple[int, str, str]
"""Start of the bucket, event name, campaign."""
Total = tuple[int, int]
"""How many, and the sum of their values in millionths."""


class Outcome(NamedTuple):
    """What an engine said, or must say. A profile falls back to no tier and may reach one again."""

    tiers: frozenset[Tier]
    carts: frozenset[Cart]
    rollups: dict[Group, Total]


def expected(stream: Iterable[R1Event], until_ms: int) -> Outcome:
    """Return what must have come out once the log's time is `until_ms`."""
    scores: dict[str, tuple[float, int, int]] = {}
    open_carts: dict[str, int] = {}
    tiers: set[Tier] = set()
    carts: set[Cart] = set()
    rollups: dict[Group, Total] = {}
    for event in stream:
        profile, now_ms = event.profile, event.at_ms
        if points := POINTS.get(event.name):
            score, then_ms, before = scores.get(profile, (0.0, now_ms, 0))
            score = score * 0.5 ** ((now_ms - then_ms) / HALF_LIFE_MS) + points
            tier = (score >= WARM) + (score >= HOT)
            if tier > before:
                tiers.add((profile, tier, now_ms))
            scores[profile] = score, now_ms, tier
        if event.name in {"cart_add", "purchase"}:
            touched_ms = open_carts.pop(profile, now_ms)
            if touched_ms + CART_MS <= now_ms:
                carts.add((profile, touched_ms))
            if event.name == "cart_add":
                open_carts[profile] = now_ms
        group = now_ms - now_ms % BUCKET_MS, event.name, event.campaign or ""
        count, value = rollups.get(group, (0, 0))
        rollups[group] = count + 1, value + round((event.value or 0) * 1_000_000)
    carts.update((profile, at_ms) for profile, at_ms in open_carts.items() if at_ms + CART_MS <= until_ms)
    return Outcome(frozenset(tiers), frozenset(carts), rollups)
