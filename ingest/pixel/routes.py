"""What the pixel needs of the server: its scripts, its cookie, and GET /p.gif, the pixel where no script runs."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.call import Head
from ingest.door import Door
from ingest.errors import IngestError, TooLargeError, UnknownKeyError, answering
from ingest.gif import GIF, GIF_HEADERS
from ingest.pixel.cookie import CookieRoutes
from ingest.pixel.scripts import ScriptRoutes

GIF_PATH = "/p.gif"
MAX_QUERY_BYTES = 8_192
_MAX_REFERER_CHARS = 2_048


class PixelRoutes:
    """The endpoints over one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        return [
            Route(GIF_PATH, answering(self.gif), methods=["GET"]),
            *ScriptRoutes(self._door.settings.pixel_max_age_s).routes(),
            *CookieRoutes(self._door).routes(),
        ]

    async def gif(self, request: Request) -> Response:
        if request.method == "GET":  # Starlette also routes HEAD here: a link checker is no visit
            await self._record(request)
        return Response(GIF, 200, GIF_HEADERS, "image/gif")

    async def _record(self, request: Request) -> None:
        door, raw = self._door, request.scope["query_string"]
        source = door.source_of(request)
        if source is None:
            raise UnknownKeyError
        caller = door.caller(request, source, "gif")
        try:
            if len(raw) > MAX_QUERY_BYTES:
                raise TooLargeError("query", f"has {len(raw)} bytes", f"Send at most {MAX_QUERY_BYTES}")
            events = door.judge(message_of(request.query_params, page_of(request)), caller)
        except IngestError as error:
            await door.bury(caller, [(error, raw)])
            raise
        await door.take(caller, events)


def page_of(request: Head) -> str:
    """Return the address of the page that shows the picture, as far as its browser tells."""
    return request.headers.get("referer", "")[:_MAX_REFERER_CHARS]


def message_of(query: Any, showing: str = "") -> dict[str, Any]:
    """Return the Segment message that a query stands for; `showing` is the address of the page with the picture.

    e event, a anonymous id, u user id, m message id, p path or address, t title, r referrer, utm_*; n=1 where it stands
    in a page for browsers without script: it is seen there, by somebody without an id.
    """
    stands_in_page = query.get("n") == "1"
    place = query.get("p", "") or (showing if stands_in_page else "")
    page = {"url" if "://" in place else "path": place, "title": query.get("t"), "referrer": query.get("r")}
    context: dict[str, Any] = {}
    if tags := {key[4:]: query[key] for key in query if key.startswith("utm_")}:
        context["campaign"] = tags | {"name": tags.get("campaign")}
    if stands_in_page:
        context["cookieless"] = True
    return {
        "type": "track",
        "event": query.get("e") or "page_viewed",
        # Without an id each time the picture is fetched is an occurrence of its own.
        "messageId": query.get("m") or uuid4().hex,
        "userId": query.get("u"),
        "anonymousId": query.get("a"),
        "properties": {key: value for key, value in page.items() if value},
        "context": context,
    }
