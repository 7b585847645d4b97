"""What every ProfileView answers: SQLite, and the plain one that tests hold against it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sinks.view.sqlite import SqliteProfileView
from streams.model.errors import SharedIdError
from streams.model.rules.scoring import ScoreModel, TierRule
from streams.ports import LeadCounts, ProfileView
from tests.unit.sinks_view.fakes_view import T0, account, lead
from tests.unit.sinks_view.plain_view import PlainProfileView

HALF_LIFE_MS = 1_000_000
MODEL = ScoreModel()


@pytest.fixture(params=["plain", "sqlite", "sqlite-file"])
async def view(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ProfileView]:
    made: ProfileView
    if request.param == "plain":
        made = PlainProfileView()
    else:
        path = ":memory:" if request.param == "sqlite" else tmp_path / "view.db"
        made = SqliteProfileView(path)
    yield made
    await made.close()


async def names(view: ProfileView, search: str = "", cart_open: bool | None = None) -> list[str]:
    page = await view.page("w", T0, 50, 0, search, cart_open)
    assert page.total == len(page.leads)
    return [row.profile for row in page.leads]


async def test_a_row_comes_back_as_it_was_stored(view):
    row = lead(
        "user:7", 12.5, T0 - 5, user_id="7", anonymous_id="a7", email="ada@example.com", name="Ada 🛒", events=9,
        cart_open=True, cart_value=19.9, cart_currency="EUR", cart_due_ms=T0 + 9, state=b"\x00\xff", is_mql=True,
        fit=7.5, ids=("anon:a7", "email:ada@example.com"),
    )  # fmt: skip
    await view.apply([row])
    assert await view.get("w", "user:7") == row
    assert (await view.page("w", T0, 1, 0)).leads == [row]


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


@pytest.mark.parametrize("key", ["x", "anon:x"])
async def test_whose_own_an_id_is_goes_before_who_has_only_told_it(view, key):
    rows = [lead("anon:x", anonymous_id="x", last_seen_ms=T0), lead("user:7", anonymous_id="x", last_seen_ms=T0 + 1)]
    await view.apply(rows)
    assert await view.get("w", key) == rows[0]


async def test_who_an_address_was_merged_into_goes_before_who_has_only_told_it(view):
    address = {"email": "ada@example.com"}
    rows = [lead("user:7", ids=("email:ada@example.com",), **address), lead("user:8", last_seen_ms=T0 + 1, **address)]
    await view.apply(rows)
    assert await view.get("w", "ada@example.com") == rows[0]


async def test_of_two_profiles_whose_own_id_it_is_the_one_seen_last_is_meant(view):
    rows = [lead("user:7", last_seen_ms=T0), lead("user:8", ids=("device:7",), last_seen_ms=T0 + 1)]
    await view.apply(rows)
    assert await view.get("w", "7") == rows[1]


@pytest.mark.parametrize("key", ["test@test.com", "email:test@test.com", "Test@Test.com"])
async def test_an_address_that_several_have_told_and_that_is_none_s_own_is_nobody_s(view, key):
    await view.apply([lead(f"user:{n}", email="test@test.com") for n in range(3)])
    with pytest.raises(SharedIdError, match="Several leads"):
        await view.get("w", key)


@pytest.mark.parametrize("key", ["ada@example.com", "email:Ada@example.com"])
async def test_an_address_that_one_has_told_finds_it_with_its_kind_and_without(view, key):
    rows = [lead("user:7", email="ada@example.com"), lead("user:8", email="bob@example.com")]
    await view.apply(rows)
    assert await view.get("w", key) == rows[0]


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
    pages = [await view.page("w", T0, 2, offset) for offset in (0, 2, 4, 6)]
    assert [[r.profile for r in page.leads] for page in pages] == [["p4", "p3"], ["p2", "p1"], ["p0"], []]
    assert [page.total for page in pages] == [5, 5, 5, 5]


@pytest.mark.parametrize(("limit", "offset", "named"), [(0, 0, "limit"), (501, 0, "limit"), (1, -1, "offset")])
async def test_a_page_is_bounded(view, limit, offset, named):
    with pytest.raises(ValueError, match=named):
        await view.page("w", T0, limit, offset)


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
    scores = [("cold", 24.9), ("warm", 25), ("warmer", 39.9), ("hot", 40), ("none", 0), ("minus", -50)]
    await view.apply([*(lead(p, s) for p, s in scores), lead("mql", 80, is_mql=True)])
    assert await view.tier_counts("w", T0, MODEL) == LeadCounts(7, {"warm": 2, "hot": 2}, mql=1)
    assert await view.tier_counts("w", T0 + HALF_LIFE_MS, MODEL) == LeadCounts(7, {"warm": 0, "hot": 1}, mql=1)


async def test_fit_counts_in_the_tier_and_does_not_fade(view):
    await view.apply([lead("fit", 0, fit=30.0), lead("both", 20, fit=30.0), lead("against", 45, fit=-10.0)])
    assert (await view.tier_counts("w", T0, MODEL)).tiers == {"warm": 2, "hot": 1}
    assert (await view.tier_counts("w", T0 + 10 * HALF_LIFE_MS, MODEL)).tiers == {"warm": 2, "hot": 0}


async def test_tiers_are_those_of_the_model(view):
    await view.apply([lead("a", 5), lead("b", 15)])
    model = ScoreModel(tiers=(TierRule("curious", 10),), mql_at=None)
    assert await view.tier_counts("w", T0, model) == LeadCounts(2, {"curious": 1}, 0)


async def test_the_order_changes_as_what_fades_falls_below_what_does_not(view):
    await view.apply([lead("busy", 50), lead("fitting", 0, fit=20.0), lead("refused", -5, fit=20.0)])
    pages = [await view.page("w", T0 + n * HALF_LIFE_MS, 9, 0) for n in (0, 2, 20)]
    assert [[r.profile for r in page.leads] for page in pages] == [
        ["busy", "fitting", "refused"],
        ["fitting", "refused", "busy"],
        ["fitting", "refused", "busy"],
    ]


async def test_less_than_nothing_comes_last_and_fades_towards_nothing(view):
    await view.apply([lead("zero", 0), lead("old", -8, T0 - 3 * HALF_LIFE_MS), lead("new", -2), lead("some", 1)])
    assert await names(view) == ["some", "zero", "old", "new"]


async def test_workspaces_do_not_see_each_other(view):
    await view.apply([lead("a", 50, workspace="w"), lead("a", 60, workspace="v", cart_open=True, is_mql=True)])
    assert await names(view) == ["a"]
    assert await view.open_carts("w") == {}
    assert await view.tier_counts("w", T0, MODEL) == LeadCounts(1, {"warm": 0, "hot": 1}, 0)


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


@pytest.mark.parametrize("key", ["device:d1", "d1", "custom:crm:9", "9", "old@example.com", "email:Old@example.com"])
async def test_a_person_is_found_by_each_id_that_was_merged_into_it(view, key):
    ids = ("custom:crm:9", "device:d1", "email:old@example.com")
    await view.apply([lead("user:7", ids=ids), lead("user:8")])
    found = await view.get("w", key)
    assert found is not None
    assert found.profile == "user:7"


async def test_a_person_known_by_a_device_alone_is_found_without_the_kind(view):
    await view.apply([lead("device:d1"), lead("custom:crm:9")])
    assert [(await view.get("w", key)).profile for key in ("d1", "9")] == ["device:d1", "custom:crm:9"]


async def test_an_id_that_was_taken_out_no_longer_finds_the_person(view):
    await view.apply([lead("user:7", ids=("device:d1",))])
    await view.apply([lead("user:7")])
    assert await view.get("w", "d1") is None


async def test_a_redirected_id_finds_the_person_it_moved_to_over_several_steps(view):
    await view.apply([lead("anon:a"), lead("user:7")])
    await view.apply([], {}, redirects=[("w", "anon:a", "email:e"), ("w", "email:e", "user:7")])
    assert await names(view) == ["user:7"]
    assert (await view.get("w", "anon:a")).profile == "user:7"
    assert await view.get("v", "anon:a") is None


async def test_a_redirect_goes_before_a_key_that_looks_like_it(view):
    await view.apply([lead("user:7"), lead("user:8", user_id="anon:a")], {}, redirects=[("w", "anon:a", "user:7")])
    assert (await view.get("w", "anon:a")).profile == "user:7"


async def test_a_redirected_id_that_holds_somebody_again_is_found_as_itself(view):
    await view.apply([lead("user:7")], {}, redirects=[("w", "anon:a", "user:7")])
    await view.apply([lead("anon:a")])
    assert (await view.get("w", "anon:a")).profile == "anon:a"


async def test_a_redirect_to_nobody_finds_nobody(view):
    await view.apply([], {}, redirects=[("w", "anon:a", "user:7"), ("w", "b", "c"), ("w", "c", "b")])
    assert await view.get("w", "anon:a") is None
    assert await view.get("w", "b") is None


async def test_merged_ids_can_be_searched(view):
    await view.apply([lead("user:7", ids=("device:d1-22",)), lead("user:8")])
    assert await names(view, "D1-2") == ["user:7"]


async def test_many_are_read_at_once(view):
    await view.apply([lead("a"), lead("b"), lead("b", workspace="v")])
    assert await view.get_many("w", ["b", "nobody"]) == {"b": lead("b")}


async def test_companies_come_best_score_first(view):
    await view.apply([lead("a")], {}, accounts=[account("low", 5), account("fit", 1, fit=90.0), account("high", 60)])
    page = await view.accounts("w", T0, 2, 0)
    assert ([row.id for row in page.accounts], page.total) == (["group:fit", "group:high"], 3)
    assert [row.id for row in (await view.accounts("w", T0, 9, 0, "HIG")).accounts] == ["group:high"]


async def test_a_company_is_found_by_its_id_and_can_be_removed(view):
    await view.apply([], {}, accounts=[account("acme", 5), account("acme", 6)])
    assert await view.account("w", "group:acme") == account("acme", 6)
    await view.apply([], {}, [("w", "group:acme")])
    assert await view.account("w", "group:acme") is None


async def test_closing_twice_is_no_error(view):
    await view.close()
