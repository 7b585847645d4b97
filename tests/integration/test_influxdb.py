"""A real influxd behind the writer: from frames in the log to charts, and its own faults by name."""

import asyncio
import random
from dataclasses import dataclass

import httpx
import pytest

from infra.influxdb.server import (
    InfluxServer,
    InfluxUnavailableError,
    default_cache_dir,
    find_influxd,
    find_or_build_influxd,
    running_influxd,
)
from sinks.metrics.embedded import EmbeddedMetricStore
from sinks.metrics.influx import InfluxMetricStore
from sinks.metrics.writer import MetricsWriter
from streams.frames import encode_rollups
from streams.log.memory import MemoryEventLog
from streams.log.topics import ROLLUPS
from streams.model.errors import MetricStoreError
from streams.model.rollups import Rollup, RollupBatch, Series
from streams.ports import MetricStore, NewRecord
from tests.influx import shared_influxd  # noqa: F401 - a fixture
from tests.unit.sinks_metrics.fakes_metrics import ListDeadLetters, SetClock

pytestmark = pytest.mark.influx
T0 = 1_700_000_000_000


def store_of(server: InfluxServer, **changes: str) -> InfluxMetricStore:
    told = server._replace(**changes)
    return InfluxMetricStore(told.url, told.token, told.org, told.bucket, attempts=2, first_pause_s=0.01)


def running_totals() -> list[NewRecord]:
    """Frames of four partitions whose totals grow from frame to frame, with late parts and repeats."""
    draw = random.Random(11)
    totals: dict[tuple[str, str, int, int, int], Rollup] = {}
    records = []
    for step in range(60):
        partition = step % 4
        changed = {}
        for _ in range(20):
            event, campaign = draw.choice(["page_viewed", "purchase"]), draw.choice(["", "spring, 50% off", "a\\"])
            bucket, part = draw.randrange(12), draw.choice([0, 0, 0, step])
            key = (event, campaign, bucket, partition, part)
            known = totals.get(key)
            series = Series("shop", event, campaign, "web", "USD" if event == "purchase" else "")
            count = (known.count if known else 0) + 1
            changed[key] = Rollup(series, T0 + 10_000 * bucket, partition, part, count, count * 2.5)
        totals |= changed
        value = encode_rollups(RollupBatch(partition, T0, tuple(changed.values())))
        records += [NewRecord(ROLLUPS, partition, None, value, T0)] * draw.choice([1, 1, 2])
    return records


@dataclass
class Drained:
    """A subscription's end, noticed: stops the writer once all is committed."""

    writer: MetricsWriter
    log: MemoryEventLog

    async def run(self) -> None:
        task = asyncio.create_task(self.writer.run())
        ends = {p: (await self.log.bounds(ROLLUPS, p))[1] for p in range(4)}
        while await self.log.committed("metrics", ROLLUPS) != ends:
            assert not task.done()
            await asyncio.sleep(0.01)
        self.writer.stop()
        await task


async def written(store: MetricStore, records: list[NewRecord]) -> None:
    log = MemoryEventLog()
    await log.append(records)
    subscription = log.subscribe("metrics", [ROLLUPS])
    await Drained(MetricsWriter(subscription, store, ListDeadLetters(), SetClock(T0)), log).run()
    await subscription.close()


async def test_influxdb_answers_as_the_embedded_store_does(influxd):
    records = running_totals()
    answers = []
    for store in (store_of(influxd), EmbeddedMetricStore(":memory:")):
        await written(store, records)
        answers.append(
            [
                await store.query("shop", T0 + start, T0 + 115_000, step, group, where)
                for start in (0, 15_000)
                for step in (5_000, 20_000, 3_600_000)
                for group in ("event", "campaign", "currency", "")
                for where in ({}, {"campaign": ""}, {"event": "purchase", "campaign": "a\\"})
            ]
        )
        await store.close()
    assert answers[0] == answers[1]
    assert sum(p.count for p in answers[1][0]) > 0


async def test_a_database_that_is_missing_names_the_setting(influxd):
    store = store_of(influxd, bucket="nowhere/autogen")
    with pytest.raises(MetricStoreError, match=r"metrics\.influx_bucket: .*nowhere"):
        await store.write([Rollup(Series("shop", "e", "", "web"), T0, 0, 0, 1, 0.0)])
    with pytest.raises(MetricStoreError, match=r"metrics\.influx_bucket"):
        await store.query("shop", T0, T0 + 10_000, 10_000)
    await store.close()


async def test_a_retention_policy_that_is_missing_names_the_setting(influxd):
    store = store_of(influxd, bucket="campaigniq/nowhere")
    with pytest.raises(MetricStoreError, match=r"metrics\.influx_bucket"):
        await store.write([Rollup(Series("shop", "e", "", "web"), T0, 0, 0, 1, 0.0)])
    await store.close()


async def test_totals_past_the_retention_policy_do_not_stop_the_others(influxd):
    policy = {"q": "CREATE RETENTION POLICY hour ON campaigniq DURATION 1h REPLICATION 1"}
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.post(f"{influxd.url}/query", params=policy)).raise_for_status()
    store = store_of(influxd, bucket="campaigniq/hour")
    far_ms = 4_000_000_000_000
    await store.write([Rollup(Series("shop", "e", "", "web"), at, 0, 0, 1, 0.0) for at in (T0, far_ms)])
    assert [p.bucket_ms for p in await store.query("shop", 0, far_ms + 10_000, 10_000)] == [far_ms]
    await store.close()


async def test_a_server_that_stopped_is_a_fault_that_may_pass(influxd):
    with running_influxd(find_or_build_influxd()) as own:
        store = store_of(own)
        await store.write([Rollup(Series("shop", "e", "", "web"), T0, 0, 0, 1, 0.0)])
    with pytest.raises(MetricStoreError):
        await store.query("shop", T0, T0 + 10_000, 10_000)
    await store.close()


def test_a_program_that_is_not_influxd_is_reported(tmp_path):
    broken = tmp_path / "influxd"
    broken.write_text("#!/bin/sh\necho no such luck; exit 3\n")
    broken.chmod(0o755)
    with pytest.raises(InfluxUnavailableError, match="no such luck"), running_influxd(broken):
        pass


def test_without_go_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfluxUnavailableError, match="apt-get install golang"):
        find_or_build_influxd(tmp_path)


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMPAIGNIQ_CACHE", str(tmp_path))
    assert find_influxd() is None
    assert default_cache_dir() == tmp_path / "bin"
