"""The detectors: what they see, what they must not see, and that nothing but the past counts."""

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operators.anomaly import DAY_MS, RecordDetector, RecordState, Verdict
from streams.operators.anomaly_counts import Level, RateShift, RateState, Reading, SilenceState, SourceSilence

FIVE_MINUTES_MS = 300_000
BUCKET_MS = 10_000
DAY_BUCKETS = 8_640


def scored(
    values: list[float], step_ms: int = FIVE_MINUTES_MS, detector: RecordDetector | None = None
) -> list[Verdict]:
    detector = detector or RecordDetector()
    state, verdicts = detector.initial(), []
    for row, value in enumerate(values):
        state, verdict = detector.step(state, row * step_ms, value)
        verdicts.append(verdict)
    return verdicts


def daily(rows: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [100 + 50 * math.sin(row * 2 * math.pi / 288) + rng.gauss(0, 5) for row in range(rows)]


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product >= limit:
        product *= rng.random()
        count += 1
    return count


def test_a_jump_far_out_of_the_range_scores_above_one_half_at_once():
    values = daily(2_000)
    values[1_500] = 400.0
    assert scored(values)[1_500].score > 0.5


def test_an_unusual_hour_is_seen_though_its_value_is_within_the_range():
    values = daily(3_000)
    night = next(row for row in range(2_600, 2_900) if math.sin(row * 2 * math.pi / 288) < -0.99)
    values[night : night + 40] = [v + 60 for v in values[night : night + 40]]
    assert max(v.score for v in scored(values)[night : night + 40]) > 0.5


def test_ordinary_days_stay_below_one_half():
    assert max(v.score for v in scored(daily(4_000))[600:]) < 0.5


@pytest.mark.parametrize("values", [[7.0] * 500, [float(row // 50 % 2) for row in range(2_000)]])
def test_a_series_that_repeats_exactly_is_hardly_strange_after_its_first_periods(values: list[float]):
    season = RecordDetector(season_ms=100)
    assert max(v.score for v in scored(values, 1, season)[300:]) < 0.1


def test_a_strange_stretch_is_told_once_and_not_again_for_each_row():
    values = daily(2_000)
    values[1_500:1_560] = [400.0] * 60
    told = [v for v in scored(values)[1_500:1_560] if v.score > 0.5]
    assert len(told) < 8


def test_the_explanation_names_the_range_that_was_left():
    values = daily(2_000)
    values[1_500] = 4_000.0
    assert "is above its recent range -17.28 to 17.1" in scored(values)[1_500].explanation


def test_the_expected_range_holds_ordinary_values():
    verdicts = scored(daily(3_000))
    inside = [v.expected_low - 15 <= x <= v.expected_high + 15 for v, x in zip(verdicts, daily(3_000), strict=True)]
    assert sum(inside[600:]) > 0.99 * len(inside[600:])


@given(st.lists(st.floats(-1e9, 1e9), max_size=60), st.lists(st.floats(-1e9, 1e9), max_size=20))
def test_rows_to_come_change_no_verdict(values: list[float], more: list[float]):
    assert scored(values + more)[: len(values)] == scored(values)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=40))
def test_scores_are_in_0_to_1_and_the_state_survives_msgpack(values: list[float]):
    detector, state = RecordDetector(DAY_MS), RecordState()
    for row, value in enumerate(values):
        state, verdict = detector.step(state, row, value)
        assert 0.0 <= verdict.score <= 1.0
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=RecordState) == state


def test_a_season_must_be_positive():
    with pytest.raises(ValueError, match="season_ms"):
        RecordDetector(0)


def silence_readings(counts: list[int], history_ms: int = 600_000) -> list[Reading]:
    detector = SourceSilence(BUCKET_MS, 20_000, history_ms)
    state, readings = detector.initial(), []
    for count in counts:
        state, reading = detector.step(state, count)
        readings.append(reading)
    return readings


def shift_readings(counts: list[int], detector: RateShift | None = None) -> list[Reading]:
    detector = detector or RateShift(BUCKET_MS, 1_200_000, 3_600_000)
    state, readings = detector.initial(), []
    for bucket, count in enumerate(counts, start=1):
        state, reading = detector.step(state, bucket * BUCKET_MS, count)
        readings.append(reading)
    return readings


def test_a_busy_source_is_suspect_after_one_empty_bucket_and_silent_after_two():
    levels = [r.level for r in silence_readings([20] * 90 + [0, 0])]
    assert levels[-2:] == [Level.SUSPECT, Level.RAISED]


def test_a_source_without_history_is_not_missed():
    assert silence_readings([20] * 5 + [0] * 50)[-1].level is Level.CLEAR


def test_a_source_that_sends_in_batches_may_pause_between_them():
    counts = ([60] + [0] * 5) * 60
    assert all(r.level is Level.CLEAR for r in silence_readings(counts))


def test_a_source_that_sends_in_batches_is_missed_after_many_of_its_pauses():
    assert silence_readings(([60] + [0] * 5) * 60 + [0] * 120)[-1].level is Level.RAISED


def test_an_outage_does_not_dull_the_next_one():
    first = [20] * 90 + [0] * 30
    assert [r.level for r in silence_readings(first + [20] * 30 + [0, 0])][-1] is Level.RAISED


@pytest.mark.parametrize("per_s", [0.2, 1.0, 5.0, 50.0])
def test_steady_traffic_for_a_day_raises_nothing(per_s: float):
    rng = random.Random(int(per_s * 10))
    counts = [poisson(rng, per_s * 10) for _ in range(DAY_BUCKETS)]
    raised = [r for r in silence_readings(counts) + shift_readings(counts) if r.level is Level.RAISED]
    assert not raised


def test_visits_in_sessions_at_night_and_day_raise_no_silence_after_the_first_day():
    rng, counts = random.Random(3), [0] * (3 * DAY_BUCKETS + 500)
    for bucket in range(3 * DAY_BUCKETS):
        for _ in range(poisson(rng, 0.06 * (1 + 0.9 * math.sin(bucket * 2 * math.pi / DAY_BUCKETS)))):
            at = float(bucket)
            for _ in range(min(rng.randint(1, 15), 30)):
                counts[min(int(at), len(counts) - 1)] += 1
                at += rng.expovariate(1 / 2.5)
    readings = silence_readings(counts[: 3 * DAY_BUCKETS])
    assert not [r for r in readings[DAY_BUCKETS:] if r.level is Level.RAISED]


def test_a_fivefold_burst_is_raised_within_two_buckets():
    rng = random.Random(5)
    counts = [poisson(rng, 20) for _ in range(300)] + [100, 100]
    assert shift_readings(counts)[-1].level is Level.RAISED


def test_a_rate_that_falls_to_a_fifth_is_raised():
    rng = random.Random(6)
    counts = [poisson(rng, 20) for _ in range(300)] + [4, 4, 4]
    assert shift_readings(counts)[-1].level is Level.RAISED


def test_a_small_volume_raises_nothing():
    assert all(r.level is Level.CLEAR for r in shift_readings([0, 1, 0, 0] * 60 + [4, 4, 4]))


def test_a_series_of_wild_bursts_learns_that_bursts_are_usual():
    rng = random.Random(7)
    counts = [poisson(rng, 300 if rng.random() < 0.1 else 10) for _ in range(2_000)]
    raised = [r for r in shift_readings(counts)[500:] if r.level is Level.RAISED]
    assert not raised


def test_a_frozen_baseline_stays_where_it_was():
    detector, state = RateShift(BUCKET_MS, 1_200_000, 3_600_000), RateState()
    for bucket in range(1, 200):
        state, _ = detector.step(state, bucket * BUCKET_MS, 20)
    mean = state.mean
    for bucket in range(200, 300):
        state, _ = detector.step(state, bucket * BUCKET_MS, 200, learns=False)
    assert state.mean == mean


def test_a_baseline_that_was_not_fed_for_long_starts_anew():
    detector, state = RateShift(BUCKET_MS, 1_200_000, 3_600_000), RateState()
    for bucket in range(1, 200):
        state, _ = detector.step(state, bucket * BUCKET_MS, 20)
    state, reading = detector.step(state, 200 * BUCKET_MS + 4_000_000, 500)
    assert (state.learnt, reading.level) == (0, Level.CLEAR)


@given(st.lists(st.integers(0, 10_000), max_size=80))
def test_count_detectors_take_any_counts_and_their_states_survive_msgpack(counts: list[int]):
    silence, shift = SourceSilence(BUCKET_MS, 20_000, 50_000), RateShift(BUCKET_MS, 60_000, 600_000)
    quiet, rate = SilenceState(), RateState()
    for bucket, count in enumerate(counts, start=1):
        quiet, heard = silence.step(quiet, count)
        rate, read = shift.step(rate, bucket * BUCKET_MS, count)
        assert 0 <= heard.score <= 1
        assert read.expected_low <= read.expected_high
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode((quiet, rate)), type=tuple[SilenceState, RateState])
    assert decoded == (quiet, rate)


def test_a_series_known_from_one_burst_has_no_rate_that_it_could_fall_below():
    readings = shift_readings([1_200] + [0] * 60, RateShift(BUCKET_MS, 60_000, 3_600_000))
    assert {reading.level for reading in readings} == {Level.CLEAR}
