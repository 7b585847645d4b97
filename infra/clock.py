"""The only reader of wall time."""

import time


class SystemClock:
    """Unix milliseconds of this machine."""

    def now_ms(self) -> int:
        """Return the time now."""
        return time.time_ns() // 1_000_000
