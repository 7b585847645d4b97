"""What every MetricStore does, whatever keeps the totals."""

import itertools
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sinks.metrics.embedded import EmbeddedMetricStore
from sinks.metrics.influx import InfluxMetricStore
from streams.model.rollups import BOTS, SESSIONS, Rollup, Series, Sketch, SketchKind
from streams.operators.sketches import UniqueSketch, ValueSketch
from streams.ports import MetricPoint, MetricStore, Quantiles, Uniques
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


HOUR = T0 - T0 % 3_600_000


def visitors(workspace: str, *profiles: str, name: str = "purchase", hour: int = 0, **more) -> Sketch:
    sketch = UniqueSketch()
    sketch.absorb(profiles)
    place = more.get("partition", 0), more.get("part", 0)
    dimension = more.get("dimension", "event")
    return Sketch(workspace, dimension, name, "", HOUR + hour * 3_600_000, *place, SketchKind.UNIQUES, sketch.body())


def amounts(workspace: str, *numbers: float, currency: str = "EUR", hour: int = 0, partition: int = 0) -> Sketch:
    sketch = ValueSketch()
    sketch.absorb(numbers)
    place = HOUR + hour * 3_600_000, partition, 0
    return Sketch(workspace, "event", "purchase", currency, *place, SketchKind.VALUES, sketch.body())


def rounded(answer: Uniques) -> tuple[int, dict[str, int]]:
    return round(answer.total), {name: round(number) for name, number in answer.names.items()}


async def test_visitors_are_united_over_hours_partitions_and_parts(store, workspace):
    await store.write_sketches(
        [
            visitors(workspace, "a", "b"),
            visitors(workspace, "b", "c", partition=1),
            visitors(workspace, "c", "d", part=90_000_000_000_000_001),
            visitors(workspace, "d", "e", hour=1),
            visitors(workspace, "e", "f", name="page_viewed"),
            visitors(workspace, "z", dimension="source", name="web"),
        ]
    )
    assert rounded(await store.uniques(workspace, HOUR, HOUR + 7_200_000)) == (6, {"page_viewed": 2, "purchase": 5})
    assert rounded(await store.uniques(workspace, HOUR, HOUR + 1, name="purchase")) == (4, {"purchase": 4})
    assert rounded(await store.uniques(workspace, HOUR, HOUR + 1, "source")) == (1, {"web": 1})


async def test_a_sketch_that_is_written_again_overwrites(store, workspace):
    for profiles in ("a", "abc", "abcd"):
        await store.write_sketches([visitors(workspace, *profiles)])
    assert rounded(await store.uniques(workspace, HOUR, HOUR + 1)) == (4, {"purchase": 4})


async def test_large_sketches_are_united_as_one_of_all_would_be(store, workspace):
    ids = [f"user:{n}" for n in range(3_000)]
    parts = [visitors(workspace, *ids[n : n + 1_500], partition=n) for n in (0, 1_000, 1_500)]
    await store.write_sketches([*parts, visitors(workspace + "b", *ids)])
    alone, parted = [await store.uniques(w, HOUR, HOUR + 1) for w in (workspace + "b", workspace)]
    assert alone == parted
    assert alone.total == pytest.approx(3_000, rel=0.07)


async def test_an_hour_belongs_to_a_range_by_its_start_alone(store, workspace):
    await store.write_sketches([visitors(workspace, str(hour), hour=hour, part=hour) for hour in range(4)])
    answer = await store.uniques(workspace, HOUR + 1, HOUR + 2 * 3_600_000 + 1)
    assert rounded(answer)[0] == 2
    assert (await store.uniques(workspace, HOUR + 1, HOUR + 2)).names == {}


async def test_quantiles_are_of_all_values_in_one_currency(store, workspace):
    await store.write_sketches(
        [
            amounts(workspace, *range(1, 51)),
            amounts(workspace, *range(51, 101), partition=1),
            amounts(workspace, 101.0, hour=1),
            amounts(workspace, 5_000.0, currency="JPY"),
        ]
    )
    answer = await store.quantiles(workspace, HOUR, HOUR + 7_200_000, "purchase", "EUR", [0, 0.5, 1])
    assert (answer.count, answer.values) == (101, pytest.approx([1, 51, 101], rel=0.0101))


async def test_without_values_there_are_no_quantiles(store, workspace):
    await store.write_sketches([])
    await store.write_sketches([visitors(workspace, "a")])
    assert await store.quantiles(workspace, HOUR, HOUR + 1, "purchase", "", [0.5]) == Quantiles(0, [])
    assert await store.quantiles(workspace, HOUR, HOUR, "purchase", "", [0.5]) == Quantiles(0, [])


@pytest.mark.parametrize("text", HOSTILE)
async def test_text_of_visitors_is_only_text_in_sketches(store, workspace, text):
    await store.write_sketches([visitors(workspace, "a", dimension="campaign", name=name) for name in (text, "plain")])
    assert rounded(await store.uniques(workspace, HOUR, HOUR + 1, "campaign", text)) == (1, {text: 1})
    assert set((await store.uniques(workspace, HOUR, HOUR + 1, "campaign")).names) == {text, "plain"}


async def test_an_empty_name_is_one_of_its_own(store, workspace):
    await store.write_sketches([visitors(workspace, n, dimension="campaign", name=n) for n in ("", "x")])
    assert (await store.uniques(workspace, HOUR, HOUR + 1, "campaign", "")).names.keys() == {""}


async def test_unanswerable_questions_to_sketches_are_refused_by_name(store, workspace):
    with pytest.raises(ValueError, match="dimension: 'currency'"):
        await store.uniques(workspace, HOUR, HOUR + 1, "currency")
    with pytest.raises(ValueError, match=r"quantiles: 1\.5"):
        await store.quantiles(workspace, HOUR, HOUR + 1, "purchase", "EUR", [0.5, 1.5])


async def test_closing_twice_is_no_error(store):
    await store.close()


@pytest.mark.parametrize("name", [SESSIONS, BOTS])
async def test_what_is_counted_apart_is_told_only_when_asked_for(store, workspace, name):
    await store.write([rollup(workspace, count=3), rollup(workspace, name, count=2)])
    whole = await store.query(workspace, T0, T0 + 600_000, 10_000, group_by="")
    apart = await store.query(workspace, T0, T0 + 600_000, 10_000, where={"event": name})
    assert ([p.count for p in whole], [p.count for p in apart]) == ([3], [2])
