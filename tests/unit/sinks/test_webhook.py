"""Signed webhooks against a real receiver, and where they must not go."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from sinks.channels import targets
from sinks.channels.registry import create_channels
from sinks.channels.webhook import WebhookChannel
from sinks.rendering import Rendered
from sinks.settings import AlertRouteSettings, SmtpSettings
from sinks.signing import holds
from streams.model.deliveries import Delivery, Outcome, Rejected, Retry, Sent
from streams.model.errors import ConfigurationError
from tests.unit.sinks.fakes_sinks import NOW

KEY = b"k" * 24
BODY = '{"type":"alert.firing"}'


class Receiver:
    """A local HTTP receiver; answers with `status` and `headers`."""

    def __init__(self) -> None:
        self.status = 204
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self.url = ""
        self.tasks: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                self.requests.append((headers, await reader.readexactly(int(headers["content-length"]))))
                extra = "".join(f"{n}: {v}\r\n" for n, v in self.headers.items())
                writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\n{extra}\r\n".encode())
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[Receiver, WebhookChannel]]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/hook?a=1"
        channel = WebhookChannel({made.url: KEY}, 5, allow_private_targets=True)
        yield made, channel
        await channel.close()
        await asyncio.gather(*filter(None, made.tasks))


def delivery(url: str, name: str = "d1") -> Delivery:
    return Delivery(name, "w", "", "t", "alert_routes", "webhook", "alert", url, NOW, NOW)


async def send(channel: WebhookChannel, url: str, name: str = "d1") -> Outcome:
    return await channel.send(delivery(url, name), Rendered("s", BODY), NOW)


async def test_a_webhook_arrives_signed_under_the_deliverys_id() -> None:
    async with receiver() as (made, channel):
        made.headers = {"X-Request-Id": "r-7"}
        assert await send(channel, made.url) == Sent("r-7")
    headers, body = made.requests[0]
    assert (headers["webhook-id"], headers["idempotency-key"], body) == ("d1", "d1", BODY.encode())
    assert holds(KEY, "d1", NOW // 1000, body, headers["webhook-signature"])
    assert headers["host"].startswith("localhost:")


async def test_the_connection_to_a_receiver_is_used_again() -> None:
    async with receiver() as (made, channel):
        for i in range(3):
            await send(channel, made.url, f"d{i}")
    assert (len(made.requests), made.connections) == (3, 1)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "after_ms"),
    [
        (200, {}, Sent, None),
        (301, {"Location": "http://localhost/"}, Rejected, None),
        (400, {}, Rejected, None),
        (410, {}, Rejected, None),
        (408, {}, Retry, None),
        (429, {"Retry-After": "7"}, Retry, 7000),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, Retry, None),
        (500, {}, Retry, None),
        (503, {"Retry-After": "30"}, Retry, 30_000),
    ],
)
async def test_the_answer_decides(status: int, headers: dict[str, str], kind: type[Any], after_ms: int | None) -> None:
    async with receiver() as (made, channel):
        made.status, made.headers = status, headers
        outcome = await send(channel, made.url)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "after_ms", None) == after_ms
    assert len(made.requests) == 1


async def test_a_receiver_that_is_away_is_tried_again_later() -> None:
    async with receiver() as (made, _):
        url = made.url
    channel = WebhookChannel({url: KEY}, 5, allow_private_targets=True)
    assert isinstance(await send(channel, url), Retry)
    await channel.close()


async def test_an_address_without_a_secret_is_never_called() -> None:
    async with receiver() as (made, channel):
        assert isinstance(await send(channel, made.url + "&b=2"), Rejected)
    assert made.requests == []


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://10.1.2.3/x", "https://169.254.169.254/latest", "https://[::1]/", "https://0.0.0.0/",
     "https://[::ffff:10.0.0.1]/", "https://[fd00::1]/", "https://224.0.0.1/", "https://2130706433/", "http://8.8.8.8/",
     "https://user@8.8.8.8/", "https://:80/", "file:///etc/passwd", "https://[x", "https://h:99999/"],
)  # fmt: skip
async def test_private_and_odd_addresses_are_refused(url: str) -> None:
    channel = WebhookChannel({url: KEY}, 5, allow_private_targets=False)
    assert isinstance(await send(channel, url), Rejected)
    await channel.close()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("hooks.example.com/x", "must start with https://"),
        ("http://hooks.example.com/x", "must start with https://"),
        ("https:///x", "needs a host"),
        ("https://ada:s3cret@hooks.example.com/", "may hold no user name"),
        ("https://hooks.example.com:s3cret/", "is not a URL"),
        ("https://[x", "is not a URL"),
    ],
)
def test_an_alert_address_that_can_not_be_called_stops_the_start(url: str, problem: str) -> None:
    alerts = AlertRouteSettings(webhook_url=url, webhook_secret=SecretStr("whsec_" + "aaaa" * 8))
    with pytest.raises(ConfigurationError, match=rf"^alerts\.webhook_url: .*{problem}.* https://alerts") as told:
        create_channels(SmtpSettings(), alerts, None)  # type: ignore[arg-type]  never reached
    assert "s3cret" not in "".join(traceback.format_exception(told.value))


async def test_a_public_address_is_pinned_to_what_was_checked() -> None:
    target = await targets.resolve("https://8.8.8.8:8443/x", allow_private=False)
    assert (target.host, target.port, target.address) == ("8.8.8.8", 8443, "8.8.8.8")
