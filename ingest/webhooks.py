"""POST /webhooks/{source_id}: what vendors send. Nothing is read before its signature holds; 2xx means durable."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.bodies import read_body
from ingest.door import Door
from ingest.errors import JSON, BadSignatureError, IngestError, UnknownSourceError, answering
from ingest.vendors.registry import VENDORS

_OK = b'{"success":true}'
_IGNORED = b'{"success":true,"ignored":true}'


class WebhookRoutes:
    """The endpoint over one door."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        return [Route("/webhooks/{source_id}", answering(self.receive), methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        door = self._door
        source = door.sources.by_id(request.path_params["source_id"])
        vendor = VENDORS.get(source.kind) if source else None
        if source is None or vendor is None:
            raise UnknownSourceError
        raw = await read_body(request, door.settings.max_webhook_bytes)
        if not vendor.verify(raw, request.headers, source.webhook_secrets):
            raise BadSignatureError(vendor.id)
        try:
            events = vendor.parse(raw, request.headers, source, door.clock.now_ms())
        except IngestError as error:
            await door.bury(source, [(error, raw)])
            raise
        if not events:
            door.counts.webhooks_ignored += 1
            return Response(_IGNORED, 200, media_type=JSON)
        await door.take(events)
        return Response(_OK, 200, media_type=JSON)
