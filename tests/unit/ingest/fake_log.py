"""An EventLog in memory that appends only, with a gate and a fault to plant, and what tests read out of it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from streams.frames import decode
from streams.log.topics import DEAD_LETTERS, EVENTS
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.ports import NewRecord


@dataclass
class FakeClock:
    ms: int = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


class FakeLog:
    """`gate` holds appends back while it is clear; `fault` is raised by the next appends of events."""

    def __init__(self, partitions: int = 4) -> None:
        self.records: dict[tuple[str, int], list[NewRecord]] = defaultdict(list)
        self.appends: list[list[NewRecord]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.fault: Exception | None = None
        self._grown = asyncio.Event()
        self._partitions = partitions

    def partitions(self, topic: str) -> int:
        return self._partitions

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        self.asked.set()
        await self.gate.wait()
        if self.fault and records[0].topic == EVENTS:
            raise self.fault
        self.appends.append(list(records))
        for record in records:
            self.records[record.topic, record.partition].append(record)
        self._grown.set()
        return [len(self.records[r.topic, r.partition]) - 1 for r in records]

    def events(self) -> list[Event]:
        frames = [r for (topic, _), rs in sorted(self.records.items()) if topic == EVENTS for r in rs]
        return [event for record in frames for event in decode(record.value).events]

    async def arrived(self, count: int) -> list[Event]:
        """Return the events once there are `count`."""
        async with asyncio.timeout(60):
            while len(self.events()) < count:
                self._grown.clear()
                await self._grown.wait()
        return self.events()

    def dead_letters(self) -> list[DeadLetter]:
        found = [r for (topic, _), rs in self.records.items() if topic == DEAD_LETTERS for r in rs]
        return [msgspec.msgpack.decode(record.value, type=DeadLetter) for record in found]
