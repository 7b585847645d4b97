"""Pruning: what was finished long ago leaves the ledger and the outbox. It never touches the suppression list."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from streams.ports import Clock

BATCH = 200
_EVERY_S = 3_600.0
_DAY_MS = 86_400_000


class Prunable(Protocol):
    """A store that lets go of what is old."""

    async def prune(self, before_ms: int, limit: int) -> int:
        """Delete up to `limit` things of before `before_ms`; return how many."""
        ...


class Pruner:
    """Prunes what is older than `keep_days`, a little at a time, so that nobody who uses the store waits for long."""

    def __init__(self, stores: Sequence[Prunable], keep_days: int, clock: Clock) -> None:
        self._stores = tuple(stores)
        self._keep_ms = keep_days * _DAY_MS
        self._clock = clock

    async def run(self) -> None:
        """Prune now and once an hour, until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(_EVERY_S)

    async def step(self) -> None:
        """Prune all that is old enough now."""
        before_ms = self._clock.now_ms() - self._keep_ms
        for store in self._stores:
            while await store.prune(before_ms, BATCH) == BATCH:
                pass
