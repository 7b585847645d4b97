"""Who is calling: an API token or a signed-in browser. A browser's unsafe requests must come from our own page."""

from http import HTTPStatus
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.deps import ApiDeps, Deps
from api.errors import ApiError, unauthorized
from streams.store.config import NewSession

COOKIE = "campaigniq_session"
MAX_TOKEN = 200
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Caller(NamedTuple):
    """Who is calling; `session` is the cookie's token, None for an API token, which has no end. `name` goes under what
    the caller writes.
    """

    workspace: str
    session: str | None
    expires_ms: int | None
    name: str


async def identify(connection: HTTPConnection, deps: ApiDeps) -> Caller | None:
    """Return the caller of a request or WebSocket. An Authorization header is judged alone, never the cookie too."""
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN:
            return None
        found = await deps.store.api_token(token.strip())
        return Caller(found.workspace, None, None, found.name) if found else None
    token = connection.cookies.get(COOKIE, "")
    if not 0 < len(token) <= MAX_TOKEN:
        return None
    session = await deps.store.session(token, deps.clock.now_ms())
    return Caller(session.workspace, token, session.expires_ms, "browser") if session else None


def from_our_page(connection: HTTPConnection) -> bool:
    """Say whether the browser names our own host as the origin of the request. Port included, so is a port apart."""
    host = connection.headers.get("host", "").lower()
    origin = connection.headers.get("origin", "")
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host
    except ValueError:
        return False


async def require_caller(request: Request, deps: Deps) -> Caller:
    caller = await identify(request, deps)
    if caller is None:
        raise unauthorized()
    if caller.session and request.method not in _SAFE and not from_our_page(request):
        message = "A signed-in browser may do this only from the dashboard itself (Origin must equal Host)."
        raise ApiError(HTTPStatus.FORBIDDEN, "cross_site", message)
    return caller


Signed = Annotated[Caller, Depends(require_caller)]


def set_session(response: Response, session: NewSession, now_ms: int, *, secure: bool) -> None:
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=(session.expires_ms - now_ms) // 1000,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def clear_session(response: Response, *, secure: bool) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
