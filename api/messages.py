"""The `data` of live messages (docs/api.md), made of the engine's values. Pure."""

from typing import Any

from api import lead_shapes, shapes
from streams.model.events import Event
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import COLD
from streams.model.tiers import tier_of
from streams.model.triggers import Trigger
from streams.ports import LeadRow

_DETAILS = ("title", "name", "path", "product_id", "form", "subject", "order_id", "campaign")
_MAX_DETAIL = 120


def event(value: Event) -> dict[str, Any]:
    return {
        "id": value.id,
        "name": value.name,
        "profile": value.profile,
        "who": shapes.who(_name(value.traits), value.keys.email, value.profile),
        "source": value.source,
        "value": value.value,
        "currency": value.currency,
        "detail": _detail(value.properties),
        "event_at_ms": value.at_ms,
    }


def trigger(value: Trigger) -> dict[str, Any]:
    return {
        "id": value.id,
        "rule": value.rule,
        "profile": value.profile,
        "who": shapes.who(_name(value.traits), value.keys.email, value.profile),
        "fired_ms": value.at_ms,
        "due_ms": value.due_ms,
        "data": value.data,
    }


def lead(row: LeadRow, state: ProfileState, previous: LeadRow | None, now_ms: int, model: ScoreModel) -> dict[str, Any]:
    shown = lead_shapes.lead(row, now_ms, model).model_dump(mode="json")
    return {
        "id": row.profile,
        "who": shapes.who(row.name, row.email, row.profile),
        "email": row.email,
        "score": shown["score"],
        "tier": shown["tier"],
        "previous_tier": tier_before(row, previous, model),
        "is_mql": shown["is_mql"],
        "cart": shown["cart"] | {"items": len(lead_shapes.cart_items(state))},
    }


def tier_before(row: LeadRow, previous: LeadRow | None, model: ScoreModel) -> str | None:
    """Return the tier of the replaced row at the time of the new one; None for a new profile."""
    return tier_of(lead_shapes.score_now(previous, row.score_at_ms), model) if previous else None


def lead_changed(row: LeadRow, previous: LeadRow | None) -> bool:
    """Say whether score or cart differ, which is what the message is about."""
    if previous is None:
        return bool(row.score or row.fit or row.cart_open)
    return _score(row) != _score(previous) or _cart(row) != _cart(previous)


def lead_is_telling(row: LeadRow, previous: LeadRow | None, model: ScoreModel) -> bool:
    """Say whether a tier or the cart's being open changed."""
    was_open = previous is not None and previous.cart_open
    before = tier_before(row, previous, model) or COLD
    return row.cart_open != was_open or tier_of(lead_shapes.score_now(row, row.score_at_ms), model) != before


def _score(row: LeadRow) -> tuple[float, int, float]:
    return (row.score, row.score_at_ms, row.fit)


def _cart(row: LeadRow) -> tuple[bool, float, str, int]:
    return (row.cart_open, row.cart_value, row.cart_currency, row.cart_due_ms)


def _name(traits: dict[str, Any]) -> str | None:
    name = traits.get("name")
    if not name:
        name = " ".join(str(traits[key]) for key in ("first_name", "last_name") if traits.get(key))
    return str(name) or None


def _detail(properties: dict[str, Any]) -> str:
    found = next((properties[key] for key in _DETAILS if properties.get(key)), "")
    return str(found)[:_MAX_DETAIL]
