"""POST /pixel/id: keeps a browser's id in a cookie of the collector's own, which lasts longer than what scripts keep.

Who gets one: a page of the same site as the collector (events.example.com for www.example.com). The browser says so in
Sec-Fetch-Site and enforces it through SameSite; one that says nothing is judged by its hosts. For all other pages the
answer is the same as where no cookie is known, so nobody learns from here who visits whom.

HttpOnly: the page gets the id in the answer and never reads the cookie. SameSite=Lax: no request that another site's
page makes carries it, but a click on a link in a mail does. Secure and __Host- (this host alone, nothing below the
domain can plant it) wherever the page is https.
"""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.bodies import parse_json, read_body
from ingest.door import Door
from ingest.errors import JSON, answering
from ingest.values import wrong_type

PATH = "/pixel/id"
SECURE_NAME, PLAIN_NAME = "__Host-ciq", "ciq"
_LIFE_S = 400 * 86_400  # browsers keep none for longer
_MAX_BYTES = 2_048
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SAME_SITE = ("same-origin", "same-site")
_KEEP, _SET = "keep", "set"


class CookieRoutes:
    """The endpoint over one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        return [Route(PATH, answering(self.identify), methods=["POST"])]

    async def identify(self, request: Request) -> Response:
        """Answer with the id of this browser.

        `how`: "keep" the one of the cookie, or else the proposed; "set" the proposed; anything else forgets.
        """
        message = parse_json(await read_body(request, _MAX_BYTES))
        if not isinstance(message, dict):
            raise wrong_type("message", message, "an object")
        caller = self._door.caller(request, self._door.source_with(message.get("writeKey")), "pixel", 0)
        origin = request.headers.get("origin", "")
        headers = {"Cache-Control": "no-store", "Vary": "Origin"}
        visitor = None
        if is_first_party(request, origin):
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
            name = SECURE_NAME if origin.startswith("https:") else PLAIN_NAME
            known = request.cookies.get(name)
            visitor = None if caller.opts_out else _id_after(message, known)
            if visitor or known:
                headers["Set-Cookie"] = _cookie(name, visitor)
        else:
            headers |= {"Access-Control-Allow-Origin": origin or "*", "Access-Control-Allow-Credentials": "true"}
        return Response(orjson.dumps({"anonymousId": visitor}), 200, headers, JSON)


def is_first_party(request: Request, origin: str) -> bool:
    """Say whether the request comes from a page of the site that this host belongs to."""
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        return bool(origin) and told in _SAME_SITE
    page = (urlsplit(origin).hostname or "").removeprefix("www.")
    here = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    return "." in page and (here == page or here.endswith(f".{page}") or page.endswith(f".{here}"))


def _id_after(message: dict[str, Any], known: str | None) -> str | None:
    how, proposed = message.get("how"), message.get("anonymousId")
    is_usable = isinstance(proposed, str) and _ID.fullmatch(proposed)
    if how == _KEEP and known and _ID.fullmatch(known):
        return known
    if how in (_KEEP, _SET):
        return proposed if is_usable else uuid4().hex
    return None


def _cookie(name: str, visitor: str | None) -> str:
    secure = "; Secure" if name == SECURE_NAME else ""
    life_s = _LIFE_S if visitor else 0
    return f"{name}={visitor or ''}; Max-Age={life_s}; Path=/; HttpOnly; SameSite=Lax{secure}"
