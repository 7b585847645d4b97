"""Detectors over counts per bucket of log time: a source fell silent, a rate shifted. Pure; time is counted in buckets
that were really observed, so a pause of the platform is neither silence nor a drop.
"""

import math
from enum import IntEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

# A count's memory of what is usual fades over this many buckets (30 minutes of 10 s).
_MEMORY_BUCKETS: Final = 180
_SILENCE_MEMORY_BUCKETS: Final = 60
# A day of 10 s buckets: runs of empty ones are remembered for one to two days, so that every night is.
_GENERATION_BUCKETS: Final = 8640
_HABIT_ALARMS: Final = 0.5
_LONGER_THAN_EVER: Final = 2.0
# Before much has been seen, counts are taken to vary twice as much as independent arrivals would.
_PRIOR_DISPERSION: Final = 2.0
_PRIOR_BUCKETS: Final = 6
_WINSOR_SIGMA: Final = 4.0


class Level(IntEnum):
    """easing: not alarming, but not clearly over either; suspect: implausible, but not yet for long enough."""

    CLEAR = 0
    EASING = 1
    SUSPECT = 2
    RAISED = 3


class Reading(Struct, frozen=True, array_like=True, gc=False):
    """What a detector makes of the latest bucket. Units of `value` and the expected range as in `Alert`; `usual` is the
    usual count per bucket.
    """

    level: Level
    value: float
    expected_low: float
    expected_high: float
    score: float
    usual: float


class SilenceState(Struct, frozen=True, array_like=True, gc=False):
    """`run` is the present run of empty buckets; all else is from before it. `rate` is the mean count and `empty` the
    share of empty buckets of late, `longest` the longest runs of this and the last generation of buckets, `alarms` the
    fading number of runs that were alarming.
    """

    buckets: int = 0
    rate: float = 0.0
    empty: float = 0.0
    longest: tuple[int, int] = (0, 0)
    alarms: float = 0.0
    run: int = 0


class SourceSilence:
    """A source has sent nothing for longer than chance explains: P(no event | its past) < `probability`.

    How much one more empty bucket tells is bounded by the rate (independent arrivals) and by the share of empty buckets
    (a source that sends in batches). As visitors come in sessions, the run must also be twice as long as any of late.
    """

    def __init__(self, bucket_ms: int, min_silence_ms: int, min_history_ms: int, probability: float = 1e-6) -> None:
        self._bucket_ms = bucket_ms
        self._min_silence_ms = min_silence_ms
        self._min_buckets = max(1, min_history_ms // bucket_ms)
        self._needed = -math.log(probability)

    def initial(self) -> SilenceState:
        return SilenceState()

    def step(self, state: SilenceState, count: int) -> tuple[SilenceState, Reading]:
        """Return the state after a bucket with `count` events, and what to make of the run that it is in."""
        after = self._arrived(state, count) if count else replace(state, run=state.run + 1)
        plausible = self._plausible_run(after)
        silent_ms = after.run * self._bucket_ms
        level = Level.CLEAR
        if self._is_alarming(after, plausible):
            level = Level.RAISED if silent_ms >= self._min_silence_ms else Level.SUSPECT
        high_ms = max(plausible * self._bucket_ms, float(self._min_silence_ms))
        score = -math.expm1(-after.run * _evidence_per_bucket(after))
        return after, Reading(level, float(silent_ms), 0.0, high_ms, score, after.rate)

    def _plausible_run(self, state: SilenceState) -> float:
        """Return how many empty buckets in a row would be nothing new."""
        evidence = _evidence_per_bucket(state)
        return max(self._needed / evidence if evidence > 0 else 0.0, _LONGER_THAN_EVER * max(state.longest))

    def _is_alarming(self, state: SilenceState, plausible: float) -> bool:
        return state.buckets >= self._min_buckets and state.run > plausible

    def _arrived(self, state: SilenceState, count: int) -> SilenceState:
        """Return the state after a bucket with events. It ends the run, which is learnt only now."""
        plausible = self._plausible_run(state)
        if not self._is_alarming(state, plausible):
            return _learnt(state, state.run, count, 0)
        # An outage is an exception, and not learnt. Another one soon after is a habit, but learnt with moderation.
        run = min(state.run, math.ceil(2 * plausible)) if state.alarms >= _HABIT_ALARMS else 0
        return _learnt(state, run, count, 1)


def _evidence_per_bucket(state: SilenceState) -> float:
    """Return -ln P(one more empty bucket)."""
    return min(state.rate, -math.log(state.empty)) if state.empty > 0 else state.rate


def _learnt(state: SilenceState, run: int, count: int, alarms: int) -> SilenceState:
    """Return the state after a bucket with events that ended a run worth `run` empty ones."""
    buckets = state.buckets + run + 1
    kept = min((1 - 1 / _SILENCE_MEMORY_BUCKETS) ** run, state.buckets / max(1, state.buckets + run))
    rate, empty = state.rate * kept, 1 - (1 - state.empty) * kept
    share = max(1 / buckets, 1 / _SILENCE_MEMORY_BUCKETS)
    now, before = state.longest
    if buckets // _GENERATION_BUCKETS > state.buckets // _GENERATION_BUCKETS:
        now, before = 0, now
    return SilenceState(
        buckets,
        rate + (count - rate) * share,
        empty - empty * share,
        (max(now, run), before),
        state.alarms * (1 - 1 / _GENERATION_BUCKETS) ** (state.run + 1) + alarms,
        0,
    )


_MIN_BUSY_SHARE: Final = 0.5


class RateState(Struct, frozen=True, array_like=True, gc=False):
    """`mean` and `dispersion` (variance of window sums over their mean) of the `learnt` buckets before `window`;
    `busy_share` of them were not empty.
    """

    learnt: int = 0
    mean: float = 0.0
    dispersion: float = _PRIOR_DISPERSION
    window: tuple[int, ...] = ()
    at_ms: int = 0
    busy_share: float = 0.0


class RateShift:
    """The last few buckets hold far more or far fewer events than the recent past makes plausible.

    The test is a difference of square roots, which makes counts' spread constant, over the spread that windows of this
    series really had; the shift must also be at least `ratio`-fold, in a window with at least `min_events`.
    """

    def __init__(
        self,
        bucket_ms: int,
        min_history_ms: int,
        stale_ms: int,
        *,
        window_buckets: int = 3,
        min_events: int = 20,
        sigma: float = 5.0,
        ratio: float = 2.0,
    ) -> None:
        self._bucket_ms = bucket_ms
        self._min_buckets = max(1, min_history_ms // bucket_ms - window_buckets)
        self._stale_ms = stale_ms
        self._window = window_buckets
        self._min_events = min_events
        self._sigma = sigma
        self._ratio = ratio

    def initial(self) -> RateState:
        return RateState()

    def step(self, state: RateState, at_ms: int, count: int, *, learns: bool = True) -> tuple[RateState, Reading]:
        """Return the state after the bucket that ends at `at_ms`. The baseline stands still unless `learns`; it starts
        anew when the series was not observed for `stale_ms`.
        """
        if state.at_ms and at_ms - state.at_ms > self._stale_ms:
            state = RateState()
        window = (*state.window, count)
        learnt, mean, dispersion, busy = state.learnt, state.mean, state.dispersion, state.busy_share
        if len(window) > self._window:
            oldest, window = window[0], window[1:]
            if learns:
                mean = _winsorised_mean(oldest, mean, dispersion, learnt)
                busy += ((oldest > 0) - busy) * max(1 / (learnt + 1), 1 / _MEMORY_BUCKETS)
                learnt += 1
        usual = mean * self._window
        # A series that was seen in a burst now and then has no usual rate that it could fall below.
        is_dropping = sum(window) < usual
        if learnt < self._min_buckets or (is_dropping and busy < _MIN_BUSY_SHARE):
            reading = Reading(Level.CLEAR, sum(window) / len(window), mean, mean, 0.0, mean)
        else:
            # The spread of before: a window must not make itself look usual.
            reading = self._read(window, usual, dispersion * (1 + self._window / min(learnt, _MEMORY_BUCKETS)))
        if learns and learnt:
            dispersion = self._dispersion(dispersion, learnt, sum(window), usual)
        return RateState(learnt, mean, dispersion, window, at_ms, busy), reading

    def _dispersion(self, dispersion: float, learnt: int, total: int, usual: float) -> float:
        seen = (total - usual) ** 2 / (usual + 1) / (1 + self._window / min(learnt, _MEMORY_BUCKETS))
        seen = min(seen, _WINSOR_SIGMA**2 * dispersion)
        share = max(1 / (learnt + _PRIOR_BUCKETS), 1 / _MEMORY_BUCKETS)
        return dispersion + (seen - dispersion) * share

    def _read(self, window: tuple[int, ...], usual: float, dispersion: float) -> Reading:
        total, size = sum(window), self._window
        spread = max(1.0, math.sqrt(dispersion))
        sigmas = 2 * (math.sqrt(total + 0.375) - math.sqrt(usual + 0.375)) / spread
        half_width = self._sigma * spread / 2
        root = math.sqrt(usual + 0.375)
        low = max(0.0, min(max(0.0, root - half_width) ** 2 - 0.375, usual / self._ratio))
        high = max((root + half_width) ** 2 - 0.375, usual * self._ratio, float(self._min_events))
        level = Level.CLEAR
        if usual >= self._min_events or total >= self._min_events:
            fold = (total + 1) / (usual + 1) if total >= usual else (usual + 1) / (total + 1)
            newest = (window[-1] * size + 1) / (usual + 1)
            # One odd bucket stays in the window for a while; the newest must say that the shift goes on.
            goes_on = (newest if total >= usual else 1 / newest) >= math.sqrt(self._ratio)
            if abs(sigmas) >= self._sigma and fold >= self._ratio and goes_on:
                level = Level.RAISED
            elif abs(sigmas) >= self._sigma / 2 and fold >= math.sqrt(self._ratio):
                level = Level.EASING
        score = abs(sigmas) / (abs(sigmas) + self._sigma)
        return Reading(level, total / size, low / size, high / size, score, usual / size)


def _winsorised_mean(count: int, mean: float, dispersion: float, learnt: int) -> float:
    if learnt >= _PRIOR_BUCKETS:
        reach = _WINSOR_SIGMA * math.sqrt(max(1.0, dispersion) * max(1.0, mean)) + 1
        count_ = min(max(float(count), mean - reach), mean + reach)
    else:
        count_ = float(count)
    return mean + (count_ - mean) * max(1 / (learnt + 1), 1 / _MEMORY_BUCKETS)
