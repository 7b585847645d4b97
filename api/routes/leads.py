"""Leads: the list, one lead, and what its score is made of."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from api import schemas, shapes
from api.auth import Caller, Signed
from api.deps import ApiDeps, Deps
from api.errors import not_found
from api.params import empty_is
from streams.ports import LeadRow
from streams.state.codec import decode_profile

router = APIRouter(prefix="/api/leads", tags=["leads"])

LeadKey = Annotated[str, Path(max_length=512, description="A profile id, user id, anonymous id or e-mail.")]


async def _find(deps: ApiDeps, caller: Caller, key: str) -> LeadRow:
    row = await deps.view.get(caller.workspace, key)
    if row is None:
        raise not_found("lead", key)
    return row


@router.get("")
async def list_leads(
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, empty_is(50), Query(ge=1, le=200)] = 50,
    offset: Annotated[int, empty_is(0), Query(ge=0, le=1_000_000)] = 0,
    search: Annotated[str, Query(max_length=200, description="Part of a name, an e-mail or an id.")] = "",
    cart: Annotated[Literal["", "open", "none"], Query(description="Only leads with or without an open cart.")] = "",
) -> schemas.LeadList:
    """Leads by score as decayed to now, best first."""
    cart_open = None if cart == "" else cart == "open"
    page = await deps.view.page(caller.workspace, limit, offset, search.strip(), cart_open)
    now_ms = deps.clock.now_ms()
    leads = [shapes.lead(row, now_ms) for row in page.leads]
    return schemas.LeadList(leads=leads, total=page.total, as_of_ms=now_ms)


# Before the route below it, whose {key:path} would take "/score" for a part of the key (keys may contain slashes).
@router.get("/{key:path}/score")
async def read_lead_score(key: LeadKey, deps: Deps, caller: Signed) -> schemas.LeadScore:
    """The score and the contributions that explain it."""
    row = await _find(deps, caller, key)
    return shapes.lead_score(row, decode_profile(row.state), deps.clock.now_ms())


@router.get("/{key:path}")
async def read_lead(key: LeadKey, deps: Deps, caller: Signed) -> schemas.LeadDetail:
    """Everything known about one lead."""
    row = await _find(deps, caller, key)
    return shapes.lead_detail(row, decode_profile(row.state), deps.clock.now_ms())
