"""Pruning: finished business of long ago goes, a little at a time."""

import asyncio

import pytest

from sinks.pruning import BATCH, Pruner
from tests.unit.sinks.fakes_sinks import NOW, FakeClock

DAY_MS = 86_400_000


class Shelf:
    """Holds so many old rows; notes how it was asked."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.asked: list[tuple[int, int]] = []
        self.emptied = asyncio.Event()

    async def prune(self, before_ms: int, limit: int) -> int:
        self.asked.append((before_ms, limit))
        gone = min(limit, self.rows)
        self.rows -= gone
        if not self.rows:
            self.emptied.set()
        return gone


async def test_all_that_is_old_enough_goes_in_small_batches() -> None:
    ledger, outbox = Shelf(2 * BATCH + 1), Shelf(0)
    await Pruner((ledger, outbox), 180, FakeClock()).step()
    assert (ledger.rows, len(ledger.asked), len(outbox.asked)) == (0, 3, 1)
    assert set(ledger.asked + outbox.asked) == {(NOW - 180 * DAY_MS, BATCH)}


async def test_it_prunes_as_soon_as_it_runs_and_a_fault_surfaces() -> None:
    shelf = Shelf(1)
    task = asyncio.create_task(Pruner((shelf,), 31, FakeClock()).run())
    await asyncio.wait_for(shelf.emptied.wait(), 5)
    task.cancel()

    class Broken(Shelf):
        async def prune(self, before_ms: int, limit: int) -> int:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        await Pruner((Broken(0),), 31, FakeClock()).run()
