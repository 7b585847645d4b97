"""From a profile's state to the rows that the API shows. Pure, and the same for every view."""

from collections.abc import Mapping
from math import fsum

from msgspec.structs import replace

from streams.model.facts import Trait
from streams.model.identity import KINDS, AccountState
from streams.model.profile import ProfileState
from streams.model.rules.scoring import ScoreModel
from streams.model.scores import ScoreState, faded
from streams.model.windows import newest_cart
from streams.operators.accounts import points_of
from streams.operators.history import activity_of
from streams.operators.history_keys import keys_shown
from streams.ports import AccountRow, LeadRow
from streams.state.codec import encode_profile

ACCOUNT_PREFIX, PRODUCT_PREFIX = "group:", "product:"
MAX_PAGE = 500
MAX_HOPS = 20
"""So many times an id can have moved on before it is no longer followed; each time is to a stronger id."""
_MAX_NAME = 200
_DIGITS = 9
_COLUMN_KINDS = frozenset(("user", "anon", "email"))
"""Kinds of ids whose bare value is a field of the row."""


def is_person(state: ProfileState) -> bool:
    """Say whether the node holds somebody: most ids have moved to another, some have only been named."""
    if state.identity.moved_to or state.id.startswith((ACCOUNT_PREFIX, PRODUCT_PREFIX)):
        return False
    return bool(state.facts.last_seen_ms or state.facts.traits or state.scores or state.windows.windows)


def row_of(state: ProfileState, model: ScoreModel) -> LeadRow:
    """Return the profile's row. A cart is open while its window runs: neither bought nor abandoned."""
    facts, cart = state.facts, newest_cart(state.windows)
    keys = keys_shown(state.id, facts.keys)
    lead = state.scores.get(model.id) or ScoreState()
    return LeadRow(
        workspace=state.workspace,
        profile=state.id,
        user_id=keys.user_id,
        anonymous_id=keys.anonymous_id,
        email=keys.email,
        name=_name_of(facts.traits),
        score=faded(lead.total, lead, lead.at_ms),
        score_at_ms=lead.at_ms,
        half_life_ms=lead.half_life_ms or model.half_life_ms,
        events=activity_of(facts).events,
        first_seen_ms=facts.first_seen_ms,
        last_seen_ms=facts.last_seen_ms,
        cart_open=cart is not None and cart.due_ms > 0,
        cart_value=cart.value if cart else 0.0,
        cart_currency=cart.currency if cart else "",
        cart_due_ms=cart.due_ms if cart else 0,
        state=encode_profile(state),
        is_mql=lead.is_mql,
        fit=round(fsum(lead.fit.values()), _DIGITS),
        ids=state.identity.ids,
    )


def account_row_of(state: ProfileState, model: ScoreModel) -> AccountRow:
    """Return the company's row: its members' points as of the latest word of any of them."""
    account = state.account or AccountState()
    members = account.members.values()
    at_ms = max((member.revision for member in members), default=0)
    return AccountRow(
        workspace=state.workspace,
        id=state.id,
        name=account.name,
        members=len(account.members),
        score=fsum(points_of(replace(member, fit=0.0), at_ms) for member in members),
        score_at_ms=at_ms,
        half_life_ms=model.half_life_ms,
        fit=round(fsum(member.fit for member in members), _DIGITS),
        is_mql=account.is_mql,
        state=encode_profile(state),
    )


def searchable(row: LeadRow) -> str:
    """Return the text that a search looks into, case folded."""
    parts = (row.email, row.name, row.user_id, row.anonymous_id, row.profile, *row.ids)
    return "\n".join(p for p in parts if p).casefold()


def searchable_account(row: AccountRow) -> str:
    """Return the text that a search for companies looks into, case folded."""
    return f"{row.name}\n{row.id}".casefold()


def aliases_of(row: LeadRow) -> tuple[str, ...]:
    """Return the ids, with their kinds, by which the row is found beside its fields."""
    kind = row.profile.partition(":")[0]
    return row.ids if kind in _COLUMN_KINDS else (row.profile, *row.ids)


def bare(profile: str) -> str:
    """Return an id without its kind: of "custom:crm:7" it is "7"."""
    kind, _, rest = profile.partition(":")
    if kind == "custom":
        return rest.partition(":")[2]
    return rest if kind in KINDS else profile


def own_as(key: str) -> tuple[str, str, str]:
    """Return the profiles whose own id `key` may be where an id is a field of the row."""
    return f"user:{key}", f"anon:{key}", f"email:{key.lower()}"


def told_as(key: str) -> tuple[str, str, str]:
    """Return the user id, anonymous id and e-mail as which `key`, with or without its kind, may have been told."""
    kind, _, value = key.partition(":")
    user, anonymous, email = (value if kind == one else key for one in ("user", "anon", "email"))
    return user, anonymous, email.lower()


def normal(key: str) -> str:
    """Return the id as profiles are called: e-mails in lower case."""
    return key.lower() if key.startswith("email:") else key


def check_page(limit: int, offset: int) -> None:
    """Raise ValueError, naming the argument, for a page that no view serves."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit: {limit} is not within 1..{MAX_PAGE}")
    if offset < 0:
        raise ValueError(f"offset: {offset} is negative")


def _name_of(traits: Mapping[str, Trait]) -> str | None:
    told = {name: _text(traits[name].value) for name in ("name", "first_name", "last_name") if name in traits}
    name = told.get("name") or f"{told.get('first_name', '')} {told.get('last_name', '')}".strip()
    return name[:_MAX_NAME] or None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
