"""Accounts: companies, each with the scores of its people added up."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import lead_shapes, schemas
from api.auth import Signed
from api.deps import Deps
from api.errors import not_found
from api.params import empty_is
from streams.model.identity import AccountState
from streams.model.tiers import account_model
from streams.state.codec import decode_profile

router = APIRouter(prefix="/api/accounts", tags=["accounts"])

_PREFIX = "group:"
AccountKey = Annotated[str, Path(max_length=512, description='A company\'s id, with or without "group:".')]


@router.get("")
async def list_accounts(
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, empty_is(50), Query(ge=1, le=200)] = 50,
    offset: Annotated[int, empty_is(0), Query(ge=0, le=1_000_000)] = 0,
    search: Annotated[str, Query(max_length=200, description="Part of a name or an id.")] = "",
) -> schemas.AccountList:
    """Companies by their score now, best first."""
    now_ms = deps.clock.now_ms()
    page = await deps.view.accounts(caller.workspace, now_ms, limit, offset, search.strip())
    model = account_model(deps.rules(caller.workspace))
    accounts = [lead_shapes.account(row, now_ms, model) for row in page.accounts]
    return schemas.AccountList(accounts=accounts, total=page.total, as_of_ms=now_ms)


@router.get("/{key:path}")
async def read_account(
    key: AccountKey,
    deps: Deps,
    caller: Signed,
    members: Annotated[int, empty_is(100), Query(ge=1, le=500, description="So many members at most.")] = 100,
) -> schemas.AccountDetail:
    """One company and its members, best first."""
    view, workspace = deps.view, caller.workspace
    row = await view.account(workspace, key) or await view.account(workspace, _PREFIX + key)
    if row is None:
        raise not_found("account", key)
    now_ms = deps.clock.now_ms()
    points = lead_shapes.members_of(decode_profile(row.state).account or AccountState(), now_ms)
    names = [name for name, _ in points[:members]]
    known = await view.get_many(workspace, names)
    shown = {name: known.get(name) for name in names}
    return lead_shapes.account_detail(row, points, shown, now_ms, account_model(deps.rules(workspace)))
