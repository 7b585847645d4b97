"""How much of what waits for the log may be one source's: as much as is still free. So there is always room for others,
however many flood the door, and one that is alone may use half of it.
"""


class FairShares:
    """Bytes that wait, by source. Sources of which nothing waits take no memory."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.total_bytes = 0
        self._by_source: dict[str, int] = {}

    def has_room(self, source: str, size_bytes: int) -> bool:
        """Say whether so much more of the source may wait. What is alone may, if it fits at all."""
        if not self.total_bytes:
            return size_bytes <= self.limit_bytes
        free_bytes = self.limit_bytes - self.total_bytes
        return self._by_source.get(source, 0) + size_bytes <= free_bytes

    def add(self, source: str, size_bytes: int) -> None:
        self.total_bytes += size_bytes
        self._by_source[source] = self._by_source.get(source, 0) + size_bytes

    def remove(self, source: str, size_bytes: int) -> None:
        self.total_bytes -= size_bytes
        left = self._by_source.get(source, 0) - size_bytes
        if left > 0:
            self._by_source[source] = left
        else:
            self._by_source.pop(source, None)

    def __len__(self) -> int:
        return len(self._by_source)
