"""Persons and companies become the API's shapes. Scores decay to the moment of asking; nothing here waits."""

from collections.abc import Mapping
from typing import Any

from api import schemas
from streams.model.identity import AccountState
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import ScoreState, shares_at
from streams.model.tiers import decayed, is_qualified, lead_model, tier_of
from streams.model.windows import CartItem, Window, newest_cart
from streams.operators.accounts import points_of
from streams.operators.history import activity_of
from streams.operators.history_keys import keys_shown
from streams.ports import AccountRow, LeadRow

_DAY_MS = 86_400_000
# Enough for whoever checks the arithmetic; the page shows one digit.
DIGITS = 9


def score_now(row: LeadRow | AccountRow, now_ms: int) -> float:
    return decayed(row.score, now_ms - row.score_at_ms, row.half_life_ms) + row.fit


def _lead_fields(row: LeadRow, points: float, model: ScoreModel) -> dict[str, Any]:
    return {
        "id": row.profile,
        "user_id": row.user_id,
        "anonymous_id": row.anonymous_id,
        "email": row.email,
        "name": row.name,
        "score": round(points, DIGITS),
        "tier": tier_of(points, model),
        "is_mql": is_qualified(points, model, announced=row.is_mql),
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


def lead(row: LeadRow, now_ms: int, model: ScoreModel) -> schemas.Lead:
    return schemas.Lead(**_lead_fields(row, score_now(row, now_ms), model), cart=schemas.Cart(**_cart_fields(row)))


def contributions(score: ScoreState, now_ms: int) -> list[schemas.Contribution]:
    """Return what makes up the score, most points first; rounded, and the score is the sum of the rounded."""
    return [
        schemas.Contribution(
            rule=share.rule,
            count=share.count,
            points=round(share.points, DIGITS),
            last_at_ms=share.last_at_ms,
            is_fit=share.rule in score.fit,
        )
        for share in shares_at(score, now_ms)
    ]


def _sum(parts: list[schemas.Contribution]) -> float:
    return round(sum(c.points for c in parts), DIGITS)


def lead_score(row: LeadRow, state: ProfileState, now_ms: int, model: ScoreModel) -> schemas.LeadScore:
    parts = contributions(state.scores.get(model.id, ScoreState()), now_ms)
    points = _sum(parts)
    return schemas.LeadScore(
        id=row.profile,
        score=points,
        tier=tier_of(points, model),
        is_mql=is_qualified(points, model, announced=row.is_mql),
        as_of_ms=now_ms,
        half_life_days=row.half_life_ms / _DAY_MS,
        contributions=parts,
    )


def _score(state: ProfileState, model: ScoreModel, now_ms: int) -> schemas.Score:
    score = state.scores.get(model.id, ScoreState())
    parts = contributions(score, now_ms)
    points = _sum(parts)
    return schemas.Score(
        id=model.id,
        name=model.name,
        score=points,
        tier=tier_of(points, model),
        is_mql=is_qualified(points, model, announced=score.is_mql),
        half_life_days=(score.half_life_ms or model.half_life_ms) / _DAY_MS,
        contributions=parts,
    )


def lead_detail(
    row: LeadRow, state: ProfileState, now_ms: int, rules: RuleSet, groups: Mapping[str, str]
) -> schemas.LeadDetail:
    """`groups` are the names of the companies, by id."""
    main = lead_model(rules)
    models = rules.scores or (main,)
    scores = [_score(state, m, now_ms) for m in models]
    shown = next(score for score, model in zip(scores, models, strict=True) if model is main)
    facts, keys = state.facts, keys_shown(state.id, state.facts.keys)
    return schemas.LeadDetail(
        **_lead_fields(row, shown.score, main),
        lead_score=shown.score,
        traits={name: trait.value for name, trait in facts.traits.items()},
        trait_sources={
            name: schemas.TraitSource(at_ms=trait.at_ms, source=trait.source) for name, trait in facts.traits.items()
        },
        keys=schemas.Keys(
            user_id=keys.user_id,
            anonymous_id=keys.anonymous_id,
            email=keys.email,
            phone=keys.phone,
            device_id=keys.device_id,
        ),
        ids=[state.id, *state.identity.ids],
        is_shared=state.identity.is_shared,
        sessions=activity_of(facts).sessions,
        groups=[schemas.Group(id=group, name=groups.get(group, "")) for group in state.identity.groups],
        cart=schemas.CartDetail(**_cart_fields(row), items=_lines(cart_items(state))),
        windows=[_window(window) for window in _by_due(state)],
        interactions=[
            schemas.Interaction(type=i.name, at_ms=i.at_ms, source=i.source, value=i.value, detail=i.detail)
            for i in reversed(facts.recent)
        ],
        contributions=shown.contributions,
        scores=scores,
    )


def cart_items(state: ProfileState) -> tuple[CartItem, ...]:
    """Return what lies in the profile's cart."""
    cart = newest_cart(state.windows)
    return cart.items if cart else ()


def _lines(items: tuple[CartItem, ...]) -> list[schemas.CartLine]:
    return [
        schemas.CartLine(
            product_id=item.product_id,
            name=item.name,
            quantity=item.quantity,
            price=item.price,
            image_url=item.image_url,
            url=item.url,
        )
        for item in items
    ]


def _by_due(state: ProfileState) -> list[Window]:
    return sorted(state.windows.windows.values(), key=lambda w: (not w.due_ms, w.due_ms, -w.updated_ms, w.rule))


def _window(window: Window) -> schemas.Window:
    return schemas.Window(
        rule=window.rule,
        kind=window.kind,
        subject=window.subject,
        open=window.due_ms > 0,
        step=window.step,
        due_ms=window.due_ms,
        opened_ms=window.opened_ms,
        updated_ms=window.updated_ms,
        value=window.value,
        currency=window.currency,
        items=_lines(window.items),
    )


def account(row: AccountRow, now_ms: int, model: ScoreModel) -> schemas.Account:
    return schemas.Account(**_account_fields(row, score_now(row, now_ms), model))


def members_of(state: AccountState, now_ms: int) -> list[tuple[str, float]]:
    """Return each member's points, most first; rounded, and the company's score is the sum of the rounded."""
    points = {name: round(points_of(member, now_ms), DIGITS) for name, member in state.members.items()}
    return sorted(points.items(), key=lambda found: (-found[1], found[0]))


def account_detail(
    row: AccountRow,
    points: list[tuple[str, float]],
    members: Mapping[str, LeadRow | None],
    now_ms: int,
    model: ScoreModel,
) -> schemas.AccountDetail:
    """`points` are those of all members, best first; those among `members` are listed."""
    total = round(sum(worth for _, worth in points), DIGITS)
    listed = [_member(name, members[name], worth) for name, worth in points if name in members]
    return schemas.AccountDetail(**_account_fields(row, total, model), members=listed, as_of_ms=now_ms)


def _member(name: str, row: LeadRow | None, points: float) -> schemas.Member:
    return schemas.Member(id=name, name=row.name if row else None, email=row.email if row else None, points=points)


def _account_fields(row: AccountRow, points: float, model: ScoreModel) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "score": round(points, DIGITS),
        "tier": tier_of(points, model),
        "is_mql": is_qualified(points, model, announced=row.is_mql),
        "member_count": row.members,
    }
