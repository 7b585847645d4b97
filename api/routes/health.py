"""Is the process alive, and is every part ready. Open to all, so it tells nothing else."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api import schemas
from api.deps import Deps

router = APIRouter(tags=["health"])

READY = "ready"


@router.get("/healthz")
async def read_health() -> schemas.Health:
    """Alive."""
    return schemas.Health()


@router.get("/readyz", responses={503: {"model": schemas.Readiness, "description": "Some part is not ready."}})
async def read_readiness(deps: Deps, response: Response) -> schemas.Readiness:
    """200 when every part is ready, else 503; each part's state in both."""
    parts = dict(deps.readiness())
    ready = all(state == READY for state in parts.values())
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return schemas.Readiness(ready=ready, parts=parts)
