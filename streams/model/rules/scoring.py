"""Scores as data: what earns points, how they fade, and from where on a lead is warm, hot or qualified."""

from msgspec import Struct

from streams.model.rules.conditions import Condition

DAY_MS = 86_400_000


class Cap(Struct, frozen=True, forbid_unknown_fields=True):
    """At most `count` events within any `per_ms` of event time earn points."""

    count: int
    per_ms: int


class ScoreRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Every `event` (snake_case; a page view's page event where `pages` names one) that meets all of `when` earns
    `points`, which may be negative.
    """

    id: str
    event: str
    points: float
    when: tuple[Condition, ...] = ()
    cap: Cap | None = None


class FitRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A profile whose traits meet all of `when` has `points`, without decay, for as long as they do."""

    id: str
    points: float
    when: tuple[Condition, ...]


class TierRule(Struct, frozen=True, forbid_unknown_fields=True):
    """A tier is entered at `at` points."""

    name: str
    at: float


class ScoreModel(Struct, frozen=True, forbid_unknown_fields=True):
    """One score of a workspace. Tiers ascend; below the first a lead is "cold".

    A tier entered is left when the score falls more than `margin` below it, and may then be announced again. A lead is
    qualified (MQL) at `mql_at` and stays so until it falls below `mql_until`.
    """

    id: str = "lead"
    name: str = "Lead score"
    half_life_ms: int = 30 * DAY_MS
    rules: tuple[ScoreRule, ...] = ()
    fit: tuple[FitRule, ...] = ()
    tiers: tuple[TierRule, ...] = (TierRule("warm", 25), TierRule("hot", 40))
    margin: float = 0
    mql_at: float | None = 50
    mql_until: float = 40
