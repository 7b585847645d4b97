"""What a source sends and what becomes of it: all of the last minutes, then live. Nothing of it is kept for longer."""

import asyncio
from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, WebSocket

from api import letter_schemas as schemas
from api import letter_shapes as shapes
from api.auth import Signed
from api.deps import ApiDeps, Deps, Follower, LooksOn
from api.errors import invalid_field, not_found
from api.live import encode
from api.sockets import BAD_PARAMETER, NOT_FOUND, TRY_LATER, admitted, serve

router = APIRouter(tags=["debugger"])

VERDICTS = frozenset({"accepted", "rejected", "declined", "suppressed", "refused", "ignored"})
_MAX_LISTED = 1_000
_BURST = 200
_PAUSE_S = 0.1
_MAX_SOURCE, _MAX_TEXT = 128, 200

Text = Annotated[str, Query(max_length=_MAX_TEXT, description="Looked for in all that is shown, whatever its case.")]
Verdicts = Annotated[str, Query(max_length=100, description="One or more, with commas between; none asks for all.")]


@router.get("/api/sources/{source}/events")
async def list_noted(
    source: Annotated[str, Path(max_length=_MAX_SOURCE)],
    deps: Deps,
    caller: Signed,
    verdict: Verdicts = "",
    text: Text = "",
    limit: Annotated[int, Query(ge=1, le=_MAX_LISTED)] = 200,
    after: Annotated[int, Query(ge=0, lt=1 << 53, description="last_seq of the answer before.")] = 0,
) -> schemas.NotedList:
    """The newest of what the source has sent in the last minutes, the oldest of them first."""
    watch = await _watch_of(deps, caller.workspace, source)
    if watch is None:
        raise not_found("source", source)
    try:
        verdicts = _verdicts(verdict)
    except ValueError as error:
        raise invalid_field("verdict", f"{error}.") from None
    kept = watch.recent(source)
    found = [
        shown
        for one in kept
        if one.seq > after and shapes.is_wanted(shown := shapes.noted(one), verdicts, text.lower())
    ]
    return schemas.NotedList(
        events=[schemas.NotedMessage(**shown) for shown in found[-limit:]], last_seq=kept[-1].seq if kept else after
    )


@router.websocket("/ws/sources/{source}")
async def follow(websocket: WebSocket, source: str, deps: Deps, verdict: str = "", text: str = "") -> None:
    caller = await admitted(websocket, deps)
    if caller is None:
        return
    try:
        verdicts = _verdicts(verdict)
    except ValueError as error:
        await websocket.close(BAD_PARAMETER, f"verdict: {error}")
        return
    watch = await _watch_of(deps, caller.workspace, source)
    if watch is None:
        await websocket.close(NOT_FOUND, "there is no such source")
        return
    follower = watch.follow(source)
    if follower is None:
        await websocket.close(TRY_LATER, "too many look on")
        return
    with closing(follower):
        wanted = verdicts, text[:_MAX_TEXT].lower()
        await serve(websocket, deps, _send(websocket, deps, source, follower, wanted))


async def _send(
    websocket: WebSocket, deps: ApiDeps, source: str, follower: Follower, wanted: tuple[frozenset[str], str]
) -> None:
    now_ms = deps.clock.now_ms()
    await websocket.send_text(encode(0, "hello", now_ms, {"source": source, "server_ms": now_ms}).text)
    while True:
        found = await follower.next(_BURST)
        missed, follower.missed = follower.missed, 0
        if missed and found:
            gap = encode(found[0].seq - 1, "gap", deps.clock.now_ms(), {"missed": missed})
            await websocket.send_text(gap.text)
        for one in found:
            shown: dict[str, Any] = shapes.noted(one)
            if shapes.is_wanted(shown, *wanted):
                await websocket.send_text(encode(one.seq, "message", one.at_ms, shown).text)
        # Whoever looks on must not take the time of those who send.
        await asyncio.sleep(_PAUSE_S)


async def _watch_of(deps: ApiDeps, workspace: str, source: str) -> LooksOn | None:
    """Return what shows the source, None when the workspace has none of this id."""
    known = await deps.store.source_by_id(source[:_MAX_SOURCE])
    return deps.watch if known and known.workspace == workspace else None


def _verdicts(text: str) -> frozenset[str]:
    """Return the verdicts that are asked for. Raises ValueError."""
    found = frozenset(filter(None, (one.strip() for one in text.split(","))))
    if unknown := found - VERDICTS:
        raise ValueError(f"there is no {min(unknown)[:40]!r}; there are {', '.join(sorted(VERDICTS))}")
    return found
