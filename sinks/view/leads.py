"""From a profile's state to the row that the API shows, and how rows rank. Pure, and the same for every view."""

from collections.abc import Mapping
from math import inf, log2

from streams.model.facts import Trait
from streams.model.profile import ProfileState
from streams.model.scores import ScoreState, points_at
from streams.model.windows import newest_cart
from streams.operators.history import activity_of
from streams.ports import LeadRow
from streams.state.codec import encode_profile

LEAD = "lead"
MAX_PAGE = 500
_MAX_NAME = 200


def rank_of(score: float, at_ms: int, half_life_ms: int) -> float:
    """Return a number that orders scores by their decayed value at any time after all of their `at_ms`.

    log2 of a decayed score falls by the same 1 / half_life each millisecond for everybody. So the sum
    log2(score) + at / half_life stays as it is while nothing happens, and can be indexed.
    """
    return log2(score) + at_ms / half_life_ms if score > 0 else -inf


def row_of(state: ProfileState, half_life_ms: int) -> LeadRow:
    """Return the profile's row. A cart is open while its window runs: neither bought nor abandoned."""
    facts, cart = state.facts, newest_cart(state.windows)
    lead = state.scores.get(LEAD) or ScoreState()
    return LeadRow(
        workspace=state.workspace,
        profile=state.id,
        user_id=facts.keys.user_id,
        anonymous_id=facts.keys.anonymous_id,
        email=facts.keys.email,
        name=_name_of(facts.traits),
        score=points_at(lead, lead.at_ms),
        score_at_ms=lead.at_ms,
        half_life_ms=half_life_ms,
        events=activity_of(facts).events,
        first_seen_ms=facts.first_seen_ms,
        last_seen_ms=facts.last_seen_ms,
        cart_open=cart is not None and cart.due_ms > 0,
        cart_value=cart.value if cart else 0.0,
        cart_currency=cart.currency if cart else "",
        cart_due_ms=cart.due_ms if cart else 0,
        state=encode_profile(state),
        is_mql=lead.is_mql,
    )


def searchable(row: LeadRow) -> str:
    """Return the text that a search looks into, case folded."""
    parts = (row.email, row.name, row.user_id, row.anonymous_id, row.profile)
    return "\n".join(p for p in parts if p).casefold()


def check_page(limit: int, offset: int) -> None:
    """Raise ValueError, naming the argument, for a page that no view serves."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit: {limit} is not within 1..{MAX_PAGE}")
    if offset < 0:
        raise ValueError(f"offset: {offset} is negative")


def check_half_life(row: LeadRow, half_life_ms: int) -> None:
    """Raise ValueError when the row decays differently from the view, so that their ranks could not be compared."""
    if row.half_life_ms != half_life_ms:
        raise ValueError(f"half_life_ms: the row has {row.half_life_ms}, the view {half_life_ms}")


def _name_of(traits: Mapping[str, Trait]) -> str | None:
    told = {name: _text(traits[name].value) for name in ("name", "first_name", "last_name") if name in traits}
    name = told.get("name") or f"{told.get('first_name', '')} {told.get('last_name', '')}".strip()
    return name[:_MAX_NAME] or None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
