"""Is the process alive, and is every part ready. Open to all, so only who is signed in learns what is the matter."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response

from api import schemas
from api.auth import identify
from api.deps import Deps
from streams.ports import READY

router = APIRouter(tags=["health"])

NOT_READY = "not ready"


@router.get("/healthz")
async def read_health() -> schemas.Health:
    """Alive."""
    return schemas.Health()


@router.get("/readyz", responses={503: {"model": schemas.Readiness, "description": "Some part is not ready."}})
async def read_readiness(request: Request, deps: Deps, response: Response) -> schemas.Readiness:
    """200 when every part is ready, else 503; each part's state in both. What is the matter only when signed in."""
    parts = dict(deps.readiness())
    ready = all(state == READY for state in parts.values())
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        # Faults name hosts and ports of the inside.
        if await identify(request, deps) is None:
            parts = {name: READY if state == READY else NOT_READY for name, state in parts.items()}
    return schemas.Readiness(ready=ready, parts=parts)
