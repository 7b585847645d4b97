"""Alerts of late."""

from typing import Annotated

from fastapi import APIRouter, Query

from api import schemas, shapes
from api.auth import Signed
from api.deps import Deps
from api.params import EMPTY_IS_NONE, empty_is
from streams.model.alerts import AlertState

router = APIRouter(prefix="/api/alerts", tags=["alerts"])


@router.get("")
async def list_alerts(
    deps: Deps,
    caller: Signed,
    state: Annotated[AlertState | None, EMPTY_IS_NONE, Query(description="Only alerts that stand so.")] = None,
    limit: Annotated[int, empty_is(200), Query(ge=1, le=1000)] = 200,
) -> schemas.AlertList:
    """Each time an alert was raised, as it stands, newest first."""
    found = deps.alerts.list(caller.workspace, deps.clock.now_ms(), state)[:limit]
    return schemas.AlertList(alerts=[schemas.Alert(**shapes.alert(a)) for a in found])
