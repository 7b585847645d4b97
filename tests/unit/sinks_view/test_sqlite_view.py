"""What only the SQLite view does: outlast the process, start anew when it must, and answer from its indexes."""

import sqlite3

import pytest

from sinks.view import sqlite
from sinks.view.sqlite import SqliteProfileView
from streams.ports import LeadRow

T0 = 1_700_000_000_000


def lead(profile: str, score: float = 1.0, half_life_ms: int = 1000, name: str | None = None) -> LeadRow:
    return LeadRow("w", profile, None, None, None, name, score, T0, half_life_ms, 1, T0, T0, False, 0.0, "", 0, b"s")


async def test_rows_and_positions_outlast_the_process(tmp_path):
    view = SqliteProfileView(tmp_path / "view.db", 1000)
    await view.apply([lead("a")], {0: 5})
    await view.close()
    again = SqliteProfileView(tmp_path / "view.db", 1000)
    assert await again.get("w", "a") == lead("a")
    assert await again.positions() == {0: 5}
    await again.close()


async def test_another_half_life_starts_the_view_anew(tmp_path):
    view = SqliteProfileView(tmp_path / "view.db", 1000)
    await view.apply([lead("a")], {0: 5})
    await view.close()
    again = SqliteProfileView(tmp_path / "view.db", 2000)
    assert await again.positions() == {}
    assert (await again.page("w", 10, 0)).total == 0
    await again.close()


async def test_another_version_starts_the_view_anew(tmp_path):
    db = sqlite3.connect(tmp_path / "view.db")
    db.executescript("CREATE TABLE leads (of_old TEXT); PRAGMA user_version = 99")
    db.close()
    view = SqliteProfileView(tmp_path / "view.db", 1000)
    await view.apply([lead("a")], {0: 5})
    assert await view.positions() == {0: 5}
    await view.close()


async def test_rows_and_positions_are_stored_together_or_not_at_all():
    view = SqliteProfileView(":memory:", 1000)
    with pytest.raises(sqlite3.IntegrityError):
        await view.apply([lead("a"), lead("b")._replace(state=None)], {0: 5})
    assert await view.get("w", "a") is None
    assert await view.positions() == {}
    await view.close()


async def test_a_search_with_many_hits_is_ordered_as_one_with_few(monkeypatch):
    view = SqliteProfileView(":memory:", 1000)
    await view.apply([lead(f"p{n:02}", score=1 + n * 7 % 20, name="same") for n in range(20)])
    few = await view.page("w", 7, 3, "same")
    monkeypatch.setattr(sqlite, "_FEW", 0)
    assert await view.page("w", 7, 3, "same") == few
    await view.close()


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        (sqlite._ABOVE, ("w", 1.0), "COVERING INDEX leads_rank (workspace=? AND rank>?)"),
        (sqlite._MQL, ("w",), "COVERING INDEX leads_mql"),
        (sqlite._OPEN_CARTS, ("w",), "COVERING INDEX carts_value"),
        (sqlite._PAGE_OF_FEW, ("w", "x", 9, 0), "COVERING INDEX leads_search"),
        (sqlite._GET, {"workspace": "w", "key": "k", "email": "k"}, "COVERING INDEX leads_email"),
    ],
)
async def test_a_query_reads_its_index_and_never_the_whole_table(query, values, index):
    view = SqliteProfileView(":memory:", 1000)
    plan = await view._sqlite.run(lambda db: db.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall())
    assert any(index in step[3] for step in plan)
    assert not any(step[3].startswith("SCAN leads") for step in plan)
    await view.close()
