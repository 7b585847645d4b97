"""What only the SQLite view does: outlast the process, start anew when it must, and answer from its indexes."""

import asyncio
import sqlite3

import pytest

from sinks.view import listing, schema
from sinks.view.sqlite import SqliteProfileView
from streams.model.rules.scoring import ScoreModel
from tests.unit.sinks_view.fakes_view import T0, account, lead


async def test_rows_and_positions_outlast_the_process(tmp_path):
    view = SqliteProfileView(tmp_path / "view.db")
    await view.apply([lead("a")], {0: 5})
    await view.close()
    again = SqliteProfileView(tmp_path / "view.db")
    assert await again.get("w", "a") == lead("a")
    assert await again.positions() == {0: 5}
    await again.close()


async def test_another_version_starts_the_view_anew(tmp_path):
    db = sqlite3.connect(tmp_path / "view.db")
    db.executescript("CREATE TABLE leads (of_old TEXT); PRAGMA user_version = 99")
    db.close()
    view = SqliteProfileView(tmp_path / "view.db")
    await view.apply([lead("a")], {0: 5})
    assert await view.positions() == {0: 5}
    await view.close()


async def test_rows_and_positions_are_stored_together_or_not_at_all():
    view = SqliteProfileView(":memory:")
    with pytest.raises(sqlite3.IntegrityError):
        await view.apply([lead("a"), lead("b")._replace(state=None)], {0: 5})
    assert await view.get("w", "a") is None
    assert await view.positions() == {}
    await view.close()


@pytest.mark.parametrize("fits", [1, 3, 20])
@pytest.mark.parametrize("many_groups", [2, 200])
async def test_whichever_way_a_page_is_found_it_is_the_same(monkeypatch, fits, many_groups):
    view = SqliteProfileView(":memory:")
    rows = [lead(f"p{n:02}", score=1 + n * 7 % 20, fit=float(n % fits), name="same") for n in range(40)]
    await view.apply(rows)
    few = await view.page("w", T0, 7, 3, "same")
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(listing, "_MANY_GROUPS", many_groups)
    assert await view.page("w", T0, 7, 3, "same") == few
    assert await view.page("w", T0, 7, 3) == few
    await view.close()


KEYS = dict.fromkeys(("workspace", "key", "id", "profile", "user", "anon", "email"), "k")


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        (listing.Listing("leads", "profile", "profile")._above, ("w", 1, 0.0, 1, 1.0), "COVERING INDEX leads_rank"),
        (schema.MQL, ("w",), "COVERING INDEX leads_mql"),
        (schema.OPEN_CARTS, ("w",), "COVERING INDEX carts_value"),
        (schema.GET_OWN, KEYS, "INDEX aliases_bare"),
        (schema.GET_TOLD, KEYS, "INDEX leads_email"),
    ],
)
async def test_a_query_reads_its_index_and_never_the_whole_table(query, values, index):
    view = SqliteProfileView(":memory:")
    plan = await view._sqlite.run(lambda db: db.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall())
    assert any(index in step[3] for step in plan)
    assert not any(step[3].startswith(("SCAN leads", "SCAN aliases")) for step in plan)
    await view.close()


@pytest.mark.parametrize("fits", [1, 64])
async def test_a_hundred_thousand_leads_are_ranked_and_counted_quickly(fits):
    view = SqliteProfileView(":memory:")
    for start in range(0, 100_000, 10_000):
        await view.apply(
            [
                lead(f"user:{n}", 1 + n % 977, fit=float(n % fits), state=b"x" * 300)
                for n in range(start, start + 10_000)
            ]
        )
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(5):
        began = loop.time()
        page = await view.page("w", T0 + 5, 50, 0)
        counts = await view.tier_counts("w", T0 + 5, ScoreModel())
        times.append(loop.time() - began)
    assert (page.total, counts.total) == (100_000, 100_000)
    assert min(times) < 2
    await view.close()


async def test_companies_outlast_the_process(tmp_path):
    view = SqliteProfileView(tmp_path / "view.db")
    await view.apply([], {0: 5}, accounts=[account("acme", 7)])
    await view.close()
    again = SqliteProfileView(tmp_path / "view.db")
    assert await again.account("w", "group:acme") == account("acme", 7)
    await again.close()
