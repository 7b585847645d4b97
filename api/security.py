"""What guards every answer: the host names we answer to, and headers against foreign pages. Not who may sign in."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, error_response

# Inline styles: the charts set widths and colours. Images: product pictures of carts come from the shop's own host.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: data:; "
    "object-src 'none'; "
    "base-uri 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_PROBES = ("/healthz", "/readyz", "/readyz/intake")


class Guard:
    """ASGI middleware. Routes in `open_to_all` (pixel, shop) answer under any host and set their own policy."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], open_to_all: Sequence[BaseRoute]) -> None:
        self._app = app
        self._hosts = tuple(h.lower() for h in hosts)
        self._open_to_all = tuple(open_to_all)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        public = any(route.matches(scope)[0] != Match.NONE for route in self._open_to_all)

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                for name, value in () if public else _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if public or scope["path"] in _PROBES or self._trusts(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "http":
            await error_response(_unknown_host())(scope, receive, send_guarded)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "unknown host"})

    def _trusts(self, host: str) -> bool:
        name = host_name(host)
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in self._hosts
        )


def host_name(host: str) -> str:
    """Return a Host header without its port, lower-cased; IPv6 keeps its brackets."""
    end = host.find("]") + 1 if host.startswith("[") else host.find(":")
    return (host if end < 1 else host[:end]).lower()


def _unknown_host() -> ApiError:
    message = "This host name is not served here. Add it to the setting api.trusted_hosts."
    return ApiError(HTTPStatus.BAD_REQUEST, "unknown_host", message)
