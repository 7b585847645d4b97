"""The front door as one ASGI application, and its routes for a server that has others too."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest.analytics_js import BrowserClientRoutes
from ingest.door import Door
from ingest.errors import JSON, answering, error_body
from ingest.links import LinkRoutes
from ingest.pixel.routes import PixelRoutes
from ingest.segment import PREFIX as SEGMENT_PREFIX
from ingest.segment import SegmentRoutes
from ingest.webhooks import WebhookRoutes
from streams.model.links import LinkSigner


def routes(door: Door, links: LinkSigner) -> list[Route]:
    """Return all routes, the busiest first. They answer their own errors wherever they are mounted."""
    segment = SegmentRoutes(door)
    browser = BrowserClientRoutes(door, segment)
    parts = (segment, PixelRoutes(door), LinkRoutes(door, links), browser, WebhookRoutes(door))
    return [route for part in parts for route in part.routes()]


class IngestApp:
    """Answers Segment's calls, by far the most requests, without a router and its middleware; passes on the rest."""

    def __init__(self, segment: SegmentRoutes, rest: ASGIApp) -> None:
        self._collect = answering(segment.collect)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(SEGMENT_PREFIX):
            await self._rest(scope, receive, send)
            return
        scope["path_params"] = {"kind": scope["path"][len(SEGMENT_PREFIX) :]}
        response = await self._collect(Request(scope, receive))
        await response(scope, receive, send)


def app_of(door: Door, links: LinkSigner | None = None) -> ASGIApp:
    """Return the application before a door. Without `links` no mail's is known."""
    rest = Starlette(routes=routes(door, links or LinkSigner([])), exception_handlers={HTTPException: _not_routed})
    # A path with a slash too many is no path of ours; and the redirect would fail on a query that is no UTF-8.
    rest.router.redirect_slashes = False
    return IngestApp(SegmentRoutes(door), rest)


async def _not_routed(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    phrase = HTTPStatus(status).phrase
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response(error_body(phrase.lower().replace(" ", "_"), phrase), status, headers, JSON)
