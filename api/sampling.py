"""Keeps a flood of live messages readable: so many a second, the telling ones first."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

SLICE_MS = 250


class Sampler:
    """Lets through at most `per_second` items, a quarter of them in each quarter of a second."""

    def __init__(self, per_second: int) -> None:
        self._per_slice = max(1, per_second * SLICE_MS // 1000)
        self._slice = -1
        self._left = 0

    def pick(self, items: Sequence[T], now_ms: int, telling: Callable[[T], bool]) -> list[T]:
        """Return what may be shown, in order; when there is too much, newest telling items before newest others."""
        if now_ms // SLICE_MS != self._slice:
            self._slice, self._left = now_ms // SLICE_MS, self._per_slice
        if len(items) <= self._left:
            self._left -= len(items)
            return list(items)
        newest_first = range(len(items) - 1, -1, -1)
        ranked = sorted(newest_first, key=lambda i: not telling(items[i]))
        chosen = sorted(ranked[: self._left])
        self._left = 0
        return [items[i] for i in chosen]
