"""`campaigniq detect`: rows out as they came in, scores from the past alone, errors that name the line."""

import io
import math

import pytest

from infra.detect import SeriesError, detect


def run(text: str, period: int | None = None) -> list[str]:
    out = io.StringIO()
    detect(io.StringIO(text), out, period)
    return out.getvalue().splitlines()


def series(rows: int, start: int = 1_700_000_000, step_s: int = 300) -> str:
    lines = [f"{start + row * step_s},{100 + 50 * math.sin(row * 2 * math.pi / 288):.3f}" for row in range(rows)]
    return "\n".join(["timestamp,value", *lines, ""])


def test_every_row_is_echoed_verbatim_with_a_score():
    rows = run("timestamp,value\n2026-01-31T12:00:00Z,1.50\n2026-01-31 12:05:00,2e1\n1769861400,3\n")
    assert [row.rpartition(",")[0] for row in rows[1:]] == [
        "2026-01-31T12:00:00Z,1.50",
        "2026-01-31 12:05:00,2e1",
        "1769861400,3",
    ]


def test_the_first_row_scores_0_and_the_header_names_the_score():
    assert run("timestamp,value\r\n1,5\r\n") == ["timestamp,value,score", "1,5,0"]


def test_a_series_without_rows_gives_the_header():
    assert run("timestamp,value\n") == ["timestamp,value,score"]


def test_rows_are_written_as_they_are_read():
    out = io.StringIO()

    class Lines(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            seen.append(out.getvalue().count("\n"))
            return super().readline(size)

    seen: list[int] = []
    detect(Lines(series(10)), out, None)
    assert seen[:6] == [0, 0, 2, 3, 4, 5]


def test_later_rows_change_no_score():
    assert run(series(700))[:501] == run(series(500))


def test_a_spike_scores_high():
    lines = series(1_000).splitlines()
    lines[900] = lines[900].split(",")[0] + ",900"
    assert float(run("\n".join(lines))[900].rpartition(",")[2]) > 0.5


def test_a_period_in_rows_stands_for_the_day_derived_from_the_timestamps():
    by_day, by_rows = run(series(900, start=1_699_920_000)), run(series(900, start=1_699_920_000), period=288)
    assert by_day == by_rows


def test_daily_rows_take_the_week_as_their_season():
    lines = [f"{1_700_006_400 + day * 86_400},{10 if day % 7 in (0, 6) else 100}" for day in range(700)]
    rows = run("\n".join(["timestamp,value", *lines]))
    assert max(float(row.rpartition(",")[2]) for row in rows[300:]) < 0.1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("2026-01-31,abc", "value 'abc' is not a finite number"),
        ("2026-01-31,", "value '' is not a finite number"),
        ("2026-01-31,nan", "value 'nan' is not a finite number"),
        ("yesterday,5", "timestamp 'yesterday' is not a time"),
        ("nan,5", "timestamp 'nan' is not a time"),
        ("1e400,5", "timestamp '1e400' is not a time"),
        ("2026-01-31", "has not 2 columns"),
        ("2026-01-31,5,6", "has not 2 columns"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_problem(row: str, problem: str):
    with pytest.raises(SeriesError, match=f"line 3: .*{problem}"):
        run(f"timestamp,value\n2026-01-30,1\n{row}\n")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "1,2\n"])
def test_a_missing_header_is_refused(text: str):
    with pytest.raises(SeriesError, match=r"line 1: .*timestamp,value"):
        run(text)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "\x00" * 99, "timestamp,value\n\x00\n"])
def test_a_series_refused_before_its_first_row_leaves_nothing_behind(text: str):
    out = io.StringIO()
    with pytest.raises(SeriesError):
        detect(io.StringIO(text), out, None)
    assert out.getvalue() == ""


@pytest.mark.parametrize(("before", "number"), [("", 1), ("timestamp,value\n1,5\n", 3)])
def test_a_line_without_end_is_refused_before_it_is_read(before: str, number: int):
    endless = io.StringIO(before + "0" * 1_000_000)
    with pytest.raises(SeriesError, match=f"line {number}: has more than 65536 characters"):
        detect(endless, io.StringIO(), None)
    assert endless.tell() < 70_000


def test_a_period_below_1_is_refused():
    with pytest.raises(SeriesError, match="--period: 0"):
        run(series(3), period=0)
