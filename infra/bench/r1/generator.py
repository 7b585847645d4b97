"""The R1 stream: events of a shop, the same in every run and for every engine.

The order of calls of the random generator is part of the definition: every event of the stream depends on it.
"""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

START_MS = 1_795_219_200_000
SPAN_MS = 6 * 3_600_000
PROFILES = 50_000
_FULL_DENSITY = 500_000
"""A shorter stream is the beginning of the one of this length, not a thinner one."""
_SKEW = 0.8
_SEED = 42
_NAMES = (
    "page_view",
    "product_view",
    "cart_add",
    "purchase",
    "email_open",
    "email_click",
    "form_submit",
    "pricing_view",
)
_PERCENT = (60, 15, 8, 3, 8, 4, 1, 1)
_PRICED = frozenset({"purchase", "cart_add", "product_view"})
_SOURCES = ("web", "ios", "android", "email")


class R1Event(NamedTuple):
    """One event. `value` is an amount of money."""

    id: str
    profile: str
    name: str
    at_ms: int
    source: str
    campaign: str | None
    value: float | None
    sku: int


def events(count: int, profiles: int = PROFILES) -> Iterator[R1Event]:
    """Yield `count` events in order of time; a few of the `profiles` do most (Zipf)."""
    random = Random(_SEED)  # noqa: S311 - a workload, not a secret
    weights = list(accumulate((rank + 1) ** -_SKEW for rank in range(profiles)))
    people = list(range(profiles))
    random.shuffle(people)
    shares = list(accumulate(_PERCENT))
    step_ms = SPAN_MS / max(count, _FULL_DENSITY)
    draw, total = random.random, weights[-1]
    for number in range(count):
        profile = f"p{people[bisect(weights, draw() * total)]:06d}"
        name = _NAMES[bisect(shares, draw() * 100)]
        campaign = None if draw() < 0.3 else f"camp-{int(draw() * 20):02d}"  # noqa: PLR2004 - the share without one
        value = round(5 + draw() * 195, 2) if name in _PRICED else None
        sku = int(draw() * 10_000)
        message_id = f"{random.getrandbits(128):032x}"
        source = _SOURCES[int(draw() * 4)]
        yield R1Event(message_id, profile, name, START_MS + int(number * step_ms), source, campaign, value, sku)


def end_ms(count: int) -> int:
    """Return the time of the last of `count` events."""
    return START_MS + int((count - 1) * (SPAN_MS / max(count, _FULL_DENSITY)))


def properties(event: R1Event) -> dict[str, str]:
    """Return what the page told about itself; it makes an event of R1 some 330 bytes of JSON."""
    return {
        "url": f"https://shop.example.com/catalogue/item-{event.sku:05d}?utm_medium=cpc",
        "ref": "https://www.search.example/",
        "title": f"Item {event.sku:05d} - a fine thing for your home | Example Shop",
    }
