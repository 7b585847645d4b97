"""Fakes of this folder: a dead-letter sink that is a list, a store that fails on demand, a clock that is set."""

import asyncio
from collections.abc import Sequence

from sinks.metrics.embedded import EmbeddedMetricStore
from streams.model.dead_letters import DeadLetter
from streams.model.rollups import Rollup, Sketch


class ListDeadLetters:
    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters


class FlakyStore(EmbeddedMetricStore):
    """Raises what is in `faults`, first come first, before it works again."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__(":memory:")
        self.faults = list(faults)
        self.failed = asyncio.Event()
        self.written = asyncio.Event()
        self.sketched = asyncio.Event()
        self.batches: list[int] = []

    async def write(self, rollups: Sequence[Rollup]) -> None:
        if self.faults:
            self.failed.set()
            raise self.faults.pop(0)
        await super().write(rollups)
        self.batches.append(len(rollups))
        self.written.set()

    async def write_sketches(self, sketches: Sequence[Sketch]) -> None:
        await super().write_sketches(sketches)
        if sketches:
            self.sketched.set()


class SetClock:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms
