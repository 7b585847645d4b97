"""What every ProfileView answers, in memory and in SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sinks.view.memory import MemoryProfileView
from sinks.view.sqlite import SqliteProfileView
from streams.ports import LeadCounts, LeadRow, ProfileView

HALF_LIFE_MS = 1_000_000
T0 = 1_700_000_000_000


@pytest.fixture(params=["memory", "sqlite", "sqlite-file"])
async def view(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ProfileView]:
    made: ProfileView
    if request.param == "memory":
        made = MemoryProfileView(HALF_LIFE_MS)
    else:
        path = ":memory:" if request.param == "sqlite" else tmp_path / "view.db"
        made = SqliteProfileView(path, HALF_LIFE_MS)
    yield made
    await made.close()


def lead(profile: str, score: float = 1.0, at_ms: int = T0, **more: object) -> LeadRow:
    row = LeadRow(
        "w", profile, None, None, None, None, score, at_ms, HALF_LIFE_MS, 1, at_ms, at_ms, False, 0.0, "", 0, b"s"
    )
    return row._replace(**more)


async def names(view: ProfileView, search: str = "", cart_open: bool | None = None) -> list[str]:
    page = await view.page("w", 50, 0, search, cart_open)
    assert page.total == len(page.leads)
    return [row.profile for row in page.leads]


async def test_a_row_comes_back_as_it_was_stored(view):
    row = lead(
        "user:7", 12.5, T0 - 5, user_id="7", anonymous_id="a7", email="ada@example.com", name="Ada 🛒", events=9,
        cart_open=True, cart_value=19.9, cart_currency="EUR", cart_due_ms=T0 + 9, state=b"\x00\xff", is_mql=True,
    )  # fmt: skip
    await view.apply([row])
    assert await view.get("w", "user:7") == row
    assert (await view.page("w", 1, 0)).leads == [row]


@pytest.mark.parametrize("key", ["user:7", "7", "a7", "ada@example.com", "Ada@Example.COM"])
async def test_a_profile_is_found_by_each_of_its_keys(view, key):
    await view.apply([lead("user:7", user_id="7", anonymous_id="a7", email="ada@example.com"), lead("user:8")])
    found = await view.get("w", key)
    assert found is not None
    assert found.profile == "user:7"


async def test_an_unknown_key_finds_nobody(view):
    await view.apply([lead("user:7", user_id="7")])
    assert await view.get("w", "nobody") is None
    assert await view.get("other", "7") is None


async def test_a_key_that_changed_no_longer_finds_the_profile(view):
    await view.apply([lead("user:7", email="old@example.com")])
    await view.apply([lead("user:7", email="new@example.com")])
    assert await view.get("w", "old@example.com") is None
    assert await names(view, "old@") == []
    assert await names(view, "new@") == ["user:7"]


async def test_of_two_profiles_with_a_key_the_one_seen_last_is_meant(view):
    rows = [lead("anon:x", anonymous_id="x", last_seen_ms=T0), lead("user:7", anonymous_id="x", last_seen_ms=T0 + 1)]
    await view.apply(rows)
    found = await view.get("w", "x")
    assert found == rows[1]


async def test_a_profile_id_goes_before_a_key_that_looks_like_it(view):
    rows = [lead("user:7", last_seen_ms=T0), lead("user:8", user_id="user:7", last_seen_ms=T0 + 9)]
    await view.apply(rows)
    assert await view.get("w", "user:7") == rows[0]


async def test_the_newest_row_wins_and_what_it_replaced_is_told(view):
    first, second, third = lead("a", 1), lead("a", 2, email="a@example.com"), lead("a", 3, email="a@example.com")
    assert await view.apply([first]) == [None]
    assert await view.apply([second, lead("b"), third]) == [first, None, second]
    assert await view.get("w", "a") == third


async def test_leads_come_best_score_first(view):
    await view.apply([lead("low", 5), lead("none", 0), lead("high", 60), lead("mid", 20)])
    assert await names(view) == ["high", "mid", "low", "none"]


async def test_an_older_score_has_decayed(view):
    await view.apply([lead("old", 30, T0 - 2 * HALF_LIFE_MS), lead("new", 10, T0)])
    assert await names(view) == ["new", "old"]


async def test_equal_scores_come_in_order_of_their_names(view):
    await view.apply([lead(p, score) for score in (0, 7) for p in (f"c{score}", f"a{score}", f"b{score}")])
    assert await names(view) == ["a7", "b7", "c7", "a0", "b0", "c0"]


async def test_pages_follow_each_other_and_know_the_total(view):
    await view.apply([lead(f"p{n}", n + 1) for n in range(5)])
    pages = [await view.page("w", 2, offset) for offset in (0, 2, 4, 6)]
    assert [[r.profile for r in page.leads] for page in pages] == [["p4", "p3"], ["p2", "p1"], ["p0"], []]
    assert [page.total for page in pages] == [5, 5, 5, 5]


@pytest.mark.parametrize(("limit", "offset", "named"), [(0, 0, "limit"), (501, 0, "limit"), (1, -1, "offset")])
async def test_a_page_is_bounded(view, limit, offset, named):
    with pytest.raises(ValueError, match=named):
        await view.page("w", limit, offset)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ada@", ["ada"]),
        ("LOVELACE", ["ada"]),
        ("straße", ["bob"]),
        ("STRASSE", ["bob"]),
        ("example.com", ["ada", "bob"]),
        ("100%", ["bob"]),
        ("%", ["bob"]),
        ("_", ["bob"]),
        ("\\", []),
        ("' OR 1=1 --", []),
        ("u-1", ["ada"]),
    ],
)
async def test_a_search_looks_for_plain_text_in_names_and_keys(view, search, found):
    await view.apply(
        [
            lead("ada", 9, email="ada@example.com", name="Ada Lovelace", user_id="u-1"),
            lead("bob", 8, email="bob_100%@example.com", name="Bob Straße"),
            lead("eve", 7),
        ]
    )
    assert await names(view, search) == found


async def test_open_carts_can_be_asked_for_alone(view):
    await view.apply([lead("a", 1, cart_open=True, name="x"), lead("b", 2), lead("c", 3, cart_open=True)])
    assert await names(view, cart_open=True) == ["c", "a"]
    assert await names(view, cart_open=False) == ["b"]
    assert await names(view, "x", cart_open=True) == ["a"]


async def test_open_carts_are_summed_by_currency(view):
    carts = [("a", True, 10.5, "EUR"), ("b", True, 1.25, "EUR"), ("c", True, 7.0, "USD"), ("d", False, 99.0, "USD")]
    await view.apply([lead(p, cart_open=o, cart_value=v, cart_currency=c) for p, o, v, c in carts])
    assert await view.open_carts("w") == {"EUR": (2, 11.75), "USD": (1, 7.0)}


async def test_tiers_are_counted_by_the_score_as_it_is_now(view):
    scores = [("cold", 24.9), ("warm", 25), ("warmer", 39.9), ("hot", 40), ("none", 0)]
    await view.apply([*(lead(p, s) for p, s in scores), lead("mql", 80, is_mql=True)])
    assert await view.tier_counts("w", T0) == LeadCounts(total=6, warm=2, hot=2, mql=1)
    assert await view.tier_counts("w", T0 + HALF_LIFE_MS) == LeadCounts(total=6, warm=0, hot=1, mql=1)


async def test_workspaces_do_not_see_each_other(view):
    await view.apply([lead("a", 50, workspace="w"), lead("a", 60, workspace="v", cart_open=True, is_mql=True)])
    assert await names(view) == ["a"]
    assert await view.open_carts("w") == {}
    assert await view.tier_counts("w", T0) == LeadCounts(1, 0, 1, 0)


async def test_a_removed_profile_is_gone_with_its_keys(view):
    await view.apply([lead("a", user_id="1"), lead("b", workspace="v")])
    await view.apply([], {}, [("w", "a"), ("w", "b"), ("w", "never")])
    assert await view.get("w", "1") is None
    assert await view.get("v", "b") is not None


async def test_positions_are_remembered_by_partition(view):
    await view.apply([lead("a")], {0: 5, 1: 2})
    await view.apply([], {1: 7})
    assert await view.positions() == {0: 5, 1: 7}


async def test_a_cleared_view_knows_nothing(view):
    await view.apply([lead("a")], {0: 5})
    await view.clear()
    assert await view.positions() == {}
    assert await names(view) == []


async def test_a_row_with_another_half_life_is_refused_with_its_batch(view):
    with pytest.raises(ValueError, match="half_life_ms"):
        await view.apply([lead("a"), lead("b", half_life_ms=5)], {0: 9})
    assert await names(view) == []
    assert await view.positions() == {}


async def test_closing_twice_is_no_error(view):
    await view.close()
