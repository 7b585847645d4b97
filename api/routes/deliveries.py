"""Deliveries: what went out, what waits, what failed and why."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api import schemas, shapes
from api.auth import Signed
from api.deps import Deps
from api.errors import not_found
from api.params import EMPTY_IS_NONE, empty_is
from streams.model.deliveries import DeliveryStatus

router = APIRouter(prefix="/api/deliveries", tags=["deliveries"])

# Constraints stand at the int: at `int | None` they would be tried on None, too.
Seq = Annotated[int, Field(ge=0, lt=2**63)]


@router.get("")
async def list_deliveries(
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, empty_is(50), Query(ge=1, le=200)] = 50,
    status: Annotated[DeliveryStatus | None, EMPTY_IS_NONE, Query(description="Only deliveries that stand so.")] = None,
    profile: Annotated[str | None, Query(max_length=512, description="A profile id.")] = None,
    before: Annotated[Seq | None, EMPTY_IS_NONE, Query(description="next_before of the page before.")] = None,
) -> schemas.DeliveryList:
    """Deliveries, newest first, and how many there are of each status."""
    rows = await deps.deliveries.list(caller.workspace, limit + 1, status, profile or None, before)
    shown = rows[:limit]
    return schemas.DeliveryList(
        deliveries=[schemas.Delivery(**shapes.delivery(row)) for row in shown],
        counts=dict(await deps.deliveries.counts(caller.workspace)),
        next_before=shown[-1].seq if len(rows) > limit else None,
    )


@router.get("/{delivery_id}")
async def read_delivery(
    delivery_id: Annotated[str, Path(max_length=128)], deps: Deps, caller: Signed
) -> schemas.DeliveryDetail:
    """One delivery and, from the local outbox, its message."""
    row = await deps.deliveries.get(caller.workspace, delivery_id)
    if row is None:
        raise not_found("delivery", delivery_id)
    found = await deps.outbox.get(caller.workspace, delivery_id) if deps.outbox else None
    message = schemas.OutboxMessage.model_validate(found) if found else None
    return schemas.DeliveryDetail(**shapes.delivery(row), message=message)
