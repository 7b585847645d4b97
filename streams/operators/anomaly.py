"""Streaming detector for a series of real values: a point is strange when it sets records in many views of the series.

Eight views (the value, its means over 4, 16 and 64 rows, and the same four for the residual against the usual value at
this time of the season) each keep a range that relaxes slowly toward the view's mean. A view votes by how far the point
lies outside its range, relative to the range; all votes weigh the same. No clock, no I/O; state has a fixed size.
"""

from typing import Final, NamedTuple

from msgspec import Struct

DAY_MS: Final = 86_400_000

_WINDOWS: Final = (4, 16, 64)
_RATES: Final = tuple(1 / rows for rows in _WINDOWS)
_VIEWS: Final = (
    "the value",
    *(f"the mean of {rows} rows" for rows in _WINDOWS),
    "the value less what is usual at this time",
    *(f"the mean of {rows} rows less what is usual at this time" for rows in _WINDOWS),
)
_BINS: Final = 24
_BIN_RATE: Final = 1 / 50
_MEAN_RATE: Final = 1 / 1000
_RELAX: Final = 1 / 4000
_YOUNG_ROWS: Final = 200
# A second alert about the same thing is noise: only a stronger vote is shown for this many rows, and for this share
# of the rows seen (a long history knows better how rare the present is).
_QUIET_ROWS: Final = 100
_QUIET_SHARE: Final = 0.03
_QUIET_AGE_LIMIT: Final = 10_000
# The mean vote that maps to a score of 0.5, the suggested alert threshold: all views 3 % outside their ranges.
_HALF_VOTE: Final = 0.03
# Differences below this share of the value are rounding, not news.
_NOISE: Final = 1e-9


class Verdict(Struct, frozen=True, array_like=True, gc=False):
    """How strange the row is (0..1, alert from 0.5 on) and which values would not have been; `explanation` is empty
    when the score is 0.
    """

    score: float
    expected_low: float
    expected_high: float
    explanation: str


class RecordState(Struct, frozen=True, array_like=True):
    """What has been learnt. `usual` and `usual_rows` are per bin of the season; `centres`, `lows`, `highs` per view."""

    rows: int = 0
    means: tuple[float, ...] = ()
    residual_means: tuple[float, ...] = ()
    usual: tuple[float, ...] = (0.0,) * _BINS
    usual_rows: tuple[int, ...] = (0,) * _BINS
    centres: tuple[float, ...] = ()
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    peak: float = 0.0
    peak_row: int = 0


class RecordDetector:
    """Scores each row from the rows before it and itself; `season_ms` is after how long the series tends to repeat."""

    def __init__(self, season_ms: int = DAY_MS) -> None:
        if season_ms <= 0:
            raise ValueError(f"season_ms: {season_ms} is not positive")
        self._season_ms = season_ms

    def initial(self) -> RecordState:
        return RecordState()

    def step(self, state: RecordState, at_ms: int, value: float) -> tuple[RecordState, Verdict]:
        """Return the state after the row and the verdict on it. `value` must be finite."""
        rows = state.rows + 1
        slot = at_ms % self._season_ms * _BINS // self._season_ms
        seen = state.usual_rows[slot]
        usual = state.usual[slot] if seen else (state.means[0] if rows > 1 else value)
        residual = value - usual
        means = _averaged(state.means, value, rows)
        residual_means = _averaged(state.residual_means, residual, rows)
        views = (value, *means, residual, *residual_means)
        judged = _judged(state, views) if rows > 1 else _Judged(views, views, views, [])
        vote = sum(judged.votes) / len(views) * state.rows / (state.rows + _YOUNG_ROWS)
        quiet_rows = _QUIET_ROWS + _QUIET_SHARE * min(state.rows, _QUIET_AGE_LIMIT)
        bar = state.peak if rows - state.peak_row <= quiet_rows else 0.0
        shown = vote > bar
        usuals, counts = list(state.usual), list(state.usual_rows)
        usuals[slot] = usual + residual * max(1 / (seen + 1), _BIN_RATE)
        counts[slot] = seen + 1
        after = RecordState(
            rows,
            means,
            residual_means,
            tuple(usuals),
            tuple(counts),
            judged.centres,
            judged.lows,
            judged.highs,
            vote if shown else bar,
            rows if shown else state.peak_row,
        )
        low, high = _expected(state, usual) if rows > 1 else (value, value)
        if not shown:
            return after, Verdict(0.0, low, high, "")
        return after, Verdict(vote / (vote + _HALF_VOTE), low, high, _explained(state, views, judged.votes))


class _Judged(NamedTuple):
    """The ranges after a row, and each view's vote in 0..1."""

    centres: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    votes: list[float]


def _judged(state: RecordState, views: tuple[float, ...]) -> _Judged:
    rate = max(1 / (state.rows + 1), _MEAN_RATE)
    centres, lows, highs, votes = [], [], [], []
    for view, old_centre, low, high in zip(views, state.centres, state.lows, state.highs, strict=True):
        centre = old_centre + (view - old_centre) * rate
        relaxed_low = low + (centre - low) * _RELAX
        relaxed_high = high + (centre - high) * _RELAX
        if low <= view <= high:
            votes.append(0.0)
        else:
            excess = view - high if view > high else low - view
            is_news = excess > _NOISE * (abs(view) + abs(centre))
            votes.append(excess / (high - low + excess) if is_news else 0.0)
        centres.append(centre)
        lows.append(min(relaxed_low, view))
        highs.append(max(relaxed_high, view))
    return _Judged(tuple(centres), tuple(lows), tuple(highs), votes)


def _averaged(means: tuple[float, ...], value: float, rows: int) -> tuple[float, ...]:
    """Return exponential means, plain means while fewer rows than the window have been seen."""
    if rows == 1:
        return (value,) * len(_WINDOWS)
    if rows >= _WINDOWS[-1]:
        return tuple([m + (value - m) * rate for m, rate in zip(means, _RATES, strict=True)])
    return tuple([m + (value - m) / min(window, rows) for m, window in zip(means, _WINDOWS, strict=True)])


def _expected(state: RecordState, usual: float) -> tuple[float, float]:
    """Return where neither the value nor its residual would have set a record."""
    residual = len(_WINDOWS) + 1
    low = max(state.lows[0], usual + state.lows[residual])
    high = min(state.highs[0], usual + state.highs[residual])
    return (low, high) if low <= high else (state.lows[0], state.highs[0])


def _explained(state: RecordState, views: tuple[float, ...], votes: list[float]) -> str:
    strongest = max(range(len(votes)), key=votes.__getitem__)
    view, low, high = views[strongest], state.lows[strongest], state.highs[strongest]
    side, edge = ("above", high) if view > high else ("below", low)
    by = f"by {abs(view - edge) / (high - low):.0%} of that range" if high > low else "which had never changed"
    others = sum(vote > 0 for vote in votes) - 1
    also = f"; {others} of {len(votes) - 1} other views are at a record too" if others else ""
    return f"{_VIEWS[strongest]} ({view:.4g}) is {side} its recent range {low:.4g} to {high:.4g}, {by}{also}"
