"""The live WebSocket: hello, what was missed, then everything as it happens, until the caller's sign-in ends."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from api.auth import Caller, from_our_page, identify
from api.deps import ApiDeps, Deps
from api.live import TooManyWatchersError, Watcher, encode

router = APIRouter()

SIGNED_OUT = 4401
BAD_PARAMETER = 4400
_TRY_LATER = 1013
_MAX_SEQ = 2**53 - 1


@router.websocket("/ws/live")
async def live(websocket: WebSocket, deps: Deps, after: str = "") -> None:
    caller = await identify(websocket, deps)
    if caller is None or (caller.session and not from_our_page(websocket)):
        await websocket.close(SIGNED_OUT)  # before the handshake, so the client sees 403
        return
    await websocket.accept()
    try:
        last_seq = _sequence_number(after)
    except ValueError:
        # After the handshake: of one that is refused a browser's page is told no reason.
        await websocket.close(BAD_PARAMETER, f"after: must be the seq of a message, a whole number up to {_MAX_SEQ}")
        return
    try:
        with deps.bus.watch(caller.workspace, last_seq) as watcher:
            await _serve(websocket, deps, caller, watcher)
    except TooManyWatchersError:
        await websocket.close(_TRY_LATER, "too many watchers")


def _sequence_number(text: str) -> int | None:
    """Return the number, None when there is none. Raises ValueError."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_SEQ)) and int(text) <= _MAX_SEQ):
        raise ValueError(text)
    return int(text)


async def _serve(websocket: WebSocket, deps: ApiDeps, caller: Caller, watcher: Watcher) -> None:
    """Send until one side ends it; whichever task ends first ends the others."""
    signed_out = asyncio.create_task(_until_signed_out(websocket, deps))
    tasks = [
        asyncio.create_task(_send(websocket, deps, caller, watcher)),
        asyncio.create_task(_until_gone(websocket)),
        signed_out,
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        with suppress(WebSocketDisconnect):  # the usual end
            task.result()
    if websocket.application_state == websocket.client_state == WebSocketState.CONNECTED and signed_out in done:
        await websocket.close(SIGNED_OUT, "signed out")


async def _send(websocket: WebSocket, deps: ApiDeps, caller: Caller, watcher: Watcher) -> None:
    now_ms = deps.clock.now_ms()
    hello = {
        "resumed": watcher.resumed,
        "workspace": caller.workspace,
        "server_ms": now_ms,
        "version": deps.about.version,
        "mail": deps.about.mail,
        "demo": deps.about.demo,
        "rates": deps.rates(caller.workspace),
    }
    await websocket.send_text(encode(watcher.started_at, "hello", now_ms, hello).text)
    while True:
        await websocket.send_text(await watcher.next())


async def _until_gone(websocket: WebSocket) -> None:
    """Read and ignore what the client says, as only reading tells that it left."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _until_signed_out(websocket: WebSocket, deps: ApiDeps) -> None:
    signed_in = True
    while signed_in:
        await asyncio.sleep(deps.settings.live_auth_check_s)
        signed_in = await identify(websocket, deps) is not None
