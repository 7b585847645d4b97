"""Marks: what a worker writes about its progress while it is measured, one JSON object a line.

`{"events": applied and durable so far, "at_s": monotonic clock, "cpu_s": CPU time of the process}`. Rates are between
two shares of the events, so that the start and the last batch count for nothing.
"""

import json
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Mark(NamedTuple):
    """How far a worker was when."""

    events: float
    at_s: float
    cpu_s: float


class Pace(NamedTuple):
    """How fast the events between two marks went: by the wall clock, and by the CPU's."""

    events: float
    wall_s: float
    cpu_s: float

    @property
    def events_per_s(self) -> float:
        """Events a second."""
        return self.events / max(self.wall_s, 1e-9)

    @property
    def events_per_cpu_s(self) -> float:
        """Events a second of CPU time."""
        return self.events / max(self.cpu_s, 1e-9)


def read_marks(file: Path) -> list[Mark]:
    """Return the complete lines so far that are marks, in order."""
    if not file.is_file():
        return []
    lines = file.read_bytes().split(b"\n")[:-1]
    found = [json.loads(line) for line in lines]
    return [Mark(one["events"], one["at_s"], one["cpu_s"]) for one in found if "events" in one]


def together(workers: Sequence[Sequence[Mark]]) -> list[Mark]:
    """Return the marks of several workers as if they were one: sums of where each last was."""
    last = [Mark(0, 0, 0)] * len(workers)
    both = []
    for _, number, mark in sorted((mark.at_s, n, mark) for n, marks in enumerate(workers) for mark in marks):
        last[number] = mark
        both.append(Mark(sum(m.events for m in last), mark.at_s, sum(m.cpu_s for m in last)))
    return both


def pace_between(marks: Sequence[Mark], total: int, first: float = 0.2, last: float = 1.0) -> Pace | None:
    """Return the pace from the `first` to the `last` share of `total` events; None when it did not get there."""
    start, end = _at(marks, first * total), _at(marks, last * total)
    if start is None or end is None or end.at_s <= start.at_s:
        return None
    return Pace(end.events - start.events, end.at_s - start.at_s, end.cpu_s - start.cpu_s)


def _at(marks: Sequence[Mark], events: float) -> Mark | None:
    """Return the first mark there: nothing is guessed between marks, so no event counts before it is done."""
    place = bisect_left(marks, events, key=lambda mark: mark.events)
    return marks[place] if place < len(marks) else None
