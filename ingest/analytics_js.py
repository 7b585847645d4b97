"""What Segment's browser client asks beside /v1/{call}: its settings, a place for its own metrics, and Segment's pixel.

GET /v1/projects/{writeKey}/settings, POST /v1/m, GET /v1/pixel/{call}?data=base64.
"""

import re
from base64 import b64decode
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.door import Door
from ingest.errors import CORS, JSON, IngestError, TooLargeError, answering, error_body
from ingest.gif import GIF, GIF_HEADERS
from ingest.segment import KINDS, PREFIX, SegmentRoutes

_MAX_DATA_CHARS = 16_384
_SETTINGS_HEADERS = CORS | {"Cache-Control": "private, max-age=120"}
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_ ", "+/+")  # a plus that was not escaped reads as a blank


class BrowserClientRoutes:
    """The endpoints over one door."""

    def __init__(self, door: Door, segment: SegmentRoutes) -> None:
        self._door = door
        self._segment = segment

    def routes(self) -> list[Route]:
        return [
            Route(PREFIX + "projects/{key}/settings", answering(self.settings), methods=["GET"]),
            Route(PREFIX + "pixel/{kind}", answering(self.pixel), methods=["GET"]),
        ]

    async def settings(self, request: Request) -> Response:
        """Return the settings that the client loads from its `cdnURL`: this is the only destination."""
        key = request.path_params["key"]
        self._door.source_with(key)
        base = self._door.settings.webhook_base_url.rstrip("/")
        scheme, _, host = (
            base.partition("://") if base else (request.scope["scheme"], "", request.headers.get("host", ""))
        )
        return Response(orjson.dumps(_settings_of(key, scheme, host)), 200, _SETTINGS_HEADERS, JSON)

    async def pixel(self, request: Request) -> Response:
        """Take the message in `data`, as where no script runs."""
        kind = KINDS.get(request.path_params["kind"])
        if kind is None:
            return Response(error_body("not_found", "This is not a kind of call"), 404, CORS, JSON)
        if request.method == "GET":  # Starlette also routes HEAD here: a link checker is no visit
            await self._segment.take_one(request, kind, _data_of)
        return Response(GIF, 200, GIF_HEADERS, "image/gif")


async def _data_of(request: Request) -> bytes:
    text = request.query_params.get("data", "")
    try:
        if len(text) > _MAX_DATA_CHARS:
            raise TooLargeError("data", f"has {len(text)} characters", f"Send at most {_MAX_DATA_CHARS}")
        try:
            return b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            raise IngestError("invalid_field", "data", "is not base64", "Send ?data= with base64 of JSON") from None
    except IngestError as error:
        error.raw = _as_far_as_readable(text[:_MAX_DATA_CHARS])
        raise


def _as_far_as_readable(text: str) -> bytes:
    """Return the bytes in broken base64, where no key can hide; the text itself where it is none at all."""
    found = _NO_BASE64.sub("", text.translate(_URL_SAFE))
    found = found[:-1] if len(found) % 4 == 1 else found
    return b64decode(found + "=" * (-len(found) % 4)) or text.encode()


def _settings_of(key: str, scheme: str, host: str) -> dict[str, Any]:
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": key,
                "apiHost": f"{host}{PREFIX.rstrip('/')}",
                "protocol": scheme,
                "retryQueue": True,
                "addBundledMetadata": False,
                "unbundledIntegrations": [],
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}, "identify": {}, "group": {}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
