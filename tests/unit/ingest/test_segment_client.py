"""The official Segment client for Python, unmodified, against a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from segment.analytics.client import Client
from starlette.applications import Starlette

from tests.serving import served
from tests.unit.ingest.fake_log import FakeLog


@pytest.fixture
async def server_url(app: Starlette) -> AsyncIterator[str]:
    async with served(app) as url:
        yield url


@contextlib.contextmanager
def analytics(url: str, **options):
    failures: list = []
    client = Client("wk_web", host=url, on_error=lambda *a: failures.append(a), max_retries=0, **options)
    yield client
    client.shutdown()
    assert failures == []


def send_all(url: str, gzip: bool) -> None:
    with analytics(url, gzip=gzip, upload_size=50, upload_interval=0.05) as client:
        client.identify("u1", {"email": "ada@example.com"})
        client.page("u1", "Docs", "Pricing", {"url": "https://shop.example/pricing"})
        client.group("u1", "g1", {"plan": "pro"})
        client.alias("old", "u1")
        client.screen("u1", "App", "Home")
        for number in range(45):
            client.track("u1", "Product Added", {"product_id": number, "price": 2})


@pytest.mark.parametrize("gzip", [False, True])
async def test_official_client_delivers_every_call(server_url: str, log: FakeLog, gzip: bool):
    await asyncio.to_thread(send_all, server_url, gzip)
    names = [event.name for event in log.events()]
    assert names.count("product_added") == 45
    assert names[:5] == ["identified", "page_viewed", "grouped", "aliased", "screen_viewed"]
