"""What `campaigniq verify-webhook` does: judges one recorded webhook as the front door would. It takes no events."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

import httpx
import orjson

from infra.offline.forms import line_of, plain
from ingest.errors import IngestError
from ingest.sources import Source
from ingest.vendors.base import PartlyUnusableError, Vendor, Verdict, WebhookRequest
from ingest.vendors.certificates import Certificates
from ingest.vendors.registry import VENDORS
from streams.model.errors import ConfigurationError
from streams.model.events import Event

_MAX_FILE_BYTES = 64 << 20
_MAX_TIME_S = 1e11


class Recorded(NamedTuple):
    """A webhook as it was recorded, and what to judge it by. Without `certificate` the vendor's host is asked."""

    vendor: str
    headers: Path
    body: Path
    url: str
    method: str
    secrets: tuple[str, ...]
    now_s: float
    certificate: Path | None = None


def verify_recorded(
    recorded: Recorded,
    out: TextIO,
    err: TextIO,
    *,
    as_json: bool,
    with_events: bool,
    transport: httpx.AsyncBaseTransport | None = None,
) -> int:
    """Write the verdict, and the events that it would become; return 0 when it is genuine, else 1.

    Raises ConfigurationError for arguments that can't be used.
    """
    vendor = _vendor(recorded.vendor)
    request = _request(recorded)
    given = _bytes_of(recorded.certificate, "--certificate") if recorded.certificate else b""
    verdict = asyncio.run(_judge(vendor, request, recorded, given, transport))
    events, problem = _events(vendor, request, recorded) if verdict.is_genuine and with_events else ([], "")
    if as_json:
        told: dict[str, Any] = {"genuine": verdict.is_genuine, "reason": verdict.reason}
        told |= {"events": [_form(one) for one in events]} if with_events else {}
        told |= {"unusable": problem} if problem else {}
        print(orjson.dumps(told).decode(), file=out)
    elif verdict.is_genuine:
        print(f"genuine: {vendor.id} sent it", file=out)
        out.writelines(line_of(_form(one)).decode() for one in events)
    if not verdict.is_genuine:
        print(f"not genuine: {verdict.reason}", file=err)
    elif problem:
        print(f"genuine, but not usable: {problem}", file=err)
    return 0 if verdict.is_genuine else 1


async def _judge(
    vendor: Vendor, request: WebhookRequest, by: Recorded, given: bytes, transport: httpx.AsyncBaseTransport | None
) -> Verdict:
    """Return the vendor's verdict. A certificate that can't be had proves nothing."""
    certificate_url = "" if given else vendor.certificate_url(request)
    try:
        certificate = await Certificates(monotonic, transport).get(certificate_url) if certificate_url else given
    except IngestError as error:
        return Verdict(False, str(error))
    return vendor.verify(request, by.secrets, by.now_s, certificate)


def _events(vendor: Vendor, request: WebhookRequest, by: Recorded) -> tuple[list[Event], str]:
    """Return the events, and what is wrong with those items that can't be used."""
    source = Source(vendor.id, "default", vendor.id)
    try:
        return vendor.parse(request, source, int(by.now_s * 1000)), ""
    except PartlyUnusableError as error:
        return error.events, "; ".join(str(one) for one, _ in error.unusable)
    except IngestError as error:
        return [], str(error)


def _vendor(name: str) -> Vendor:
    vendor = VENDORS.get(name)
    if vendor is None:
        raise ConfigurationError("VENDOR", f"{name!r} is not known", f"Choose one of: {', '.join(sorted(VENDORS))}")
    return vendor


def _request(recorded: Recorded) -> WebhookRequest:
    if not _is_address(recorded.url):
        raise ConfigurationError("--url", "is no http(s) address", "Give the whole address that the vendor calls")
    if not 0 <= recorded.now_s < _MAX_TIME_S:  # not a number is neither
        raise ConfigurationError("--now", "is no Unix time", "Give seconds, e.g. 1790000000")
    headers = _headers(_bytes_of(recorded.headers, "--headers"))
    return WebhookRequest(recorded.url, headers, _bytes_of(recorded.body, "--body"), recorded.method.upper())


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
    except ValueError:
        return False
    return url.isprintable() and address.scheme in ("http", "https") and bool(address.netloc)


def _headers(raw: bytes) -> dict[str, str]:
    """Return the headers by lower-case name; of several values of one the first counts, as it does at the door."""
    remedy = 'Give one JSON object of names and texts, e.g. {"X-Shopify-Topic": "orders/paid"}'
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ConfigurationError("--headers", f"is not JSON ({error})", remedy) from None
    if not isinstance(told, dict):
        raise ConfigurationError("--headers", "is no JSON object", remedy)
    headers: dict[str, str] = {}
    for name, value in told.items():
        first = value[0] if isinstance(value, list) and value else value
        if not isinstance(first, str):
            raise ConfigurationError("--headers", f"the value of {name} is no text", remedy)
        headers.setdefault(name.lower(), first)
    return headers


def _bytes_of(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(option, f"{path} can't be read: {error.strerror}", "Name a readable file") from error
    if len(raw) > _MAX_FILE_BYTES:
        raise ConfigurationError(option, f"{path} has more than {_MAX_FILE_BYTES} bytes", "Name the webhook's own file")
    return raw


def _form(event: Event) -> dict[str, Any]:
    form: dict[str, Any] = plain(event)
    return form
