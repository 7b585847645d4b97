"""What the front door of this process says of itself: for people and for Prometheus, to those who are signed in; and,
to whoever spreads traffic, whether it takes events.
"""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from api import schemas
from api.auth import Signed
from api.deps import Deps, IngestDesk
from api.errors import ApiError

router = APIRouter(tags=["ingest"])
probes = APIRouter(tags=["health"])


@router.get("/api/ingest")
async def read_ingest(deps: Deps, caller: Signed) -> dict[str, Any]:
    """Counters of every event since start, of the workspace's sources and in all, and how full everything is."""
    return dict(_desk(deps).report(caller.workspace))


@router.get("/metrics", response_class=PlainTextResponse)
async def read_metrics(deps: Deps, caller: Signed) -> str:
    """The same in Prometheus' text form."""
    return _desk(deps).prometheus(caller.workspace)


@probes.get("/readyz/intake", responses={503: {"description": "Events would be refused."}})
async def read_intake(deps: Deps, response: Response) -> schemas.Intake:
    """200 as long as events are taken and kept, also while the log is away and they are spooled."""
    takes = deps.ingest is not None and deps.ingest.takes_events()
    if not takes:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return schemas.Intake(ready=takes)


def _desk(deps: Deps) -> IngestDesk:
    if deps.ingest is None:
        raise ApiError(HTTPStatus.NOT_FOUND, "not_found", "This process has no front door.")
    return deps.ingest
