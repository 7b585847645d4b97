"""Which addresses are the API's own, whatever the method: HEAD is answered as GET is, and none of them is the page."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN = ("/api", "/readyz", "/healthz", "/metrics", "/v1", "/webhooks", "/ws")


class HeadAsGet:
    """ASGI middleware: HEAD of an own address is GET without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or not _is_own(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # The server's own scope stays as it is: by it the server knows that no body follows.
        await self._app({**scope, "method": "GET"}, receive, send_head)


class Unserved(BaseRoute):
    """Refuses own addresses and methods that no other route serves."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["type"] == "http" and _is_own(scope["path"]) else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        for route in scope["app"].routes:
            match, child_scope = route.matches(scope)
            if match == Match.PARTIAL:  # it is for other methods, and says for which
                await route.handle({**scope, **child_scope}, receive, send)
                return
        raise HTTPException(HTTPStatus.NOT_FOUND)


def _is_own(path: str) -> bool:
    return any(path == own or path.startswith(own + "/") for own in _OWN)
