"""Sources: who may send events, their keys and policies, and the schemas of their events. A running door follows within
seconds. Webhook secrets go in and never come out.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from api import schemas as common
from api import source_schemas as schemas
from api.auth import Signed
from api.deps import Deps
from api.errors import invalid_field, not_found
from api.params import EMPTY_IS_NONE
from streams.model.errors import SourceError
from streams.model.json_schema import MAX_BYTES, compile_schema
from streams.model.names import canonical_name
from streams.store.event_schemas import SchemaKey, SchemaVersion
from streams.store.source_forms import schema_form, source_form
from streams.store.sources import PLAIN_KINDS, Source

_CONFLICT: dict[int | str, dict[str, Any]] = {
    404: {"model": common.ErrorBody, "description": "There is no such source or schema."},
    409: {"model": common.ErrorBody, "description": "Not in the state that the source is in."},
}
router = APIRouter(prefix="/api/sources", tags=["sources"], responses=_CONFLICT)
schema_router = APIRouter(prefix="/api/event-schemas", tags=["sources"], responses=_CONFLICT)

SourceId = Annotated[str, Path(max_length=64)]
Event = Annotated[str, Path(max_length=200, description="The event's name, in any spelling.")]
_Version = Annotated[int, Field(ge=1, le=1 << 53)]
Whose = Annotated[str, Query(max_length=64, description="Of this source's events; empty: of all.")]
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("")
async def list_sources(deps: Deps, caller: Signed) -> schemas.SourceList:
    """All sources, by id."""
    found = await deps.store.sources.list(caller.workspace)
    return schemas.SourceList(sources=[_told(source) for source in found], kinds=sorted(deps.source_kinds))


@router.post("", status_code=HTTPStatus.CREATED)
async def create_source(asked: schemas.NewSource, deps: Deps, caller: Signed) -> schemas.Source:
    """Make a source with a write key; its id is made of the name and never changes."""
    if asked.kind not in deps.source_kinds:
        raise invalid_field("kind", f"must be one of {', '.join(sorted(deps.source_kinds))}.")
    if asked.kind in PLAIN_KINDS and asked.webhook_secrets:
        raise invalid_field("webhook_secrets", f"a {asked.kind} source has none.")
    if asked.kind not in PLAIN_KINDS and not asked.webhook_secrets:
        raise invalid_field("webhook_secrets", f"a {asked.kind} source without one can't verify anything.")
    made = await deps.store.sources.add(caller.workspace, asked.kind, asked.name, asked.webhook_secrets, asked.policy)
    return _told(made)


@router.get("/{source_id}")
async def read_source(source_id: SourceId, deps: Deps, caller: Signed) -> schemas.Source:
    return _told(await deps.store.sources.get(source_id, caller.workspace))


@router.patch("/{source_id}")
async def change_source(source_id: SourceId, asked: schemas.SourceChange, deps: Deps, caller: Signed) -> schemas.Source:
    """Replace what is given; fields of the policy that are not named stay."""
    changed = await deps.store.sources.change(
        source_id, asked.policy, asked.name, caller.workspace, is_enabled=asked.is_enabled
    )
    return _told(changed)


@router.post("/{source_id}/rotate")
async def rotate(
    source_id: SourceId, deps: Deps, caller: Signed, asked: schemas.Rotation | None = None
) -> schemas.Source:
    """Make a new write key, or take a new webhook secret; the one before stays live until it is retired."""
    rows, now_ms = deps.store.sources, deps.clock.now_ms()
    if asked is None or asked.secret is None:
        return _told(await rows.rotate_key(source_id, now_ms, caller.workspace))
    return _told(await rows.rotate_secret(source_id, asked.secret, now_ms, caller.workspace))


@router.post("/{source_id}/retire")
async def retire(
    source_id: SourceId, deps: Deps, caller: Signed, asked: schemas.Retirement | None = None
) -> schemas.Source:
    """End the older write key, or all webhook secrets but the newest."""
    rows = deps.store.sources
    end = rows.retire_secrets if asked is not None and asked.what == "secrets" else rows.retire_key
    return _told(await end(source_id, caller.workspace))


@router.delete("/{source_id}", status_code=HTTPStatus.NO_CONTENT)
async def remove_source(source_id: SourceId, deps: Deps, caller: Signed) -> None:
    """End the source with its keys and secrets, for good; what it has sent stays."""
    await deps.store.sources.remove(source_id, deps.clock.now_ms(), caller.workspace)


@schema_router.get("")
async def list_schemas(deps: Deps, caller: Signed) -> schemas.SchemaList:
    """The newest version of every schema that is in force."""
    found = await deps.store.schemas.newest(caller.workspace)
    return schemas.SchemaList(schemas=[_note(stored) for stored in found if stored.body])


@schema_router.get("/{event}")
async def read_schema(
    event: Event,
    deps: Deps,
    caller: Signed,
    source: Whose = "",
    version: Annotated[_Version | None, EMPTY_IS_NONE, Query()] = None,
) -> schemas.Schema:
    """One version of an event's schema, the newest without a number."""
    for stored in await deps.store.schemas.versions(_key(caller.workspace, event, source)):
        if version in (None, stored.version):
            return _schema(stored)
    raise not_found("version", str(version))


@schema_router.get("/{event}/versions")
async def list_versions(event: Event, deps: Deps, caller: Signed, source: Whose = "") -> schemas.SchemaList:
    """All versions of an event's schema that are kept, newest first."""
    found = await deps.store.schemas.versions(_key(caller.workspace, event, source))
    return schemas.SchemaList(schemas=[_note(stored) for stored in found])


@schema_router.put("/{event}", openapi_extra=_BODY)
async def put_schema(request: Request, event: Event, deps: Deps, caller: Signed, source: Whose = "") -> schemas.Schema:
    """Store the next version: a JSON Schema of the event's properties (of `identified`, of the traits)."""
    body = await _body(request)
    compile_schema(body)
    if source:
        await deps.store.sources.get(source, caller.workspace)
    key = _key(caller.workspace, event, source)
    return _schema(await deps.store.schemas.put(key, body.decode(), deps.clock.now_ms(), caller.name))


@schema_router.delete("/{event}", status_code=HTTPStatus.NO_CONTENT)
async def remove_schema(event: Event, deps: Deps, caller: Signed, source: Whose = "") -> None:
    """Judge the event by no schema any more; its versions stay."""
    key = _key(caller.workspace, event, source)
    await deps.store.schemas.put(key, "", deps.clock.now_ms(), caller.name)


async def _body(request: Request) -> bytes:
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > MAX_BYTES:
            raise SourceError("schema", f"has more than {MAX_BYTES} bytes", "Send a smaller one")
    return bytes(parts)


def _key(workspace: str, event: str, source: str) -> SchemaKey:
    name = canonical_name(event)
    if not name:
        raise invalid_field("event", "has no letter or digit.")
    return SchemaKey(workspace, source, name)


def _told(source: Source) -> schemas.Source:
    return schemas.Source(**source_form(source))


def _schema(stored: SchemaVersion) -> schemas.Schema:
    return schemas.Schema(**schema_form(stored), is_removed=not stored.body)


def _note(stored: SchemaVersion) -> schemas.SchemaNote:
    form = schema_form(stored)
    del form["schema"]
    return schemas.SchemaNote(**form, is_removed=not stored.body)
