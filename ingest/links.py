"""GET /o/{token}.gif, the open pixel of a mail, and GET /c/{token}, a link out of one. Tokens: streams/model/links.py.

Where a link leads stands in its signed token alone, so this redirects nowhere else. Whoever follows one gets there also
when nothing can be recorded: after a short wait the page comes first.
"""

import asyncio
import logging
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.caller import caller_of
from ingest.door import Door
from ingest.errors import IngestError, answering
from ingest.gif import GIF, GIF_HEADERS
from ingest.recent_ids import RecentIds, digests_of
from ingest.sources import WEB, Source
from streams.model.deliveries import PLATFORM
from streams.model.errors import LogClosedError, LogFullError
from streams.model.events import BOT, UNCOUNTED, Event, ProfileKeys, Provenance
from streams.model.ids import own_id
from streams.model.links import Link, LinkSigner
from streams.store.sources import SourcePolicy

OPENED, CLICKED = "email_opened", "email_clicked"
PATIENCE_S: Final = 0.3
"""How long the answer waits for the log."""
_CLICK_MS: Final = 60_000
_REMEMBERED: Final = 100_000
_PREFETCH_HEADERS: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_PREFETCH_WORDS: Final = ("prefetch", "preview", "prerender")
# Programs that check mails open them and follow every link; neither makes a lead.
_POLICY: Final = SourcePolicy(uncounted="bots")
_PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
_PICTURE: Final = GIF_HEADERS | _PRIVATE
_PAGE_HEADERS: Final = _PRIVATE | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}
_BROKEN: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>This link does not work</title>
<style>body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.55 system-ui,sans-serif}
main{max-width:420px;padding:24px}h1{margin:0;font-size:24px;line-height:1.2}p{margin:12px 0 0;opacity:.75}</style>
<main><h1>This link does not work</h1>
<p>The link is incomplete or was changed on its way. Open it again from the message, whole.</p></main></html>
"""

_log = logging.getLogger(__name__)


class LinkRoutes:
    """The endpoints over one door."""

    def __init__(self, door: Door, signer: LinkSigner) -> None:
        self._door = door
        self._signer = signer
        self._recording: set[asyncio.Task[None]] = set()
        self._recent = RecentIds(_REMEMBERED)
        self._under_way: set[int] = set()

    def routes(self) -> list[Route]:
        return [
            Route("/o/{token}.gif", answering(self.open), methods=["GET"]),
            Route("/c/{token:path}", answering(self.click), methods=["GET"]),
        ]

    async def open(self, request: Request) -> Response:
        link = self._signer.read(request.path_params["token"])
        if link is None or link.url:
            return Response(GIF, 404, _PICTURE, "image/gif")
        await self._note(request, link, OPENED)
        return Response(GIF, 200, _PICTURE, "image/gif")

    async def click(self, request: Request) -> Response:
        link = self._signer.read(request.path_params["token"])
        if link is None or not link.url:
            return Response(_BROKEN, 404, _PAGE_HEADERS, "text/html")
        await self._note(request, link, CLICKED)
        return Response(None, 302, _PRIVATE | {"Location": quote(link.url, safe=":/%#?=@[]!$&'()*+,;~")})

    async def _note(self, request: Request, link: Link, name: str) -> None:
        """Record what the recipient did; return when it is durable, has failed, or takes too long."""
        if request.method != "GET":  # Starlette also routes HEAD here: a link checker follows no link
            return
        task = asyncio.create_task(self._record(request, link, name), name=f"record {name}")
        self._recording.add(task)
        task.add_done_callback(self._recorded)
        await asyncio.wait({task}, timeout=PATIENCE_S)

    async def _record(self, request: Request, link: Link, name: str) -> None:
        door, source = self._door, Source(PLATFORM, link.workspace, WEB, policy=_POLICY)
        caller = caller_of(request, source, "link")
        events = door.see([_event(link, name, door.clock.now_ms())], None, caller)
        if _is_prefetch(request):
            events = [_as_robots(event) for event in events]
        events = door.treat(events, caller)
        # A robot that was first must not take the place of the person who comes after it.
        events = [replace(event, id=f"{event.id}:{BOT}") if event.is_flagged(BOT) else event for event in events]
        # Who does not want to be recorded takes nobody's place either.
        ids = {2 * digest + caller.opts_out for digest in digests_of(events)}
        if all(one in self._recent or one in self._under_way for one in ids):
            return  # before it is counted: who repeats one link spends nothing of what all mails have together
        door.caller(request, source, "link")
        self._under_way |= ids
        try:
            await door.take(caller, events)
            self._recent.add_all(ids)
        finally:
            self._under_way -= ids

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._recording.discard(task)
        if task.cancelled():
            return
        match task.exception():
            case None:
                pass
            case IngestError() | LogFullError() | LogClosedError() as error:
                _log.warning("an opened or clicked mail is not recorded: %s", error)
            case error:
                _log.error("an opened or clicked mail is not recorded", exc_info=error)


def _event(link: Link, name: str, now_ms: int) -> Event:
    """Return the event: one open a mail, one click a link and minute, however often programs and people repeat them."""
    properties = {"delivery_id": link.delivery, "campaign": link.campaign, "channel": "email"}
    about = [name, link.workspace, link.delivery]
    if link.url:
        properties["url"] = link.url
        about += [link.url, str(now_ms // _CLICK_MS)]
    return Event(
        id=own_id(*about),
        workspace=link.workspace,
        source=PLATFORM,
        profile=link.profile,
        name=name,
        at_ms=now_ms,
        received_ms=now_ms,
        keys=ProfileKeys.of(link.profile),
        properties=properties,
    )


def _is_prefetch(request: Request) -> bool:
    """Say whether a program fetches it in case that somebody should want it."""
    told = " ".join(request.headers.get(name, "") for name in _PREFETCH_HEADERS).lower()
    return any(word in told for word in _PREFETCH_WORDS)


def _as_robots(event: Event) -> Event:
    if event.is_flagged(BOT):
        return event
    known = event.provenance or Provenance()
    return replace(event, provenance=replace(known, flags=(*known.flags, BOT, UNCOUNTED)))
