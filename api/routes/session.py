"""Signing a browser in by a one-time link, and out."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from api import pages, schemas
from api.auth import MAX_TOKEN, Signed, clear_session, set_session
from api.deps import ApiDeps, Deps
from api.errors import ApiError

router = APIRouter(tags=["session"])


def sign_in_url(base_url: str, token: str) -> str:
    """Return the address that signs a browser in with a token of ConfigStore.create_sign_in_link."""
    return f"{base_url.rstrip('/')}/signin?token={quote(token, safe='')}"


@router.get("/signin", include_in_schema=False)
async def sign_in(request: Request, deps: Deps, token: Annotated[str, Query()] = "") -> Response:
    now_ms = deps.clock.now_ms()
    session = None
    if 0 < len(token) <= MAX_TOKEN:
        session = await deps.store.redeem_sign_in_link(token, now_ms, deps.settings.session_ttl_s * 1000)
    if session is None:
        return pages.link_spent()
    # The token is spent, still it goes neither into caches nor into the next page's referrer.
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER, headers)
    set_session(response, session, now_ms, secure=request.url.scheme == "https")
    return response


@router.get("/api/me")
async def read_me(deps: Deps, caller: Signed) -> schemas.Me:
    """Who is signed in, and where."""
    about = deps.about
    return schemas.Me(
        workspace=caller.workspace,
        via="session" if caller.session else "token",
        expires_ms=caller.expires_ms,
        version=about.version,
        mail=about.mail,
        demo=about.demo,
    )


@router.post("/api/sign-out", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(request: Request, response: Response, deps: Deps, caller: Signed) -> None:
    """End this browser's session."""
    if caller.session:
        await deps.store.end_session(caller.session)
    clear_session(response, secure=request.url.scheme == "https")


@router.post("/api/sign-in-links", status_code=HTTPStatus.CREATED)
async def create_sign_in_link(deps: Deps, caller: Signed) -> schemas.SignInLink:
    """A new link that signs one browser in, once."""
    if caller.session:
        message = "Links are made with an API token, not from a signed-in browser. Run `campaigniq sign-in`."
        raise ApiError(HTTPStatus.FORBIDDEN, "needs_api_token", message)
    return await _link(deps, caller.workspace)


async def _link(deps: ApiDeps, workspace: str) -> schemas.SignInLink:
    now_ms, ttl_ms = deps.clock.now_ms(), deps.settings.sign_in_link_ttl_s * 1000
    token = await deps.store.create_sign_in_link(workspace, now_ms, ttl_ms)
    return schemas.SignInLink(url=sign_in_url(deps.about.url, token), expires_ms=now_ms + ttl_ms)
