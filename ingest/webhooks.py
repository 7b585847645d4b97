"""/webhooks/{source_id}: what vendors send. Nothing is read before its signature holds; 2xx means durable.

HEAD is answered as GET is, without the body: some vendors ask so whether the address is there.
"""

from time import monotonic
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.bodies import read_body
from ingest.caller import Caller
from ingest.door import Door
from ingest.errors import JSON, BadSignatureError, IngestError, UnknownSourceError, answering
from ingest.sources import Source
from ingest.vendors.base import NEEDS_CERTIFICATE, PartlyUnusableError, Reply, Vendor, WebhookRequest
from ingest.vendors.certificates import Certificates
from ingest.vendors.registry import VENDORS

_IGNORED = b'{"success":true,"ignored":true}'


class WebhookRoutes:
    """The endpoint over one door."""

    def __init__(self, door: Door, certificates: Certificates | None = None) -> None:
        self._door = door
        self._certificates = certificates or Certificates(monotonic)

    def routes(self) -> list[Route]:
        return [Route("/webhooks/{source_id}", answering(self.receive), methods=["GET", "POST"])]

    async def receive(self, request: Request) -> Response:
        door = self._door
        source, vendor = self._addressed(request)
        raw = await read_body(request, door.settings.max_webhook_bytes)
        told = WebhookRequest(self._url_of(request), request.headers, raw, request.method)
        if greeting := vendor.handshake(told, source.webhook_secrets):
            return _response(greeting)
        secrets, now_s = source.webhook_secrets, door.clock.now_ms() / 1000
        verdict = vendor.verify(told, secrets, now_s)
        if verdict == NEEDS_CERTIFICATE and (certificate_url := vendor.certificate_url(told)):
            verdict = vendor.verify(told, secrets, now_s, await self._certificates.get(certificate_url))
        if not verdict.is_genuine:
            raise BadSignatureError(vendor.id, verdict.reason)
        if confirm_url := vendor.confirm_url(told):
            await self._certificates.visit(confirm_url)
        caller = Caller(source, "webhook")
        try:
            events, unusable = vendor.parse(told, source, door.clock.now_ms()), []
        except PartlyUnusableError as error:
            events, unusable = error.events, error.unusable
        except IngestError as error:
            await door.bury(caller, [(error, error.raw or raw)])
            raise
        if not events:
            door.counts.webhooks_ignored += 1
            is_plain = vendor.reply.media_type == JSON
            return Response(_IGNORED, 200, media_type=JSON) if is_plain else _response(vendor.reply)
        await door.take(caller, door.treat(events, caller))
        if unusable:
            await door.bury(caller, unusable)
        return _response(vendor.reply)

    def _addressed(self, request: Request) -> tuple[Source, Vendor]:
        source = self._door.sources.by_id(request.path_params["source_id"])
        vendor = VENDORS.get(source.kind) if source else None
        if source is None or vendor is None:
            raise UnknownSourceError
        return source, vendor

    def _url_of(self, request: Request) -> str:
        """Return the address that the vendor called; behind a proxy only the settings know it."""
        base = self._door.settings.webhook_base_url
        if not base:
            return str(request.url)
        called = urlsplit(str(request.url))
        return f"{base.rstrip('/')}{called.path}{'?' + called.query if called.query else ''}"


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type)
