"""/webhooks/{source_id}: what vendors send. Nothing is read before its signature holds; 2xx means durable.

HEAD is answered as GET is, without the body: some vendors ask so whether the address is there.
"""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.bodies import read_body
from ingest.caller import Caller
from ingest.door import IGNORED, Door
from ingest.errors import JSON, BadSignatureError, IngestError, UnknownSourceError, answering
from ingest.policy.form_secrets import is_secret
from ingest.sources import Source
from ingest.vendors.base import (
    NEEDS_CERTIFICATE,
    PARSED_HEADERS,
    PartlyUnusableError,
    Reply,
    Vendor,
    Verdict,
    WebhookRequest,
)
from ingest.vendors.certificates import CertificateError, Certificates
from ingest.vendors.registry import VENDORS
from streams.model.events import Event

_IGNORED = b'{"success":true,"ignored":true}'
_NO_USE = IngestError("ignored", "", "it tells nothing that has a use here", "Nothing need be done")
# Beside those that are called as in forms. No `parse` wants any, and somebody may have put a secret there.
_SECRETS_IN_ADDRESSES = frozenset(("apikey", "auth", "sig", "signature"))
_MAX_HEADER_CHARS = 1_024


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
        verdict = await self._judged(vendor, told, source.webhook_secrets)
        caller = Caller(source, "webhook")
        if not verdict.is_genuine:
            forged = BadSignatureError(vendor.id, verdict.reason)
            door.turn_away(caller, forged)
            raise forged
        if confirm_url := vendor.confirm_url(told):
            await self._certificates.visit(confirm_url)
        try:
            parsed, unusable = _parsed(vendor, told, source, door.clock.now_ms())
            door.spend_webhook(caller, len(parsed))
            events, refused = _treated(door, parsed, caller)
        except IngestError as error:
            if not error.is_about_sender:
                await door.bury(caller, [(error, vendor.kept(raw))], head_of(told))
            raise
        unusable = unusable or refused
        if not events:
            door.counts.webhooks_ignored += 1
            door.note(caller, IGNORED, _NO_USE)
            is_plain = vendor.reply.media_type == JSON
            return Response(_IGNORED, 200, media_type=JSON) if is_plain else _response(vendor.reply)
        await door.take(caller, events)
        if unusable is not None:
            taken = [event.id for event in events]
            await door.bury(caller, [(unusable, vendor.kept(raw))], {**head_of(told), "taken": taken})
        return _response(vendor.reply)

    async def _judged(self, vendor: Vendor, told: WebhookRequest, secrets: Sequence[str]) -> Verdict:
        """Judge the request, with the certificate it names where all else is in order. Raises CertificateError."""
        now_s = self._door.clock.now_ms() / 1000
        verdict = vendor.verify(told, secrets, now_s)
        if verdict != NEEDS_CERTIFICATE or not (certificate_url := vendor.certificate_url(told)):
            return verdict
        try:
            certificate = await self._certificates.get(certificate_url)
        except CertificateError as error:
            if not error.is_absent:
                raise
            return Verdict(False, f"the vendor has no certificate where the request says: {error.problem}")
        return vendor.verify(told, secrets, now_s, certificate)

    def _addressed(self, request: Request) -> tuple[Source, Vendor]:
        source = self._door.sources.by_id(request.path_params["source_id"])
        vendor = VENDORS.get(source.kind) if source else None
        if source is None or vendor is None:
            raise UnknownSourceError
        return source, vendor

    def _url_of(self, request: Request) -> str:
        """Return the address that the vendor called; behind a proxy only the settings know it."""
        base = self._door.settings.webhook_base_url
        try:
            url = str(request.url)
        except UnicodeDecodeError:
            raise IngestError("bad_address", "query", "is no UTF-8", "Call the address shown with the source") from None
        if not base:
            return url
        called = urlsplit(url)
        return f"{base.rstrip('/')}{called.path}{'?' + called.query if called.query else ''}"


def _treated(door: Door, parsed: list[Event], caller: Caller) -> tuple[list[Event], IngestError | None]:
    """Return the events that the source's policy lets in, and why others are not. Raises IngestError when none is."""
    events: list[Event] = []
    refused: IngestError | None = None
    for event in parsed:
        try:
            events += door.treat([event], caller)
        except IngestError as error:
            refused = refused or error
    if refused is not None and not events:
        raise refused
    return events, refused


def _parsed(
    vendor: Vendor, told: WebhookRequest, source: Source, now_ms: int
) -> tuple[list[Event], IngestError | None]:
    try:
        return vendor.parse(told, source, now_ms), None
    except PartlyUnusableError as error:
        return error.events, error


def head_of(told: WebhookRequest) -> dict[str, Any]:
    """Return what a vendor's `parse` looks at beside the body, and no secret."""
    address = urlsplit(told.url)
    try:
        fields = parse_qsl(address.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        fields = []
    query = urlencode([(name, value) for name, value in fields if not _tells_a_secret(name)])
    headers = {name: value[:_MAX_HEADER_CHARS] for name in PARSED_HEADERS if (value := told.headers.get(name))}
    return {"query": query, "headers": headers}


def _tells_a_secret(name: str) -> bool:
    return name.lower() in _SECRETS_IN_ADDRESSES or is_secret(name)


def request_of(head: Mapping[str, Any], raw: bytes) -> WebhookRequest:
    """Return the request as `parse` may see it again, of what `head_of` gave."""
    return WebhookRequest(f"http://localhost/?{head.get('query', '')}", head.get("headers", {}), raw)


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type)
