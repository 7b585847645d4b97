"""What must have come out, from the producer's journal alone. It must share no code with the product.

It predicts what no interleaving changes: totals of every series, scores of people (alone, or all ids of one together),
tiers announced to people of one id, and carts. A purchase that reached the log at a window's edge is left open: the
cart's message may have gone out or not.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.journal import Sent
from tests.chaos.rules import CART_MS, HALF_LIFE_MS, MARGIN, MQL_AT, MQL_UNTIL, POINTS, TIERS

LATE_MS = 86_400_000
BUCKET_MS = 10_000
EPSILON = 1e-9
RIGID = ("alpha", "beta")
"""Workspaces whose rules never change and whose people don't share ids."""
SkippedKinds = frozenset({"messy"})

SeriesKey = tuple[str, str, str, str, str, int]
"""Workspace, event, campaign, source, currency, start of the bucket."""
PersonKey = tuple[str, int]


class Announced(NamedTuple):
    """How often somebody of one id was told of a tier entered, and of having qualified."""

    tiers: int
    mqls: int


@dataclass
class _Score:
    """Points decay; sums are kept as of the first event."""

    start_ms: int
    weight: float = 0.0
    latest_ms: int = 0
    tier: int = 0
    is_mql: bool = False
    tiers: int = 0
    mqls: int = 0

    def at(self, at_ms: int) -> float:
        return self.weight * 2.0 ** (-(at_ms - self.start_ms) / HALF_LIFE_MS)

    def add(self, event: Sent, points: float) -> None:
        latest = max(self.latest_ms, event.at_ms)
        before = self.at(latest)
        self.weight += points * 2.0 ** ((event.at_ms - self.start_ms) / HALF_LIFE_MS)
        self.latest_ms = latest
        # A late event counts and announces nothing. Between a day and what faults may hold it up lies an hour.
        if event.received_ms - event.at_ms <= LATE_MS:
            self._judge(before, self.at(latest))

    def _judge(self, before: float, after: float) -> None:
        thresholds = list(TIERS.values())
        known = self.tier
        while known and before < thresholds[known - 1] - MARGIN - EPSILON:
            known -= 1
        tier = known
        while tier < len(thresholds) and after >= thresholds[tier] - EPSILON:
            tier += 1
        while tier and after < thresholds[tier - 1] - MARGIN - EPSILON:
            tier -= 1
        was_mql = self.is_mql and before >= MQL_UNTIL - EPSILON
        self.is_mql = after >= MQL_AT - EPSILON or (was_mql and after >= MQL_UNTIL - EPSILON)
        self.tiers += tier > known
        self.mqls += self.is_mql and not was_mql
        self.tier = tier


@dataclass
class _Cart:
    touched: Sent | None = None
    least: int = 0
    most: int = 0


@dataclass
class Reference:
    """What was sent, and what must come of it."""

    events: int = 0
    repeats: int = 0
    series: dict[SeriesKey, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[PersonKey] = field(default_factory=Counter)
    weights: dict[PersonKey, _Score] = field(default_factory=dict)
    alone: dict[tuple[str, str], _Score] = field(default_factory=dict)
    carts: dict[tuple[str, str, str], _Cart] = field(default_factory=dict)

    def points(self, person: PersonKey, at_ms: int) -> float:
        """Return what all ids of a person have earned together."""
        score = self.weights.get(person)
        return score.at(at_ms) if score else 0.0

    def announced(self, workspace: str, profile: str) -> Announced:
        score = self.alone.get((workspace, profile))
        return Announced(score.tiers, score.mqls) if score else Announced(0, 0)


def reference_of(journal: Iterable[Sent]) -> Reference:
    """Work out what must have come of all that was sent; the second of two equal ids had no effect."""
    made = Reference()
    for event in _once(journal, made):
        made.events += 1
        _count(made, event)
        if event.kind in SkippedKinds or event.workspace not in RIGID:
            continue
        person = (event.workspace, event.person)
        made.counts[person] += 1
        points = POINTS.get(_scored_as(event))
        if points is not None:
            made.weights.setdefault(person, _Score(event.at_ms)).add(event, points)
            if event.kind != "joiner":
                made.alone.setdefault((event.workspace, event.profile), _Score(event.at_ms)).add(event, points)
        if event.kind != "joiner":
            _see_cart(made, event)
    for cart in made.carts.values():
        _close(cart, None)
    return made


def _once(journal: Iterable[Sent], made: Reference) -> Iterator[Sent]:
    seen: set[tuple[str, str, str]] = set()
    for event in journal:
        name = (event.workspace, event.profile, event.id)
        if name in seen:
            made.repeats += 1
            continue
        seen.add(name)
        yield event


def _count(made: Reference, event: Sent) -> None:
    bucket = event.at_ms - event.at_ms % BUCKET_MS
    key = (event.workspace, event.name, event.campaign, event.source, event.currency, bucket)
    count, micros = made.series.get(key, (0, 0))
    made.series[key] = (count + 1, micros + (round(event.value * 1_000_000) if event.value is not None else 0))


def _scored_as(event: Sent) -> str:
    is_pricing = event.name == "page_viewed" and str(event.properties.get("path", "")).startswith("/pricing")
    return "pricing_viewed" if is_pricing else event.name


def _see_cart(made: Reference, event: Sent) -> None:
    if event.name not in {"product_added", "order_completed"}:
        return
    cart = made.carts.setdefault((event.workspace, event.profile, event.properties["cart_id"]), _Cart())
    if event.name == "order_completed":
        _close(cart, event)
        cart.touched = None
    else:
        _close(cart, event)
        cart.touched = event


def _close(cart: _Cart, after: Sent | None) -> None:
    """Say what comes of the last touch: log time was between an event's receipt and its confirmation."""
    touched = cart.touched
    if touched is None:
        return
    is_due = after is None or after.received_ms >= touched.acked_ms + CART_MS
    may_be_due = after is None or after.acked_ms >= touched.received_ms + CART_MS
    # One that reached the log when its window had gone by opens none.
    may_be_late = touched.acked_ms >= touched.received_ms + CART_MS
    cart.least += is_due and not may_be_late
    cart.most += may_be_due
