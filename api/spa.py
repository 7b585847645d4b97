"""Serves the built dashboard: its files, and its first page for every address that the page itself understands."""

from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_ASSETS = "assets/"


class Dashboard(StaticFiles):
    """Files under `assets/` carry a hash in their name, so they may be kept; the first page may not."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000, "reason": "nothing is live here"})
            return
        await super().__call__(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await self._file_or_first_page(path, scope)
        kept = path.startswith(_ASSETS)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response

    async def _file_or_first_page(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND or path.startswith(_ASSETS):
                raise
            return await super().get_response("index.html", scope)
