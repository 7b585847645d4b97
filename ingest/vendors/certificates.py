"""Certificates that vendors sign with, fetched from their own hosts: no redirects, small, soon given up, kept a while.

The same caps hold for the address that a vendor wants visited to confirm a subscription. Which hosts are a vendor's own
is for its module to say (`certificate_url`, `confirm_url`), from a fixed pattern.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from ingest.errors import IngestError

MAX_BYTES = 64 << 10
KEPT = 32
KEPT_S = 3_600.0
_TIMEOUT_S = 5.0


class CertificateError(IngestError):
    """A vendor's host that does not give what is needed of it; the vendor sends the webhook again."""

    status = 503


class Certificates:
    """Fetches and keeps. `now_s` is a monotonic clock; `transport` is httpx's own unless a test gives another."""

    def __init__(self, now_s: Callable[[], float], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._now_s = now_s
        self._transport = transport
        self._kept: dict[str, tuple[float, bytes]] = {}

    async def get(self, url: str) -> bytes:
        """Return the bytes at an https address. Raises CertificateError."""
        now_s = self._now_s()
        until_s, found = self._kept.get(url, (0.0, b""))
        if now_s < until_s:
            return found
        found = await self._fetched(url)
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = (now_s + KEPT_S, found)
        return found

    async def visit(self, url: str) -> None:
        """Fetch an https address that confirms something, for what its vendor does then. Raises CertificateError."""
        await self._fetched(url)

    async def _fetched(self, url: str) -> bytes:
        if urlsplit(url).scheme != "https":
            raise _trouble("the address is no https address")
        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_S, trust_env=False) as client,
                client.stream("GET", url) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise _trouble(f"its host answers {answer.status_code}")
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise _trouble(f"it has more than {MAX_BYTES} bytes")
        except httpx.HTTPError as error:
            raise _trouble(f"its host does not answer: {type(error).__name__}") from error
        return bytes(body)


def _trouble(problem: str) -> CertificateError:
    return CertificateError(
        "no_certificate",
        "",
        f"the vendor's certificate or confirmation can't be had: {problem}",
        "Let this machine reach the vendor",
    )
