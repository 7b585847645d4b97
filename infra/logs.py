"""Logging of a process: one line an event, to standard error; what repeats itself comes now and then, with a count."""

import logging
import re
import threading
import time
from collections.abc import Callable

_QUIET = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "faust": logging.WARNING,
    "streams.agents.app": logging.WARNING,
    "streams.agents.kafka_broker": logging.WARNING,
    "streams.agents.transport": logging.WARNING,
    "aiokafka": logging.WARNING,
    "mode": logging.WARNING,
    "aiosmtplib": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "websockets": logging.WARNING,
}
_REPEATING = (
    "aiokafka",
    "faust",
    "mode",
    "streams.log.kafka",
    "streams.log.patience",
    "streams.agents.kafka_broker",
    "streams.agents.ticker",
    "infra.late_kafka",
    "ingest.batcher",
    "ingest.intake",
    "ingest.links",
    "sinks.sender",
    "uvicorn.error",
)
"""Who complains again and again: of an outage, each of many connections by itself, or of what strangers send."""
REPEATED_AFTER_S = 30.0
_MAX_KNOWN = 200
_KEY_CHARS = 120
# Names of clients and threads, counts and times: what differs between two complaints about the same thing.
_DIFFERING = re.compile(r"\[(?:thrd|[^\]]*#)[^\]]*\]|\(after [^)]*\)|\d+")


class RepeatFilter(logging.Filter):
    """Lets a complaint of the loggers that repeat themselves through once in `REPEATED_AFTER_S`, with a count."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to print the record; one that stands for others gets their number."""
        if not any(record.name == name or record.name.startswith(f"{name}.") for name in _REPEATING):
            return True
        said = record.getMessage()
        fault = repr(record.exc_info[1]) if record.exc_info else ""
        key = (record.name, _DIFFERING.sub("#", f"{said} {fault}")[:_KEY_CHARS])
        now_s = self._now_s()
        with self._lock:
            since_s, count = self._known.get(key, (now_s - REPEATED_AFTER_S, 0))
            is_due = now_s - since_s >= REPEATED_AFTER_S
            if len(self._known) >= _MAX_KNOWN and key not in self._known:
                self._known.clear()
            self._known[key] = (now_s, 0) if is_due else (since_s, count + 1)
        if is_due and count:
            record.msg, record.args = f"{said} ({count} more like this in {now_s - since_s:.0f} s)", ()
        return is_due


def configure_logging(level: str) -> None:
    """Send log records of `level` and above to standard error; libraries only when something is wrong."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepeatFilter())
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, logging.getLogger().level))
