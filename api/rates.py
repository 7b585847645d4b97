"""Events per second of log time, for the last two minutes of each workspace."""

from collections.abc import Iterable

_KEPT_MS = 120_000
_MEAN_OF_S = 3


class EventRates:
    """Counts by the second in which ingest took the events."""

    def __init__(self) -> None:
        self._seconds: dict[str, dict[int, int]] = {}
        self._newest = 0

    def add(self, workspaces: Iterable[str], clock_ms: int) -> None:
        """Count one event for each name in `workspaces`."""
        second = clock_ms - clock_ms % 1000
        self._newest = max(self._newest, second)
        for workspace in workspaces:
            seconds = self._seconds.setdefault(workspace, {})
            seconds[second] = seconds.get(second, 0) + 1
            if len(seconds) > 2 * _KEPT_MS // 1000:
                self._seconds[workspace] = {s: n for s, n in seconds.items() if s > self._newest - _KEPT_MS}

    def recent(self, workspace: str, now_ms: int) -> list[tuple[int, int]]:
        """Return (second, events) of the last two minutes without the present second; quiet seconds are zero."""
        seconds = self._seconds.get(workspace, {})
        last = now_ms - now_ms % 1000
        return [(s, seconds.get(s, 0)) for s in range(last - _KEPT_MS, last, 1000)]

    def per_second(self, workspace: str, now_ms: int) -> float:
        """Return the mean of the last few complete seconds."""
        newest = self.recent(workspace, now_ms)[-_MEAN_OF_S:]
        return round(sum(n for _, n in newest) / len(newest), 1)
