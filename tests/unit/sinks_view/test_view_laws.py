"""Whatever rows come in whatever order: SQLite answers as the plain view does, and the order outlasts the hours."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.view.sqlite import SqliteProfileView
from streams.model.errors import SharedIdError
from streams.model.rules.scoring import ScoreModel, TierRule
from streams.model.tiers import decayed
from streams.ports import LeadRow, ProfileView
from tests.unit.sinks_view.fakes_view import account
from tests.unit.sinks_view.plain_view import PlainProfileView

HALF_LIFE_MS = 86_400_000
T0 = 1_700_000_000_000
MODEL = ScoreModel(tiers=(TierRule("warm", 25), TierRule("hot", 40), TierRule("burning", 60)))
KEYS = ("p1", "p3", "x", "a", "AB", "A@b.c", "%", "email:A@B.C", "A", "anon:a", "user:B", "b")
PROFILES = ["p1", "p2", "p3", "p4", "a", "user:ab", "anon:B"]
words = st.sampled_from([None, "a", "ab", "B", "ä", "%", "_", "a@b.c"])

ids = st.lists(
    st.sampled_from(["anon:a", "email:a@b.c", "custom:crm:p1", "p2", "phone:A"]), unique=True, max_size=3
).map(tuple)


@st.composite
def rows(draw: st.DrawFn) -> LeadRow:
    at_ms = T0 - draw(st.integers(0, 60)) * 3_600_000
    score = draw(st.sampled_from([0.0, 0.5, 24.9, 25.0, 40.0, 50.0, -25.0]) | st.floats(0.01, 500))
    half_life_ms = draw(st.sampled_from([HALF_LIFE_MS, HALF_LIFE_MS, 2 * HALF_LIFE_MS]))
    fit = draw(st.sampled_from([0.0, 0.0, 15.0, 30.0, -10.0]))
    cart = draw(st.booleans())
    return LeadRow(
        "w", draw(st.sampled_from(PROFILES)), draw(words), draw(words), draw(words), draw(words),
        score, at_ms, half_life_ms, draw(st.integers(1, 9)), at_ms, at_ms + draw(st.integers(0, 3)),
        cart, 2.5 if cart else 0.0, draw(st.sampled_from(["EUR", "USD"])), 9 if cart else 0, b"s", draw(st.booleans()),
        fit, draw(ids),
    )  # fmt: skip


ACCOUNTS = [account("ab", 7), account("b", 3, fit=9.0), account("c", -1), account("b", 4, workspace="v")]
batches = st.lists(st.lists(rows(), max_size=6), max_size=4)


async def asked(view: ProfileView, key: str) -> LeadRow | str | None:
    try:
        return await view.get("w", key)
    except SharedIdError as error:
        return str(error)


async def answers(view: ProfileView, applied: list[list[LeadRow]]) -> list[object]:
    told: list[object] = [await view.apply(batch, {0: n}) for n, batch in enumerate(applied)]
    await view.apply([], {}, [("w", "p4")], [("w", "p3", "p2"), ("w", "x", "p3")], ACCOUNTS)
    told += [await asked(view, key) for key in KEYS]
    told += [await view.get_many("w", ["p1", "p2", "nobody"])]
    told += [
        await view.page("w", T0 + hours * 3_600_000, 3, offset, search, cart)
        for hours in (0, 50)
        for offset in (0, 2)
        for search in ("", "A", "Ä", "%", "p")
        for cart in (None, True, False)
    ]
    told += [await view.tier_counts("w", T0 + hours * 3_600_000, MODEL) for hours in (0, 24, 999)]
    told += [await view.accounts("w", T0 + hours * 3_600_000, 2, 0, search) for hours in (0, 9) for search in ("", "B")]
    told += [await view.open_carts("w"), await view.positions()]
    await view.close()
    return told


@settings(deadline=None)  # each example opens a store
@given(batches)
async def test_sqlite_answers_as_the_plain_view_does(applied):
    plain = await answers(PlainProfileView(), applied)
    assert await answers(SqliteProfileView(":memory:"), applied) == plain


@settings(deadline=None)  # each example opens a store
@given(batches, st.integers(0, 400))
async def test_the_order_is_the_order_by_score_at_any_later_time(applied, hours):
    view = SqliteProfileView(":memory:")
    for batch in applied:
        await view.apply(batch)
    now = T0 + hours * 3_600_000
    page = await view.page("w", now, 500, 0)
    later = [decayed(r.score, now - r.score_at_ms, r.half_life_ms) + r.fit for r in page.leads]
    assert all(a >= b - 1e-9 * max(1, abs(b)) for a, b in pairwise(later))
    await view.close()
