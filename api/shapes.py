"""Rows of the engine become the API's shapes. Scores decay to the moment of asking; nothing here waits."""

from collections.abc import Mapping
from typing import Any

from api import schemas
from api.deps import DeliveryRow
from streams.model.alerts import Alert
from streams.model.profile import ProfileState
from streams.model.scores import faded
from streams.model.tiers import MQL_AT, Tier, decayed, tier_of
from streams.model.windows import CartItem, newest_cart
from streams.ports import LeadRow

LEAD = "lead"
_DAY_MS = 86_400_000
_ID_SHOWN = 12


# Enough for whoever checks the arithmetic; the page shows one digit.
DIGITS = 9


def shown_score(points: float) -> float:
    """Return the score as a tier is judged by: 50 points an instant ago are 49.99999 now, and still 50 to everybody."""
    return round(points, 1)


def score_now(row: LeadRow, now_ms: int) -> float:
    return decayed(row.score, now_ms - row.score_at_ms, row.half_life_ms)


def tier_now(points: float) -> Tier:
    return tier_of(shown_score(points))


def _is_mql(row: LeadRow, points: float) -> bool:
    """A lead that was announced as qualified stays so; one made of late events is so without announcement."""
    return row.is_mql or shown_score(points) >= MQL_AT


def _lead_fields(row: LeadRow, points: float) -> dict[str, Any]:
    return {
        "id": row.profile,
        "user_id": row.user_id,
        "anonymous_id": row.anonymous_id,
        "email": row.email,
        "name": row.name,
        "score": round(points, DIGITS),
        "tier": tier_now(points),
        "is_mql": _is_mql(row, points),
        "events": row.events,
        "first_seen_ms": row.first_seen_ms,
        "last_seen_ms": row.last_seen_ms,
    }


def _cart_fields(row: LeadRow) -> dict[str, Any]:
    return {
        "open": row.cart_open,
        "value": row.cart_value,
        "currency": row.cart_currency,
        "due_ms": row.cart_due_ms,
    }


def lead(row: LeadRow, now_ms: int) -> schemas.Lead:
    return schemas.Lead(**_lead_fields(row, score_now(row, now_ms)), cart=schemas.Cart(**_cart_fields(row)))


def contributions(state: ProfileState, now_ms: int) -> list[schemas.Contribution]:
    """Return what makes up the score, most points first; rounded, and the score is the sum of the rounded."""
    lead = state.scores.get(LEAD)
    if lead is None:
        return []
    counts: dict[str, tuple[int, float, int]] = {}
    for parts in (lead.parts, *lead.moved.values()):
        for rule, part in parts.items():
            count, weight, last_at_ms = counts.get(rule, (0, 0.0, 0))
            counts[rule] = count + part.count, weight + part.weight, max(last_at_ms, part.last_at_ms)
    at_ms = max(now_ms, lead.at_ms)
    found = [
        schemas.Contribution(
            rule=rule, count=count, points=round(faded(weight, lead, at_ms), DIGITS), last_at_ms=last_at_ms
        )
        for rule, (count, weight, last_at_ms) in counts.items()
    ]
    found += [
        schemas.Contribution(rule=rule, count=1, points=round(points, DIGITS), last_at_ms=lead.at_ms)
        for rule, points in lead.fit.items()
    ]
    return sorted(found, key=lambda c: (-c.points, c.rule))


def _sum(parts: list[schemas.Contribution]) -> float:
    return round(sum(c.points for c in parts), DIGITS)


def lead_score(row: LeadRow, state: ProfileState, now_ms: int) -> schemas.LeadScore:
    parts = contributions(state, now_ms)
    points = _sum(parts)
    return schemas.LeadScore(
        id=row.profile,
        score=points,
        tier=tier_now(points),
        is_mql=_is_mql(row, points),
        as_of_ms=now_ms,
        half_life_days=row.half_life_ms / _DAY_MS,
        contributions=parts,
    )


def _cart_line(item: CartItem) -> schemas.CartLine:
    return schemas.CartLine(
        product_id=item.product_id,
        name=item.name,
        quantity=item.quantity,
        price=item.price,
        image_url=item.image_url,
        url=item.url,
    )


def lead_detail(row: LeadRow, state: ProfileState, now_ms: int) -> schemas.LeadDetail:
    parts = contributions(state, now_ms)
    points = _sum(parts)
    keys = state.facts.keys
    return schemas.LeadDetail(
        **_lead_fields(row, points),
        lead_score=points,
        traits={name: trait.value for name, trait in state.facts.traits.items()},
        keys=schemas.Keys(user_id=keys.user_id, anonymous_id=keys.anonymous_id, email=keys.email, phone=keys.phone),
        cart=schemas.CartDetail(**_cart_fields(row), items=[_cart_line(i) for i in cart_items(state)]),
        interactions=[
            schemas.Interaction(type=i.name, at_ms=i.at_ms, source=i.source, value=i.value, detail=i.detail)
            for i in reversed(state.facts.recent)
        ],
        contributions=parts,
    )


def cart_items(state: ProfileState) -> tuple[CartItem, ...]:
    """Return what lies in the profile's cart."""
    cart = newest_cart(state.windows)
    return cart.items if cart else ()


def delivery(row: DeliveryRow) -> dict[str, Any]:
    owed = row.delivery
    return {
        "id": owed.id,
        "profile": owed.profile,
        "campaign": owed.campaign,
        "channel": owed.channel,
        "template": owed.template,
        "recipient": owed.recipient,
        "subject": row.subject,
        "status": row.status.value,
        "reason": row.reason,
        "attempts": row.attempts,
        "created_ms": owed.created_ms,
        "due_ms": owed.due_ms,
        "finished_ms": row.finished_ms,
        "trigger_id": owed.trigger_id,
    }


def alert(value: Alert) -> dict[str, Any]:
    return {
        "id": value.id,
        "rule": value.rule,
        "subject": value.subject,
        "state": value.state.value,
        "since_ms": value.since_ms,
        "at_ms": value.at_ms,
        "value": value.value,
        "expected_low": value.expected_low,
        "expected_high": value.expected_high,
        "score": value.score,
        "summary": value.summary,
    }


def open_carts(found: Mapping[str, tuple[int, float]]) -> dict[str, schemas.OpenCarts]:
    return {c: schemas.OpenCarts(count=count, value=round(value, 2)) for c, (count, value) in found.items()}


def who(name: str | None, email: str | None, profile: str) -> str:
    """Return what a person is called on the page: name, else e-mail, else the id without its kind, shortened."""
    if name or email:
        return (name or email or "")[:80]
    bare = profile.partition(":")[2] or profile
    return bare if len(bare) <= _ID_SHOWN else f"{bare[:_ID_SHOWN]}…"
