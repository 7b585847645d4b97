"""The retry law: waits never fall, stay bounded, end, and depend on nothing but their arguments."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.retry import RetrySchedule, delay_ms

schedules = st.builds(
    RetrySchedule,
    st.lists(st.integers(1, 10**8), min_size=1, max_size=12).map(lambda d: tuple(sorted(d))),
    st.floats(0, 1),
    st.integers(1, 10**8),
)


@given(schedules, st.text(max_size=40))
def test_waits_never_fall_and_stay_within_the_jitter(schedule: RetrySchedule, name: str) -> None:
    waits = [delay_ms(schedule, name, n) for n in range(1, schedule.max_attempts)]
    assert waits == sorted(waits)
    assert all(base <= w <= base * (1 + schedule.jitter) + 1 for base, w in zip(schedule.delays_ms, waits, strict=True))


@given(schedules, st.text(max_size=40), st.integers(0, 20))
def test_attempts_end(schedule: RetrySchedule, name: str, extra: int) -> None:
    assert delay_ms(schedule, name, schedule.max_attempts + extra) is None


@given(schedules, st.text(max_size=40), st.integers(0, 10**12))
def test_a_receiver_may_slow_us_down_but_neither_hurry_nor_stall_us(
    schedule: RetrySchedule, name: str, asked_ms: int
) -> None:
    own = delay_ms(schedule, name, 1)
    asked = delay_ms(schedule, name, 1, asked_ms)
    assert own is not None
    assert asked is not None
    assert own <= asked <= max(own, schedule.retry_after_max_ms)


def test_different_deliveries_spread_out() -> None:
    schedule = RetrySchedule((10_000,), 0.5, 1)
    assert len({delay_ms(schedule, f"d{i}", 1) for i in range(50)}) > 40
