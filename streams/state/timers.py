"""Timers of one partition's profiles: who is due next, in log time."""

import heapq

_MAX_STALE = 64


class Timers:
    """At most one live entry a profile. An entry may be early, never late: who pops it asks the profile when it really
    is due and schedules that. So re-arming a window, which happens at each touch, costs one look-up. Entries that are
    no longer live are passed over; when most are such, they go.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self.next_ms = 0
        """Time of the earliest entry, 0 without any."""

    def schedule(self, key: str, due_ms: int) -> None:
        """Make sure that `key` is popped at `due_ms` at the latest."""
        known = self._scheduled.get(key)
        if known is None or due_ms < known:
            self._scheduled[key] = due_ms
            heapq.heappush(self._heap, (due_ms, key))
            if len(self._heap) > 2 * len(self._scheduled) + _MAX_STALE:
                self.restore(self._scheduled)
            self.next_ms = self._heap[0][0]

    def forget(self, key: str) -> None:
        """Let `key` have no timer; its entry is passed over."""
        self._scheduled.pop(key, None)

    def restore(self, due: dict[str, int]) -> None:
        """Take over all timers at once."""
        self._scheduled = due
        self._heap = [(due_ms, key) for key, due_ms in due.items()]
        heapq.heapify(self._heap)
        self.next_ms = self._heap[0][0] if self._heap else 0

    def pop_due(self, to_ms: int) -> str | None:
        """Remove the earliest entry if it is due by `to_ms`, and return its key."""
        heap = self._heap
        while heap and heap[0][0] <= to_ms:
            due_ms, key = heapq.heappop(heap)
            if self._scheduled.get(key) == due_ms:
                del self._scheduled[key]
                self.next_ms = heap[0][0] if heap else 0
                return key
        self.next_ms = heap[0][0] if heap else 0
        return None

    def __len__(self) -> int:
        return len(self._scheduled)
