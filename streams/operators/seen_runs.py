"""Sorted runs of message ids and their merging in small steps; runs may lie in files that somebody else keeps."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Protocol

import numpy as np

from streams.operators.seen_filter import IdArray

STEP_IDS = 131_072
SPAN = 1 << 64


class RunPlace(Protocol):
    """Where a finished run lies when not in memory."""

    def release(self) -> None:
        """Let go of the memory that look-ups have brought in; the run stays usable."""
        ...

    def delete(self) -> None:
        """Remove the run for good; arrays got from it may be used until they are dropped."""
        ...


class Run:
    """The ids that arrived as the `first`-th of their day and on, ascending."""

    __slots__ = ("_reach", "_view", "first", "ids", "place", "total")

    def __init__(self, first: int, ids: IdArray, total: int, place: RunPlace | None = None) -> None:
        self.first = first
        self.ids = ids
        self.total = total
        self.place = place
        self._view = ids.data
        # Hashes stray from their expected place by at most sqrt(n) / 2 ids (one sigma).
        self._reach = 4 * isqrt(len(ids)) + 1

    def __len__(self) -> int:
        return len(self._view)

    @property
    def stop(self) -> int:
        """The number of the first id of the day after this run."""
        return self.first + len(self)

    def has(self, digest: int) -> bool:
        """Look one id up, near the place where a hash is expected first."""
        count = len(self._view)
        expected = digest * count >> 64
        low, high = max(0, expected - self._reach), min(count, expected + self._reach)
        at = bisect_left(self._view, digest, low, high)
        if at in {low, high}:
            at = bisect_left(self._view, digest)
        return at < count and self._view[at] == digest

    def having(self, digests: IdArray) -> IdArray:
        """Return those of many ids that the run holds."""
        at = np.minimum(self.ids.searchsorted(digests), len(self) - 1)
        held: IdArray = digests[self.ids[at] == digests]
        return held


class RunSink(Protocol):
    """Takes a run that is being written, in ascending parts."""

    def write(self, part: IdArray) -> None:
        """Take the next part."""
        ...

    def finish(self, total: int) -> Run:
        """Return the run, whole and readable; `total` is the sum of its ids modulo 2^64."""
        ...

    def drop(self) -> None:
        """Leave nothing behind."""
        ...


class RunFiles(Protocol):
    """The folder of one partition's runs."""

    def create(self, day: int, first: int, count: int) -> RunSink:
        """Start to write a run."""
        ...

    def open_runs(self) -> dict[int, list[Run]]:
        """Return for each day the sound runs that follow each other from its first id on; delete all others."""
        ...


class MemorySink:
    """A run in memory."""

    def __init__(self, first: int, count: int) -> None:
        self._first = first
        self._ids: IdArray = np.empty(count, np.uint64)
        self._written = 0

    def write(self, part: IdArray) -> None:
        """Take the next part."""
        self._ids[self._written : self._written + len(part)] = part
        self._written += len(part)

    def finish(self, total: int) -> Run:
        """Return the run."""
        return Run(self._first, self._ids, total)

    def drop(self) -> None:
        """Nothing lies anywhere."""


def total_of(ids: IdArray) -> int:
    """Return the sum of ids modulo 2^64: the same in whichever order and runs they are."""
    return int(np.add.reduce(ids, dtype=np.uint64))


class Merge:
    """Runs that follow each other, on their way to be one. They stay usable until it is finished."""

    def __init__(self, runs: Sequence[Run], sink: RunSink) -> None:
        self.runs = list(runs)
        self.count = sum(map(len, runs))
        self._sink = sink
        self._steps = self._merge()

    def step(self) -> int:
        """Merge some; return how many ids that were, 0 when all is merged."""
        return next(self._steps, 0)

    def finish(self) -> Run:
        """Merge what is left and return the result."""
        for _ in self._steps:
            pass
        return self._sink.finish(sum(run.total for run in self.runs) % SPAN)

    def drop(self) -> None:
        """Give the merge up."""
        self._sink.drop()

    def _merge(self) -> Iterator[int]:
        pieces = self.count // STEP_IDS + 1
        starts = [0] * len(self.runs)
        for piece in range(1, pieces + 1):
            if piece < pieces:
                border = np.uint64(SPAN * piece // pieces)
                stops = [int(run.ids.searchsorted(border)) for run in self.runs]
            else:
                stops = [len(run) for run in self.runs]
            parts = [run.ids[a:b] for run, a, b in zip(self.runs, starts, stops, strict=True)]
            merged = np.concatenate(parts)
            # NumPy's stable sort is a merge sort that finds the runs.
            merged.sort(kind="stable")
            self._sink.write(merged)
            starts = stops
            if len(merged):
                yield len(merged)


def _tier(run: Run, unit: int) -> int:
    return max(0, (len(run) // unit).bit_length() - 1) // 3


def runs_to_merge(runs: Sequence[Run], unit: int, enough: int) -> int:
    """Return from which run on all should be one, as a tier has `enough` runs; len(runs) when none has.

    Tier n has runs from `unit` * 8^n ids on, and the lowest those below too. So an id is rewritten about once a tier.
    """
    tiers = [_tier(run, unit) for run in runs]
    for tier in range(max(tiers, default=-1), -1, -1):
        start = len(tiers)
        while start and tiers[start - 1] <= tier:
            start -= 1
        if tiers[start:].count(tier) >= enough:
            return start
    return len(runs)


class Day:
    """The ids of one day: runs, then those that are in no run yet, in the order of arrival."""

    def __init__(self, number: int, is_loading: bool = False) -> None:
        self.number = number
        self.is_loading = is_loading
        self.runs: list[Run] = []
        self.merges: list[Merge] = []
        self.loose: list[IdArray] = []
        self.count = 0
        self.total = 0
        self.unwritten: list[IdArray] = []
        self.taken = 0
        self.durable = 0

    @property
    def sealed(self) -> int:
        """How many ids the runs hold."""
        return self.runs[-1].stop if self.runs else 0

    def hold(self, ids: IdArray) -> None:
        """Take ids that are in no run."""
        self.loose.append(ids)
        self.count += len(ids)

    def unmerged(self) -> list[Run]:
        """Return the runs after those that merges have taken."""
        start = self.runs.index(self.merges[-1].runs[-1]) + 1 if self.merges else 0
        return self.runs[start:]

    def finish(self, merge: Merge) -> None:
        """Put the result of one of `merges` in the place of its runs."""
        run = merge.finish()
        self.merges.remove(merge)
        start = self.runs.index(merge.runs[0])
        self.runs[start : start + len(merge.runs)] = [run]
        _delete(merge.runs)

    def delete(self) -> None:
        """Remove the runs for good, and what merges have made of them so far."""
        for merge in self.merges:
            merge.drop()
        _delete(self.runs)


def _delete(runs: Sequence[Run]) -> None:
    for run in runs:
        if run.place is not None:
            run.place.delete()
