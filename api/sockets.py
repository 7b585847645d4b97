"""What every WebSocket has in common: who may open one, and how it ends. It knows no message."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from api.auth import Caller, from_our_page, identify
from api.deps import ApiDeps

SIGNED_OUT = 4401
BAD_PARAMETER = 4400
NOT_FOUND = 4404
TRY_LATER = 1013


async def admitted(websocket: WebSocket, deps: ApiDeps) -> Caller | None:
    """Return the caller, his handshake done; None when he is refused."""
    caller = await identify(websocket, deps)
    if caller is None or (caller.session and not from_our_page(websocket)):
        await websocket.close(SIGNED_OUT)  # before the handshake, so the client sees 403
        return None
    await websocket.accept()
    return caller


async def serve(websocket: WebSocket, deps: ApiDeps, sending: Coroutine[Any, Any, None]) -> None:
    """Run `sending` until it ends, the client goes, or the caller is signed out; whichever is first ends the others."""
    signed_out = asyncio.create_task(_until_signed_out(websocket, deps))
    tasks = [asyncio.create_task(sending), asyncio.create_task(_until_gone(websocket)), signed_out]
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


async def _until_gone(websocket: WebSocket) -> None:
    """Read and ignore what the client says, as only reading tells that it left."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _until_signed_out(websocket: WebSocket, deps: ApiDeps) -> None:
    signed_in = True
    while signed_in:
        await asyncio.sleep(deps.settings.live_auth_check_s)
        signed_in = await identify(websocket, deps) is not None
