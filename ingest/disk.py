"""Watches how much room the disk has, off the hot path, so that the door can stop before everything else must."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)
CHECK_S = 1.0
_SMALL_DISK_SHARE = 0.1
_ENOUGH = 1.25
"""Room is called enough again only with so much more of it, or each freed file would open the door for a moment."""


def free_and_total(path: Path) -> tuple[int, int]:
    """Return the bytes that are free for this process on the disk of `path`, and all it has."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class DiskWatch:
    """Says whether the disk of `path` has less room than `min_free_bytes`, or than a tenth where it is small."""

    def __init__(
        self, path: Path, min_free_bytes: int, measure: Callable[[Path], tuple[int, int]] = free_and_total
    ) -> None:
        self._path = path
        self._min_free_bytes = min_free_bytes
        self._measure = measure
        self.is_low = False
        self.free_bytes = 0
        self.wanted_bytes = min_free_bytes
        self.look()

    def look(self) -> None:
        """Measure. Says so in the log when it has become too little, and when it is enough again."""
        free_bytes, total_bytes = self._measure(self._path)
        self.wanted_bytes = int(min(self._min_free_bytes, total_bytes * _SMALL_DISK_SHARE))
        self._judge(free_bytes)

    def _judge(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes
        was_low, self.is_low = self.is_low, self.free_bytes < self.wanted_bytes * (_ENOUGH if self.is_low else 1)
        if self.is_low and not was_low:
            _log.error(
                "the disk of %s has %d bytes left, less than %d (ingest.min_free_bytes): nothing is taken until there "
                "is room",
                self._path,
                self.free_bytes,
                self.wanted_bytes,
            )
        elif was_low and not self.is_low:
            _log.warning("the disk of %s has room again: %d bytes", self._path, self.free_bytes)

    def spend(self, size_bytes: int) -> None:
        """Count bytes that are being written: until the next look a fast door could fill the disk."""
        self._judge(self.free_bytes - size_bytes)

    async def room(self) -> None:
        """Return once there is enough room, at once when there is now; somebody has to `run` this."""
        await asyncio.to_thread(self.look)
        while self.is_low:  # noqa: ASYNC110  looking is how it is known
            await asyncio.sleep(CHECK_S)

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            # A disk behind a network may take its time.
            await asyncio.to_thread(self.look)
