"""What only the embedded metric store does: last over a restart, drop old totals, refuse bad rollups whole."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.metrics.embedded import EmbeddedMetricStore
from streams.model.rollups import Rollup, Series, Sketch, SketchKind
from streams.operators.sketches import UniqueSketch

STEPS = [7_000, 10_000, 60_000]
keys = st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from(["", "x"]), st.integers(0, 12), st.integers(0, 2), st.integers(0, 2)
)


def rollup(event: str, campaign: str, bucket: int, partition: int, part: int, count: int = 1) -> Rollup:
    return Rollup(Series("w", event, campaign, "web", "USD"), bucket * 10_000, partition, part, count, count / 4)


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[list[Rollup], list[list[Rollup]]]:
    """Rollups with distinct keys, and writes that hold each at least once, in any order."""
    once = [rollup(*k, count=draw(st.integers(1, 999))) for k in draw(st.lists(keys, unique=True, min_size=1))]
    repeated = draw(st.permutations(once + draw(st.lists(st.sampled_from(once)))))
    cuts = sorted(draw(st.lists(st.integers(0, len(repeated)), max_size=3)))
    return once, [repeated[i:j] for i, j in zip([0, *cuts], [*cuts, len(repeated)], strict=True)]


async def answers(batches: list[list[Rollup]]) -> list[object]:
    store = EmbeddedMetricStore(":memory:")
    for batch in batches:
        await store.write(batch)
    found = [
        await store.query("w", 5_000, 110_000, step, group) for step in STEPS for group in ("event", "campaign", "")
    ]
    await store.close()
    return found


@settings(deadline=None)  # each example opens stores
@given(rewritten())
async def test_order_and_repeats_of_writing_change_no_answer(drawn):
    once, batches = drawn
    assert await answers(batches) == await answers([once])


async def test_totals_outlast_the_process(tmp_path):
    for _ in range(2):
        store = EmbeddedMetricStore(tmp_path / "metrics.db")
        await store.write([rollup("a", "", 1, 0, 0, count=5)])
        assert [p.count for p in await store.query("w", 0, 20_000, 10_000)] == [5]
        await store.close()


async def test_pruning_drops_what_is_older_and_nothing_else():
    store = EmbeddedMetricStore(":memory:")
    await store.write([rollup("old", "", 1, 0, 0), rollup("a", "", 1, 0, 0), rollup("a", "", 2, 0, 0)])
    assert await store.prune(20_000) == 2
    assert [(p.bucket_ms, p.group) for p in await store.query("w", 0, 99_000, 10_000)] == [(20_000, "a")]
    await store.close()


async def test_pruning_drops_old_sketches():
    store = EmbeddedMetricStore(":memory:")
    visitors = UniqueSketch()
    visitors.absorb(["a"])
    for hour_ms in (0, 3_600_000):
        sketch = Sketch("w", "event", f"at {hour_ms}", "", hour_ms, 0, 0, SketchKind.UNIQUES, visitors.body())
        await store.write_sketches([sketch])
    await store.prune(3_600_000)
    assert (await store.uniques("w", 0, 9_000_000)).names.keys() == {"at 3600000"}
    await store.close()


async def test_a_pruned_series_can_come_back():
    store = EmbeddedMetricStore(":memory:")
    await store.write([rollup("old", "", 1, 0, 0)])
    await store.prune(20_000)
    await store.write([rollup("other", "", 3, 0, 0), rollup("old", "", 3, 0, 0)])
    assert [p.group for p in await store.query("w", 0, 99_000, 10_000)] == ["old", "other"]
    await store.close()


async def test_a_write_that_fails_leaves_nothing_behind():
    store = EmbeddedMetricStore(":memory:")
    broken = Rollup(Series("w", "new", "", "web"), 0, 0, 0, 1, float("nan"))
    with pytest.raises(sqlite3.IntegrityError):
        await store.write([rollup("new", "", 1, 0, 0), broken])
    await store.write([rollup("other", "", 1, 0, 0), rollup("new", "", 1, 0, 0)])
    assert [(p.group, p.count) for p in await store.query("w", 0, 99_000, 10_000)] == [("new", 1), ("other", 1)]
    await store.close()
