"""Vendors' certificates: what a stranger can make the server fetch, and what becomes of genuine ones meanwhile."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from ingest.vendors.certificates import (
    ABSENT_S,
    AT_ONCE,
    FAILURES,
    KEPT_S,
    PER_MINUTE,
    UNREACHED_S,
    CertificateError,
    Certificates,
)

URL = "https://api.paypal.com/v1/notifications/certs/CERT-1"
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


class Host:
    """A vendor's host: what it gives, what it was asked for, and until when it lets wait."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.status = 200
        self.body = PEM
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        self.was_asked.set()
        await self.may_answer.wait()
        if not self.status:
            raise httpx.ConnectError("no route")
        return httpx.Response(self.status, content=self.body)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def certificates(host: Host) -> Certificates:
    return Certificates(lambda: host.now_s, httpx.MockTransport(host.answer))


async def failure_of(certificates: Certificates, url: str = URL) -> CertificateError:
    with pytest.raises(CertificateError) as raised:
        await certificates.get(url)
    return raised.value


def unreachable(host: Host) -> None:
    host.status = 0


def failing(host: Host) -> None:
    host.status = 500


def missing(host: Host) -> None:
    host.status = 404


def a_page(host: Host) -> None:
    host.body = b"<html>"


def a_long_page(host: Host) -> None:
    host.body = b"x" * 100_000


@pytest.mark.parametrize(
    ("fault", "is_absent", "kept_s"),
    [
        (unreachable, False, UNREACHED_S),
        (failing, False, UNREACHED_S),
        (missing, True, ABSENT_S),
        (a_page, True, ABSENT_S),
        (a_long_page, True, ABSENT_S),
    ],
)
async def test_a_failure_is_remembered_for_a_while(
    certificates: Certificates, host: Host, fault: Callable[[Host], None], is_absent: bool, kept_s: float
):
    fault(host)
    assert (await failure_of(certificates)).is_absent == is_absent
    host.now_s += kept_s - 1
    assert (await failure_of(certificates)).is_absent == is_absent
    assert len(host.asked) == 1
    host.now_s, host.status, host.body = host.now_s + 1, 200, PEM
    assert await certificates.get(URL) == PEM


async def test_only_so_many_addresses_are_asked_for_in_a_minute(certificates: Certificates, host: Host):
    missing(host)
    for number in range(PER_MINUTE * 5):
        await failure_of(certificates, f"{URL}-{number}")
    assert len(host.asked) == PER_MINUTE
    host.now_s += 60
    await failure_of(certificates, f"{URL}-later")
    assert len(host.asked) == PER_MINUTE + 1


async def test_what_is_past_the_bound_may_be_genuine_and_is_to_be_sent_again(certificates: Certificates, host: Host):
    missing(host)
    for number in range(PER_MINUTE):
        await failure_of(certificates, f"{URL}-{number}")
    refused = await failure_of(certificates)
    assert (refused.is_absent, refused.status) == (False, 503)


async def test_a_certificate_once_had_is_renewed_whatever_strangers_ask_for(certificates: Certificates, host: Host):
    await certificates.get(URL)
    missing(host)
    host.now_s += KEPT_S
    for number in range(PER_MINUTE * 2):
        await failure_of(certificates, f"{URL}-{number}")
    host.status = 200
    assert await certificates.get(URL) == PEM
    assert host.asked.count(URL) == 2


async def test_only_so_many_addresses_are_asked_for_at_once(certificates: Certificates, host: Host):
    host.may_answer.clear()
    fetches = [asyncio.create_task(certificates.get(f"{URL}-{number}")) for number in range(AT_ONCE + 1)]
    done, waiting = await asyncio.wait(fetches, return_when=asyncio.FIRST_COMPLETED)
    host.may_answer.set()
    assert [type(task.exception()) for task in done] == [CertificateError]
    assert await asyncio.gather(*waiting) == [PEM] * AT_ONCE


async def test_requests_of_one_certificate_share_one_fetch_though_one_of_them_goes(
    certificates: Certificates, host: Host
):
    host.may_answer.clear()
    fetches = [asyncio.create_task(certificates.get(URL)) for _ in range(AT_ONCE * 3)]
    await host.was_asked.wait()
    fetches[0].cancel()
    host.may_answer.set()
    assert await asyncio.gather(*fetches[1:]) == [PEM] * (AT_ONCE * 3 - 1)
    assert host.asked == [URL]


async def test_what_is_remembered_of_failures_is_bounded(certificates: Certificates, host: Host):
    missing(host)
    for number in range(FAILURES + 1):
        host.now_s += 3  # slow enough for the bound of a minute
        await failure_of(certificates, f"{URL}-{number}")
    assert len(certificates._failed) == FAILURES


async def test_a_confirmation_that_is_not_there_is_asked_for_again(certificates: Certificates, host: Host):
    missing(host)
    for _ in range(2):
        with pytest.raises(CertificateError, match="404") as raised:
            await certificates.visit(URL)
    assert (raised.value.status, len(host.asked)) == (503, 2)
