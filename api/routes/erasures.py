"""Erasure of a person: asked for here, done by a job, told by its certificate."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api import erasure_schemas as schemas
from api.auth import Signed
from api.deps import Deps
from api.erasure_desk import MOST_LISTED, ErasureDesk
from api.errors import ApiError
from api.params import empty_is

router = APIRouter(prefix="/api", tags=["erasure"])

PersonKey = Annotated[str, Path(max_length=512, description="Any id of the person, with or without its kind.")]
ErasureId = Annotated[str, Path(max_length=64)]


def _desk(deps: Deps, _caller: Signed) -> ErasureDesk:
    if deps.erasures is None:
        raise ApiError(HTTPStatus.NOT_FOUND, "not_found", "This process erases nobody. Ask the one that `up` runs.")
    return deps.erasures


Desk = Annotated[ErasureDesk, Depends(_desk)]


@router.delete("/profiles/{key:path}", status_code=HTTPStatus.ACCEPTED)
async def erase_profile(
    key: PersonKey,
    desk: Desk,
    caller: Signed,
    response: Response,
    suppress: Annotated[bool, Query(description="Refuse the person's events from now on, too.")] = True,
) -> schemas.Erasure:
    """Erase a person from log, spool, dead letters, state, ledger and outbox, and keep them out.

    It is done once the erasure's state is "done"; its steps say what was found and how it was shown to be gone.
    """
    erasure = await desk.ask(caller.workspace, key, caller.name, suppresses=suppress)
    response.headers["Location"] = f"/api/erasures/{erasure.id}"
    return schemas.shown(erasure)


@router.get("/erasures")
async def list_erasures(
    desk: Desk, caller: Signed, limit: Annotated[int, empty_is(50), Query(ge=1, le=MOST_LISTED)] = 50
) -> schemas.ErasureList:
    """Erasures, newest first."""
    found = await desk.newest(caller.workspace, limit)
    return schemas.ErasureList(erasures=[schemas.shown(erasure) for erasure in found])


@router.get("/erasures/{erasure_id}")
async def read_erasure(erasure_id: ErasureId, desk: Desk, caller: Signed) -> schemas.Erasure:
    """One erasure and its certificate."""
    return schemas.shown(await desk.get(caller.workspace, erasure_id))


@router.get("/suppressions")
async def list_suppressions(desk: Desk, caller: Signed) -> schemas.SuppressionList:
    """How many ids are refused at the door, by the erasure that asked for it. Who they are is not known any more."""
    found = await desk.suppressed(caller.workspace)
    listed = [schemas.Suppression(erasure=erasure, ids=count) for erasure, count in sorted(found.items())]
    return schemas.SuppressionList(suppressions=listed, ids=sum(found.values()))


@router.delete("/suppressions/{erasure_id}")
async def lift_suppression(erasure_id: ErasureId, desk: Desk, caller: Signed) -> schemas.Suppression:
    """Let the ids of an erased person come in again, as somebody new."""
    return schemas.Suppression(erasure=erasure_id, ids=await desk.lift(caller.workspace, erasure_id))
