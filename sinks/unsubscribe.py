"""The unsubscribe link: signed, one click (RFC 8058), and never followed by merely looking at it."""

from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from sinks.ledger.base import Ledger
from sinks.outcomes import SOURCE, Emit, keys_of
from sinks.rendering import Renderer
from streams.model.deliveries import Delivery
from streams.model.events import Event
from streams.model.ids import own_id
from streams.ports import Clock

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}


class Subscriber(Struct, frozen=True):
    """Whom a link is about."""

    workspace: str
    address: str
    profile: str


class UnsubscribeLinks:
    """Makes and reads links. `base_url` is where the platform is reached from outside."""

    def __init__(self, secret: str, base_url: str) -> None:
        self._signer = URLSafeSerializer(secret, salt="campaigniq.unsubscribe", signer_kwargs={"digest_method": sha256})
        self._base_url = base_url.rstrip("/")

    def url(self, delivery: Delivery) -> str:
        """Return the link for the delivery's recipient."""
        token = self._signer.dumps([delivery.workspace, delivery.recipient, delivery.profile])
        return f"{self._base_url}/u/{token if isinstance(token, str) else token.decode()}"

    def read(self, token: str) -> Subscriber | None:
        """Return whom a token is about, None when this installation did not make it."""
        try:
            workspace, address, profile = self._signer.loads(token)
        except (BadData, ValueError, TypeError):
            return None
        return Subscriber(workspace, address, profile)


def unsubscribe_routes(
    links: UnsubscribeLinks, ledger: Ledger, renderer: Renderer, clock: Clock, emit: Emit
) -> list[Route]:
    """Return GET /u/{token}, which asks, and POST /u/{token}, which does it."""

    def page(state: str, title: str, address: str = "", status: int = 200) -> HTMLResponse:
        html = renderer.page("unsubscribe", state=state, title=title, address=address)
        return HTMLResponse(html, status, _HEADERS)

    async def ask(request: Request) -> HTMLResponse:
        who = links.read(request.path_params["token"])
        if who is None:
            return page("broken", "This link does not work", status=404)
        return page("ask", "Unsubscribe?", who.address)

    async def unsubscribe(request: Request) -> HTMLResponse:
        who = links.read(request.path_params["token"])
        if who is None:
            return page("broken", "This link does not work", status=404)
        now_ms = clock.now_ms()
        await ledger.suppress(who.workspace, who.address, "unsubscribed", now_ms)
        # Also when the address was suppressed before: the first time's event may not have reached the log.
        await emit([_unsubscribed(who, now_ms)])
        return page("done", "You are unsubscribed", who.address)

    return [Route("/u/{token}", ask, methods=["GET"]), Route("/u/{token}", unsubscribe, methods=["POST"])]


def _unsubscribed(who: Subscriber, now_ms: int) -> Event:
    return Event(
        id=own_id("unsubscribed", who.workspace, who.address),
        workspace=who.workspace,
        source=SOURCE,
        profile=who.profile,
        name="unsubscribed",
        at_ms=now_ms,
        received_ms=now_ms,
        keys=keys_of(who.profile, who.address),
        properties={"channel": "email", "address": who.address},
    )
