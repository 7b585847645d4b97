"""Whose word counts about where a request comes from: that of named proxies, and nobody else's."""

import asyncio
import socket
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from infra.quick_http import Senders
from infra.server import create_server
from infra.settings import ServerSettings

FORWARDED = {"x-forwarded-for": "198.51.100.1, 203.0.113.9", "x-forwarded-proto": "https"}


async def who(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope)
    await PlainTextResponse(f"{request.client.host if request.client else ''} {request.url.scheme}")(
        scope, receive, send
    )


async def answered(*proxies: str) -> str:
    server = create_server(who, [ip_network(proxy) for proxy in proxies])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", headers=FORWARDED)
        server.should_exit = True
        await serving
    return answer.text


@pytest.mark.parametrize(
    ("proxies", "told"),
    [
        ((), "127.0.0.1 http"),
        (("10.0.0.0/8",), "127.0.0.1 http"),
        (("127.0.0.1/32",), "203.0.113.9 https"),
        (("127.0.0.0/8", "203.0.113.0/24"), "198.51.100.1 https"),
    ],
)
async def test_headers_of_named_proxies_are_believed(proxies: tuple[str, ...], told: str):
    assert await answered(*proxies) == told


async def test_the_environment_of_the_server_library_opens_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    assert await answered() == "127.0.0.1 http"


def test_a_proxy_is_named_by_address_or_network():
    proxies = ServerSettings(trusted_proxies=["127.0.0.1", "10.0.0.0/8"]).trusted_proxies  # type: ignore[arg-type]
    assert [str(proxy) for proxy in proxies] == ["127.0.0.1/32", "10.0.0.0/8"]


HOSTS = st.sampled_from(
    ["127.0.0.1", "10.1.2.3", "203.0.113.9", "2001:db8::1", "[2001:db8::1]:99", "10.1.2.3:80", "", "me"]
)


@given(
    client=HOSTS,
    forwarded=st.lists(st.lists(HOSTS, min_size=1, max_size=4).map(", ".join), max_size=3),
    proxies=st.lists(st.sampled_from(["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"]), max_size=2),
)
def test_the_short_cut_believes_whom_the_ordinary_way_believes(client: str, forwarded: list[str], proxies: list[str]):
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    scope: dict[str, Any] = {"type": "http", "client": (client, 1), "headers": headers}
    seen = Senders(proxies)(client, headers)

    async def note(changed: Any, _receive: Any, _send: Any) -> None:
        assert changed["client"][0] == seen

    ordinary = ProxyHeadersMiddleware(note, proxies) if proxies else note
    asyncio.run(ordinary(dict(scope), None, None))  # type: ignore[arg-type]
