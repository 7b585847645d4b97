"""What every MetricStore does, whatever keeps the totals."""

import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sinks.metrics.embedded import EmbeddedMetricStore
from sinks.metrics.influx import InfluxMetricStore
from streams.model.rollups import Rollup, Series
from streams.ports import MetricPoint, MetricStore
from tests.influx import shared_influxd  # noqa: F401 - a fixture

T0 = 1_700_000_000_000
_workspaces = itertools.count()


@pytest.fixture(params=["memory", "embedded", pytest.param("influx", marks=pytest.mark.influx)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MetricStore]:
    made: MetricStore
    if request.param == "influx":
        server = request.getfixturevalue("influxd")
        made = InfluxMetricStore(server.url, server.token, server.org, server.bucket)
    else:
        made = EmbeddedMetricStore(":memory:" if request.param == "memory" else tmp_path / "metrics.db")
    yield made
    await made.close()


@pytest.fixture
def workspace() -> str:
    """A name of its own for each test: influxd is shared."""
    return f"shop{next(_workspaces)}"


def rollup(workspace: str, event: str = "purchase", bucket: int = 0, count: int = 1, value: float = 0.0, **more):
    series = Series(workspace, event, more.get("campaign", ""), more.get("source", "web"), more.get("currency", ""))
    return Rollup(series, T0 + 10_000 * bucket, more.get("partition", 0), more.get("part", 0), count, value)


async def total(store: MetricStore, workspace: str, **where: str) -> int:
    points = await store.query(workspace, T0, T0 + 10_000_000, 10_000_000, "", where)
    return sum(p.count for p in points)


async def test_totals_are_summed_over_partitions_and_parts(store, workspace):
    await store.write(
        [
            rollup(workspace, count=1, value=1.5, partition=0, part=3),
            rollup(workspace, count=2, value=2.5, partition=1, part=3),
            rollup(workspace, count=4, value=4.0, partition=1, part=90_000_000_000_000_001),
        ]
    )
    assert await store.query(workspace, T0, T0 + 10_000, 10_000) == [MetricPoint(T0, "purchase", 7, 8.0)]


async def test_a_total_that_is_written_again_overwrites(store, workspace):
    await store.write([rollup(workspace, count=1, value=9.5)])
    await store.write([rollup(workspace, count=3, value=20.0)])
    assert await store.query(workspace, T0, T0 + 10_000, 10_000) == [MetricPoint(T0, "purchase", 3, 20.0)]


async def test_points_come_by_bucket_and_then_by_group(store, workspace):
    await store.write([rollup(workspace, event, bucket) for event in ("b", "a") for bucket in (1, 0)])
    points = await store.query(workspace, T0, T0 + 20_000, 10_000)
    assert [(p.bucket_ms - T0, p.group) for p in points] == [(0, "a"), (0, "b"), (10_000, "a"), (10_000, "b")]


async def test_a_range_includes_its_start_and_not_its_stop(store, workspace):
    await store.write([rollup(workspace, bucket=b, count=10**b) for b in range(4)])
    points = await store.query(workspace, T0 + 10_000, T0 + 30_000, 10_000, "")
    assert [p.count for p in points] == [10, 100]


@pytest.mark.parametrize(("start", "stop", "counts"), [(1, 20_001, [110]), (-1, 1, [1]), (10_001, 20_000, [])])
async def test_a_bucket_belongs_to_a_range_by_its_start_alone(store, workspace, start, stop, counts):
    await store.write([rollup(workspace, bucket=b, count=10**b, part=b) for b in range(4)])
    points = await store.query(workspace, T0 + start, T0 + stop, 10_000_000, "")
    assert [p.count for p in points] == counts


@pytest.mark.parametrize("step_ms", [1_000, 7_000, 10_000, 15_000, 30_000, 86_400_000])
async def test_steps_are_aligned_to_multiples_of_their_length(store, workspace, step_ms):
    await store.write([rollup(workspace, bucket=b, count=b + 1, part=977 * b) for b in range(12)])
    expected: dict[int, int] = {}
    for b in range(2, 12):
        at = T0 + 10_000 * b
        expected[at - at % step_ms] = expected.get(at - at % step_ms, 0) + b + 1
    points = await store.query(workspace, T0 + 15_000, T0 + 120_000, step_ms, "")
    assert {p.bucket_ms: p.count for p in points} == expected


@pytest.mark.parametrize("group_by", ["event", "campaign", "source", "currency"])
async def test_an_empty_tag_is_a_group_of_its_own(store, workspace, group_by):
    tags = {"campaign": "", "source": "", "currency": "", group_by: "x"}
    event = tags.pop("event", "")
    await store.write([rollup(workspace, event, count=2, **tags), rollup(workspace, "", source="", count=5)])
    points = await store.query(workspace, T0, T0 + 10_000, 10_000, group_by)
    assert [(p.group, p.count) for p in points] == [("", 5), ("x", 2)]


async def test_a_filter_on_an_empty_tag_finds_only_the_empty(store, workspace):
    await store.write([rollup(workspace, count=1), rollup(workspace, campaign="spring", count=10)])
    assert await total(store, workspace, campaign="") == 1
    assert await total(store, workspace, campaign="spring", event="purchase", source="web", currency="") == 10


async def test_money_of_different_kinds_stays_apart(store, workspace):
    await store.write([rollup(workspace, currency=c, value=v) for c, v in (("USD", 1.25), ("EUR", 0.1))])
    points = await store.query(workspace, T0, T0 + 10_000, 10_000, "currency", {"event": "purchase"})
    assert [(p.group, p.value) for p in points] == [("EUR", 0.1), ("USD", 1.25)]


async def test_workspaces_do_not_see_each_other(store, workspace):
    await store.write([rollup(workspace), rollup(workspace + "b", count=100)])
    assert await total(store, workspace) == 1


HOSTILE = [
    'a"b',
    "back\\slash",
    "ends\\",
    'x") |> drop(columns: ["_value"]) //',
    "${r.workspace}",
    "' OR 1=1 --",
    "a,b=c d",
    "line\nevents,workspace=other count=1i 1",
    "tab\tnul\x00del\x7f\r",
    "100%",
    "%20 %5C %zz %%5C",
    "naïve — 日本語 🛒\u2028",
    "#group",
    " lead and trail ",
    "true",
    "_value",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_text_of_visitors_is_only_text(store, workspace, text):
    await store.write([rollup(workspace, campaign=text, count=7), rollup(workspace, campaign="plain", count=1)])
    points = await store.query(workspace, T0, T0 + 10_000, 10_000, "campaign", {"campaign": text})
    assert [(p.group, p.count) for p in points] == [(text, 7)]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_filter_finds_nothing_that_does_not_equal_it(store, workspace, text):
    await store.write([rollup(workspace, campaign="plain"), rollup(workspace)])
    assert await total(store, workspace, campaign=text) == 0
    assert await store.query(text, T0, T0 + 10_000, 10_000) == []


async def test_an_unknown_tag_is_refused_by_name(store, workspace):
    with pytest.raises(ValueError, match="group_by: 'workspace'"):
        await store.query(workspace, T0, T0 + 1, 1000, "workspace")
    with pytest.raises(ValueError, match="where: 'event = event'"):
        await store.query(workspace, T0, T0 + 1, 1000, "", {"event = event": "1"})


async def test_a_step_must_be_positive(store, workspace):
    with pytest.raises(ValueError, match="step_ms"):
        await store.query(workspace, T0, T0 + 1, 0)


async def test_an_empty_range_is_empty(store, workspace):
    await store.write([rollup(workspace)])
    assert await store.query(workspace, T0, T0, 1000) == []
    assert await store.query(workspace, T0 + 10_000, T0, 1000) == []


async def test_nothing_to_write_is_no_error(store, workspace):
    await store.write([])
    assert await total(store, workspace) == 0


async def test_order_and_repeats_of_writing_do_not_matter(store, workspace):
    draw = random.Random(5)
    once = [
        rollup(workspace, e, b, draw.randrange(1, 9), draw.randrange(99) / 4, campaign=c, partition=p, part=p + b)
        for e in ("a", "b")
        for c in ("", "x")
        for b in range(5)
        for p in range(2)
    ]
    shuffled = once + draw.sample(once, 20)
    draw.shuffle(shuffled)
    await store.write(once)
    await store.write([Rollup(Series(workspace + "b", *_rest(r.series)), *_numbers(r)) for r in shuffled])
    answers = [await store.query(w, T0, T0 + 50_000, 20_000, "campaign") for w in (workspace, workspace + "b")]
    assert answers[0] == answers[1]
    assert sum(p.count for p in answers[0]) == sum(r.count for r in once)


def _rest(series: Series) -> tuple[str, str, str, str]:
    return series.event, series.campaign, series.source, series.currency


def _numbers(r: Rollup) -> tuple[int, int, int, int, float]:
    return r.bucket_ms, r.partition, r.part, r.count, r.value


async def test_closing_twice_is_no_error(store):
    await store.close()
