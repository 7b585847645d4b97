"""The law that lets a view index scores that decay."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.view.ranks import least_rank, order_of, rank_of
from streams.model.tiers import decayed

T0 = 1_700_000_000_000
half_lives = st.sampled_from([60_000, 86_400_000, 30 * 86_400_000])
points = st.floats(0.001, 10_000) | st.floats(-10_000, -0.001) | st.just(0.0)
scores = st.tuples(points, st.integers(T0 - 10**10, T0))


@given(half_lives, scores, scores, st.integers(0, 10**10))
def test_the_higher_rank_has_the_higher_score_at_any_later_time(half_life, one, other, passed):
    higher, lower = sorted((one, other), key=lambda s: rank_of(*s, half_life), reverse=True)
    now = T0 + passed
    more, less = (decayed(worth, now - at, half_life) for worth, at in (higher, lower))
    assert more >= less - abs(less) * 1e-6


@given(scores, scores, half_lives, half_lives, points, points, st.integers(0, 10**10))
def test_rows_of_any_group_come_by_what_they_are_worth_now(one, other, half_life, others, fit, more_fit, passed):
    now = T0 + passed
    rows = [(one, half_life, fit, "a"), (other, others, more_fit, "b")]
    rows.sort(key=lambda r: order_of(rank_of(*r[0], r[1]), r[1], r[2], now, r[3]))
    worths = [decayed(worth, now - at, half) + steady for (worth, at), half, steady, _ in rows]
    assert worths[0] >= worths[1] - max(map(abs, worths)) * 1e-6 - 1e-6


@given(half_lives, scores, points, points, st.integers(0, 10**10))
def test_a_row_is_above_the_least_rank_when_it_is_worth_the_points(half_life, score, fit, asked, passed):
    now = T0 + passed
    worth = decayed(score[0], now - score[1], half_life) + fit
    is_above = rank_of(*score, half_life) >= least_rank(asked, half_life, fit, now)
    assert is_above == (worth >= asked) or abs(worth - asked) < 1e-6 * max(1, abs(asked), abs(fit))


def test_a_row_far_ahead_of_the_clock_comes_first_without_overflow():
    ahead = order_of(rank_of(1.0, T0 + 10**9, 1_000), 1_000, 0.0, T0, "a")
    assert ahead < order_of(rank_of(500.0, T0, 1_000), 1_000, 0.0, T0, "b")
