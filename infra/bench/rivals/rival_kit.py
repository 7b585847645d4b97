"""What the rivals' programs share: their task, read from the environment, and a meter. Standard library alone, since
they run in environments that have nothing of this project.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

MARKS = 10


class Task(NamedTuple):
    """One run. Times are seconds, as R1's events have them; `tiers` are the points from which a lead is warm, hot."""

    run: str
    broker: str
    topic: str
    partitions: int
    events: int
    state: str
    meter: str
    points: dict[str, float]
    half_life_s: float
    cart_s: float
    bucket_s: int
    tiers: tuple[float, float]

    @property
    def triggers(self) -> str:
        """The topic for triggers."""
        return f"triggers-{self.run}"

    @property
    def metrics(self) -> str:
        """The topic for rollups."""
        return f"metrics-{self.run}"

    def tier_of(self, score: float) -> int:
        """Return 0 (cold), 1 (warm) or 2 (hot)."""
        warm, hot = self.tiers
        return 2 if score >= hot else 1 if score >= warm else 0

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which `task_from` makes the task again."""
        return {"RIVAL_TASK": json.dumps(self._asdict())}


def task_from(environment: Mapping[str, str]) -> Task:
    """Return the task that `Task.to_environment` described."""
    fields = json.loads(environment["RIVAL_TASK"])
    return Task(**(fields | {"tiers": tuple(fields["tiers"])}))


class Meter:
    """Writes a line with time and CPU time at each tenth of the events; a tick costs some 60 ns."""

    def __init__(self, task: Task) -> None:
        self._file = Path(task.meter)
        self._step = max(1, task.events // MARKS)
        self._count = 0
        self._next = 0

    def tick(self, events: int = 1) -> None:
        """Count events that are done."""
        self._count += events
        if self._count >= self._next:
            self._mark()

    def _mark(self) -> None:
        mark = {"events": self._count, "at_s": time.perf_counter(), "cpu_s": time.process_time()}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(mark) + "\n")
        self._next = (self._count // self._step + 1) * self._step
