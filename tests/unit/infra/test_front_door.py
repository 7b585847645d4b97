"""The front door alone, with nobody at Kafka's address: it takes events all the same, and says how things stand."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from infra.front_door import FrontDoor
from infra.late_kafka import LateKafka
from infra.settings import Settings
from infra.source_watch import watch
from ingest.report import as_prometheus
from streams.log.topics import EVENTS
from streams.model.errors import ConfigurationError, LogFullError
from streams.settings import LogSettings
from streams.store.config import ConfigStore

NOBODY = "kafka://127.0.0.1:1"
TRACK = {"event": "Seen", "userId": "u"}


async def installation(folder: Path) -> tuple[str, str]:
    numbers = iter(range(1_000))
    config = ConfigStore(f"sqlite:///{folder / 'config.db'}", lambda _: f"secret-{next(numbers)}")
    await config.open()
    made = await config.bootstrap(1)
    await config.close()
    assert made.api_token is not None
    return made.source.write_key, made.api_token


@pytest.fixture
def settings() -> Settings:
    return Settings(server={"port": 0}, log={"url": NOBODY, "connect_timeout_s": 1}, ingest={"spool_after_ms": 100})


@pytest.fixture
async def door(tmp_path: Path, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    key, token = await installation(tmp_path)
    front, ready = FrontDoor(settings, tmp_path), asyncio.Event()
    running = asyncio.create_task(front.run(lambda _: ready.set()))
    async with asyncio.timeout(60):
        await ready.wait()
    async with httpx.AsyncClient(base_url=front.url, auth=(key, ""), params={"token": token}) as client:
        yield client
    front.stop()
    await running


def bearer(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.params['token']}"}


async def test_events_are_taken_and_kept_while_nobody_answers(door: httpx.AsyncClient, tmp_path: Path):
    assert (await door.post("/v1/track", json=TRACK)).status_code == 200
    assert [path.stat().st_size > 0 for path in (tmp_path / "spool-ingest").glob("*.spool")] == [True]
    assert (await door.get("/readyz")).status_code == 503
    assert ((await door.get("/readyz/intake")).status_code, (await door.get("/healthz")).status_code) == (200, 200)


async def test_what_is_the_matter_and_the_counters_are_for_those_with_a_token(door: httpx.AsyncClient):
    await door.post("/v1/track", json=TRACK)
    client = httpx.AsyncClient(base_url=door.base_url)
    async with client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/readyz")).json()["parts"]["log"] == "not ready"
        assert "away for" in (await client.get("/readyz", headers=bearer(door))).json()["parts"]["log"]
        told = (await client.get("/metrics", headers=bearer(door))).text
    assert 'outcome="spooled"} 1\n' in told
    assert "\ncampaigniq_ingest_drift 0\n" in told


async def test_who_looks_for_the_api_here_is_told_where_it_is(door: httpx.AsyncClient):
    app = typer.Typer()
    app.command()(watch)
    place = ["web", "--url", str(door.base_url), "--token", str(door.params["token"])]
    for words in (place, [*place, "--once"]):
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert "front door by itself (campaigniq ingest)" in str(result.exception)
        assert "ask the platform (campaigniq up)" in str(result.exception)


async def test_the_embedded_log_has_no_door_of_its_own(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="belongs to `campaigniq up` alone"):
        FrontDoor(Settings(), tmp_path)


async def test_without_an_installation_it_says_what_to_start_first(tmp_path: Path, settings: Settings):
    with pytest.raises(ConfigurationError, match="holds no installation"):
        await FrontDoor(settings, tmp_path).run(lambda _: None)


async def test_a_kafka_that_was_not_found_takes_nothing_and_knows_its_partitions():
    late = LateKafka(LogSettings(url=NOBODY, partitions=7))
    assert late.partitions(EVENTS) == 7
    with pytest.raises(LogFullError, match="has not answered"):
        await late.append([])
    await late.close()


def test_names_of_sources_cannot_break_the_text_for_prometheus():
    report = {
        "spool": None, "disk": None, "spooling": False, "drift": 0, "pending_bytes": 1, "body_bytes": 2,
        "requests_refused": 3, "requests_late": 4, "sources": {'a"\n\\': {"accepted": 5}},
    }  # fmt: skip
    assert 'campaigniq_ingest_events_total{source="a\\"\\n\\\\",outcome="accepted"} 5\n' in as_prometheus(report)
