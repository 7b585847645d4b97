"""Leads: the list, one lead, and what its score is made of."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api import lead_shapes, schemas
from api.auth import Caller, Signed
from api.deps import ApiDeps, Deps
from api.errors import not_found
from api.params import empty_is
from streams.model.profile import ProfileState
from streams.model.tiers import lead_model
from streams.ports import LeadRow
from streams.state.codec import decode_profile

router = APIRouter(prefix="/api/leads", tags=["leads"])

LeadKey = Annotated[str, Path(max_length=512, description="Any id of the person, with or without its kind.")]


async def _find(deps: ApiDeps, caller: Caller, key: str) -> LeadRow:
    row = await deps.view.get(caller.workspace, key)
    if row is None:
        raise not_found("lead", key)
    return row


async def _group_names(deps: ApiDeps, state: ProfileState) -> dict[str, str]:
    """Return the names of the lead's companies; there are a few at most."""
    found = [await deps.view.account(state.workspace, group) for group in state.identity.groups]
    return {row.id: row.name for row in found if row is not None}


@router.get("")
async def list_leads(
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, empty_is(50), Query(ge=1, le=200)] = 50,
    offset: Annotated[int, empty_is(0), Query(ge=0, le=1_000_000)] = 0,
    search: Annotated[str, Query(max_length=200, description="Part of a name, an e-mail or an id.")] = "",
    cart: Annotated[Literal["", "open", "none"], Query(description="Only leads with or without an open cart.")] = "",
) -> schemas.LeadList:
    """Persons by their score now, best first."""
    cart_open = None if cart == "" else cart == "open"
    now_ms = deps.clock.now_ms()
    page = await deps.view.page(caller.workspace, now_ms, limit, offset, search.strip(), cart_open)
    model = lead_model(deps.rules(caller.workspace))
    leads = [lead_shapes.lead(row, now_ms, model) for row in page.leads]
    return schemas.LeadList(leads=leads, total=page.total, as_of_ms=now_ms)


# Before the route below it, whose {key:path} would take "/score" for a part of the key (keys may contain slashes).
@router.get("/{key:path}/score")
async def read_lead_score(key: LeadKey, deps: Deps, caller: Signed) -> schemas.LeadScore:
    """The score and the contributions that explain it."""
    row = await _find(deps, caller, key)
    model = lead_model(deps.rules(caller.workspace))
    return lead_shapes.lead_score(row, decode_profile(row.state), deps.clock.now_ms(), model)


@router.get("/{key:path}")
async def read_lead(key: LeadKey, deps: Deps, caller: Signed) -> schemas.LeadDetail:
    """Everything known about one lead."""
    row = await _find(deps, caller, key)
    state = decode_profile(row.state)
    groups = await _group_names(deps, state)
    return lead_shapes.lead_detail(row, state, deps.clock.now_ms(), deps.rules(caller.workspace), groups)
