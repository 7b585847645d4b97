"""The live WebSocket: hello, what was missed, then everything as it happens, until the caller's sign-in ends."""

from fastapi import APIRouter, WebSocket

from api.auth import Caller
from api.deps import ApiDeps, Deps
from api.live import TooManyWatchersError, Watcher, encode
from api.sockets import BAD_PARAMETER, TRY_LATER, admitted, serve

router = APIRouter()

MAX_SEQ = 2**53 - 1


@router.websocket("/ws/live")
async def live(websocket: WebSocket, deps: Deps, after: str = "") -> None:
    caller = await admitted(websocket, deps)
    if caller is None:
        return
    try:
        last_seq = sequence_number(after)
    except ValueError:
        # After the handshake: of one that is refused a browser's page is told no reason.
        await websocket.close(BAD_PARAMETER, f"after: must be the seq of a message, a whole number up to {MAX_SEQ}")
        return
    try:
        with deps.bus.watch(caller.workspace, last_seq) as watcher:
            await serve(websocket, deps, _send(websocket, deps, caller, watcher))
    except TooManyWatchersError:
        await websocket.close(TRY_LATER, "too many watchers")


def sequence_number(text: str) -> int | None:
    """Return the number, None when there is none. Raises ValueError."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEQ)) and int(text) <= MAX_SEQ):
        raise ValueError(text)
    return int(text)


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
