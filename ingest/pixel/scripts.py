"""GET /pixel.js and /stub.js: what web pages load, and what stands in the page itself. `make pixel` builds both."""

import gzip
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.errors import CORS, JSON, Endpoint, answering, error_body

DIST = Path(__file__).with_name("dist")
_NAMES = ("pixel.js", "stub.js")


def snippet(script_url: str, write_key: str) -> str:
    """Return the HTML that a page carries, for the head. Raises FileNotFoundError where the pixel is not built."""
    stub = (DIST / "stub.js").read_text()
    gif = f"{script_url.removesuffix('pixel.js')}p.gif?k={write_key}&amp;n=1"
    return (
        f"<script>{stub}</script>\n"
        f'<script async src="{script_url}" data-key="{write_key}"></script>\n'
        f'<noscript><img src="{gif}" alt="" width="1" height="1"></noscript>'
    )


class ScriptRoutes:
    """The scripts, read once, when this is made; without a build they are missing and say so."""

    def __init__(self, max_age_s: int) -> None:
        self._max_age_s = max_age_s
        self._scripts = {name: (DIST / name).read_bytes() for name in _NAMES if (DIST / name).is_file()}

    def routes(self) -> list[Route]:
        return [Route(f"/{name}", answering(self._serving(name)), methods=["GET"]) for name in _NAMES]

    def _serving(self, name: str) -> Endpoint:
        script = self._scripts.get(name)
        if script is None:
            body = error_body("not_built", f"/{name} is not built. Run `make pixel`")

            async def missing(_: Request) -> Response:
                return Response(body, 503, CORS, JSON)

            return missing
        packed = gzip.compress(script, 9, mtime=0)
        etag = f'W/"{sha256(script).hexdigest()[:16]}"'

        async def serve(request: Request) -> Response:
            headers = CORS | {
                "Cache-Control": f"public, max-age={self._max_age_s}",
                "Cross-Origin-Resource-Policy": "cross-origin",
                "ETag": etag,
                "Vary": "Accept-Encoding",
                "X-Content-Type-Options": "nosniff",
            }
            if etag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
            content = script
            if "gzip" in request.headers.get("accept-encoding", ""):
                content, headers["Content-Encoding"] = packed, "gzip"
            return Response(content, 200, headers, "text/javascript")

        return serve
