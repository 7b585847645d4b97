"""Short ways to the states and rows that the view's tests need."""

from math import exp2

from streams.model.scores import EPOCH_HALF_LIVES, Contribution, ScoreState
from streams.ports import AccountRow, LeadRow

T0 = 1_700_000_000_000


def scored(points: float, at_ms: int, half_life_ms: int, **more: object) -> ScoreState:
    """Return a score that is worth `points` at `at_ms`, by one rule."""
    epoch = at_ms // (EPOCH_HALF_LIVES * half_life_ms)
    weight = points * exp2(at_ms / half_life_ms - epoch * EPOCH_HALF_LIVES)
    parts = {"rule": Contribution(1, weight, at_ms)}
    return ScoreState(half_life_ms, epoch, weight, at_ms, parts=parts, **more)  # type: ignore[arg-type]  its fields


def lead(profile: str, score: float = 1.0, at_ms: int = T0, half_life_ms: int = 1_000_000, **more: object) -> LeadRow:
    row = LeadRow(
        "w", profile, None, None, None, None, score, at_ms, half_life_ms, 1, at_ms, at_ms, False, 0.0, "", 0, b"s"
    )
    return row._replace(**more)  # type: ignore[arg-type]  its fields


def account(name: str, score: float = 1.0, **more: object) -> AccountRow:
    row = AccountRow("w", f"group:{name}", name.title(), 2, score, T0, 1_000_000, 0.0, False, b"s")
    return row._replace(**more)  # type: ignore[arg-type]  its fields
