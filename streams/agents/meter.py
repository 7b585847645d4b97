"""The meter: a line of counts and CPU time at each flush, for whoever measures the process from outside."""

import json
import time
from pathlib import Path


class Meter:
    """Appends `{"events", "at_s", "cpu_s"}` to a file: events durable since the start, monotonic and CPU seconds."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def mark(self, events: int) -> None:
        """Write a line."""
        line = {"events": events, "at_s": time.perf_counter(), "cpu_s": time.process_time()}
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
