"""Certificates that vendors sign with, fetched from their own hosts: no redirects, small, soon given up, kept a while.

Whoever knows a source's address can name certificates that do not exist. So a failure is remembered, and only a few
addresses never fetched before are asked for at once and in a minute; those that gave a certificate are always renewed.

The same caps of size and time hold for the address that a vendor wants visited to confirm a subscription. Which hosts
are a vendor's own is for its module to say (`certificate_url`, `confirm_url`), from a fixed pattern.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from ingest.errors import IngestError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_BYTES = 64 << 10
KEPT = 32
KEPT_S = 3_600.0
FAILURES = 64
ABSENT_S = 60.0
UNREACHED_S = 10.0
"""Less than the shortest pause after which a vendor sends again: 20 s, SNS."""
AT_ONCE = 4
PER_MINUTE = 20
_TIMEOUT_S = 5.0
_MINUTE_S = 60.0
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_ABSENT = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class CertificateError(IngestError):
    """A vendor's host that does not give what is needed of it; the vendor sends the webhook again.

    `is_absent` when the host says that there is no such certificate: then no vendor has named it.
    """

    status = 503

    def __init__(self, problem: str, is_absent: bool = False) -> None:
        told = f"the vendor's certificate or confirmation can't be had: {problem}"
        super().__init__("no_certificate", "", told, "Let this machine reach the vendor, then send this again")
        self.problem = problem
        self.is_absent = is_absent


class _Failure(NamedTuple):
    until_s: float
    problem: str
    is_absent: bool


class Certificates:
    """Fetches and keeps. `now_s` is a monotonic clock; `transport` is httpx's own unless a test gives another."""

    def __init__(self, now_s: Callable[[], float], transport: "httpx.AsyncBaseTransport | None" = None) -> None:
        self._now_s = now_s
        self._transport = transport
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._failed: dict[str, _Failure] = {}
        self._under_way: dict[str, asyncio.Task[bytes | _Failure]] = {}
        self._begun_s: deque[float] = deque(maxlen=PER_MINUTE)

    async def get(self, url: str) -> bytes:
        """Return the certificate at an https address. Raises CertificateError."""
        now_s = self._now_s()
        until_s, found = self._kept.get(url, (0.0, b""))
        if now_s < until_s:
            return found
        outcome: bytes | _Failure | None = self._failed.get(url)
        if not isinstance(outcome, _Failure) or now_s >= outcome.until_s:
            outcome = await asyncio.shield(self._fetching(url, now_s))
        if isinstance(outcome, _Failure):
            raise CertificateError(outcome.problem, outcome.is_absent)
        return outcome

    async def visit(self, url: str) -> None:
        """Fetch an https address that confirms something, for what its vendor does then. Raises CertificateError."""
        await self._fetched(url)

    def _fetching(self, url: str, now_s: float) -> asyncio.Task[bytes | _Failure]:
        """Return the one fetch of this address that is under way, begun now if there is room for it."""
        if url not in self._under_way:
            if url not in self._kept:
                self._spend(now_s)
            self._under_way[url] = asyncio.create_task(self._tried(url))
        return self._under_way[url]

    def _spend(self, now_s: float) -> None:
        if len(self._under_way) >= AT_ONCE:
            raise CertificateError(f"{AT_ONCE} others are being fetched")
        if len(self._begun_s) == PER_MINUTE and now_s - self._begun_s[0] < _MINUTE_S:
            raise CertificateError(f"{PER_MINUTE} others were asked for within a minute")
        self._begun_s.append(now_s)

    async def _tried(self, url: str) -> bytes | _Failure:
        """Fetch once and remember what came of it."""
        problem, is_absent = "what its host gives is no certificate", True
        try:
            found = await self._fetched(url)
        except CertificateError as error:
            found, problem, is_absent = b"", error.problem, error.is_absent
        finally:
            del self._under_way[url]
        if _BEGIN in found:
            _keep(self._kept, url, (self._now_s() + KEPT_S, found), KEPT)
            return found
        failure = _Failure(self._now_s() + (ABSENT_S if is_absent else UNREACHED_S), problem, is_absent)
        _keep(self._failed, url, failure, FAILURES)
        return failure

    async def _fetched(self, url: str) -> bytes:
        if urlsplit(url).scheme != "https":
            raise CertificateError("the address is no https address")
        # Here, because it takes a tenth of a second and 7 MiB, and few installations ever fetch anything.
        import httpx  # noqa: PLC0415

        body = bytearray()
        try:
            async with (
                httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_S, trust_env=False) as client,
                client.stream("GET", url) as answer,
            ):
                if (status := answer.status_code) != HTTPStatus.OK:
                    raise CertificateError(f"its host answers {status}", is_absent=status in _ABSENT)
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_BYTES:
                        raise CertificateError(f"it has more than {MAX_BYTES} bytes", is_absent=True)
        except httpx.HTTPError as error:
            raise CertificateError(f"its host does not answer: {type(error).__name__}") from error
        return bytes(body)


def _keep(among: dict[str, T], url: str, what: T, most: int) -> None:
    among.pop(url, None)
    while len(among) >= most:
        del among[next(iter(among))]
    among[url] = what
