"""`campaigniq detect`: scores a series on standard input row by row. Must not look ahead or keep rows."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, count
from typing import Final, NamedTuple, TextIO

from streams.model.errors import CampaignIqError
from streams.operators.anomaly import DAY_MS, RecordDetector

_WEEK_MS: Final = 7 * DAY_MS
# Rows at least this far apart do not show the course of a day; the week is their season.
_COARSE_MS: Final = DAY_MS // 2
# Epoch numbers below this are seconds (until the year 5138), others milliseconds.
_FIRST_EPOCH_MS: Final = 100_000_000_000
_MAX_LINE_CHARS: Final = 65_536


class SeriesError(CampaignIqError, ValueError):
    """The series or its period can't be used; the text says where, what and how to remedy it."""

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}. {remedy}")


def detect(stdin: TextIO, stdout: TextIO, period: int | None) -> None:
    """Copy `timestamp,value` rows to `stdout` with a score in 0..1 each. Raises SeriesError.

    `period` is the number of rows per season; without it the season is the day (the week for rows half a day apart
    or more).
    """
    if period is not None and period < 1:
        raise SeriesError("--period", f"{period} is not a number of rows", "Give e.g. 288 for 5-minute rows")
    rows = _rows(stdin)
    first = next(rows, None)
    # Only now: a series that is refused at once leaves nothing on standard output.
    stdout.write("timestamp,value,score\n")
    if first is None:
        return
    # The first row's score is 0 whatever the season, so the season may wait for the second.
    stdout.write(f"{first.text},0\n")
    second = next(rows, None)
    if second is None:
        return
    season_ms = period or (_WEEK_MS if abs(second.at_ms - first.at_ms) >= _COARSE_MS else DAY_MS)
    detector = RecordDetector(season_ms)
    state, _ = detector.step(detector.initial(), 0 if period else first.at_ms, first.value)
    for number, row in enumerate(chain((second,), rows), start=1):
        state, verdict = detector.step(state, number if period else row.at_ms, row.value)
        stdout.write(f"{row.text},{verdict.score:.6g}\n")


class _Row(NamedTuple):
    text: str
    at_ms: int
    value: float


def _rows(stdin: TextIO) -> Iterator[_Row]:
    lines = _lines(stdin)
    header = next(lines, "").strip().removeprefix("\ufeff")
    if [name.strip(' "').lower() for name in header.split(",")] != ["timestamp", "value"]:
        raise SeriesError("line 1", f"the header is {header[:80]!r}", "Start the series with: timestamp,value")
    for number, line in enumerate(lines, start=2):
        text = line.strip()
        if text:
            yield _parse_row(text, number)


def _lines(stdin: TextIO) -> Iterator[str]:
    for number in count(1):
        line = stdin.readline(_MAX_LINE_CHARS + 1)
        if len(line) > _MAX_LINE_CHARS:
            problem = f"has more than {_MAX_LINE_CHARS} characters"
            raise SeriesError(f"line {number}", problem, "End each row with a newline")
        if not line:
            return
        yield line


def _parse_row(text: str, number: int) -> _Row:
    stamp, comma, amount = text.partition(",")
    if not comma or "," in amount:
        raise SeriesError(f"line {number}", f"{text[:80]!r} has not 2 columns", "Write rows as timestamp,value")
    try:
        value = float(amount.strip(' "'))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SeriesError(f"line {number}", f"value {amount[:40]!r} is not a finite number", "Write e.g. 12.5")
    return _Row(text, _parse_time(stamp.strip(' "'), number), value)


def _parse_time(stamp: str, number: int) -> int:
    """Return Unix milliseconds; a time without an offset is taken as UTC."""
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        try:
            epoch = float(stamp)
            return int(epoch if abs(epoch) >= _FIRST_EPOCH_MS else epoch * 1000)
        except (ValueError, OverflowError):
            remedy = "Write ISO 8601, e.g. 2026-01-31T12:00:00Z, or Unix seconds or milliseconds"
            raise SeriesError(f"line {number}", f"timestamp {stamp[:40]!r} is not a time", remedy) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return int(at.timestamp() * 1000)
