"""GET /pixel.js, the script for web pages, and GET /p.gif, the pixel where no script runs."""

import gzip
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.door import Door
from ingest.errors import CORS, IngestError, TooLargeError, UnknownKeyError, answering

_SCRIPT = Path(__file__).with_name("pixel.js")
# The smallest transparent GIF89a: one pixel, 43 bytes.
_GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
_GIF_HEADERS = CORS | {"Cache-Control": "no-store, max-age=0", "Cross-Origin-Resource-Policy": "cross-origin"}
_MAX_QUERY_BYTES = 8_192


class PixelRoutes:
    """The endpoints over one door. The script is read once, when this is made."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._script = _SCRIPT.read_bytes()
        self._packed = gzip.compress(self._script, 9, mtime=0)
        self._etag = f'W/"{sha256(self._script).hexdigest()[:16]}"'

    def routes(self) -> list[Route]:
        return [
            Route("/p.gif", answering(self.gif), methods=["GET"]),
            Route("/pixel.js", answering(self.script), methods=["GET"]),
        ]

    async def script(self, request: Request) -> Response:
        headers = CORS | {
            "Cache-Control": f"public, max-age={self._door.settings.pixel_max_age_s}",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "ETag": self._etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if self._etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = self._script
        if "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = self._packed, "gzip"
        return Response(content, 200, headers, "text/javascript")

    async def gif(self, request: Request) -> Response:
        if request.method == "GET":  # Starlette also routes HEAD here: a link checker is no visit
            await self._record(request)
        return Response(_GIF, 200, _GIF_HEADERS, "image/gif")

    async def _record(self, request: Request) -> None:
        door, raw = self._door, request.scope["query_string"]
        source = door.source_of(request)
        if source is None:
            raise UnknownKeyError
        caller = door.caller(request, source, "gif")
        try:
            if len(raw) > _MAX_QUERY_BYTES:
                raise TooLargeError("query", f"has {len(raw)} bytes", f"Send at most {_MAX_QUERY_BYTES}")
            events = door.judge(message_of(request.query_params), caller)
        except IngestError as error:
            await door.bury(caller, [(error, raw)])
            raise
        await door.take(caller, events)


def message_of(query: Any) -> dict[str, Any]:
    """Return the Segment message that a query stands for.

    e event, a anonymous id, u user id, m message id, p path or address, t title, r referrer, utm_*.
    """
    place = query.get("p", "")
    page = {"url" if "://" in place else "path": place, "title": query.get("t"), "referrer": query.get("r")}
    tags = {key[4:]: value for key, value in query.items() if key.startswith("utm_")}
    return {
        "type": "track",
        "event": query.get("e") or "page_viewed",
        # Without an id each time the picture is fetched is an occurrence of its own.
        "messageId": query.get("m") or uuid4().hex,
        "userId": query.get("u"),
        "anonymousId": query.get("a"),
        "properties": {key: value for key, value in page.items() if value},
        "context": {"campaign": tags | {"name": tags.get("campaign")}} if tags else {},
    }
