"""Ends of a process: as the last thing it does, and, when it was asked to end, whatever some thread of it waits for."""

import logging
import os
import sys
import threading
from typing import NoReturn

logger = logging.getLogger(__name__)

END_S = 20.0
"""Longer than the orderly end of a worker takes."""
UP_END_S = 8.5
"""`up` promises to be gone within 10 s, also on a machine that is slow to wake it."""
STATUS = 3


def exit_within(seconds: float = END_S) -> None:
    """Let the process live for so long at most. Nothing durable is lost: it is as if it had been killed then."""
    threading.Thread(target=_exit_after, args=(seconds,), name="last resort", daemon=True).start()


def leave(status: int) -> NoReturn:
    """End at once; call it when all is closed. An interpreter that takes itself apart finds C++ objects which others
    still hold, and prints hundreds of lines about them after the reason for the end.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _exit_after(seconds: float) -> None:
    threading.Event().wait(seconds)
    logger.error("the process did not end within %.0f s and is cut off", seconds)
    os._exit(STATUS)
