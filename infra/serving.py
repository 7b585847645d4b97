"""A process that serves until it is told to stop: its signals, its exit code, and what it says of a fault."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import uvloop

from infra.last_resort import leave
from streams.model.errors import ConfigurationError


class Process(Protocol):
    """What runs until it is stopped."""

    def stop(self) -> None: ...
    async def run(self, on_ready: Callable[[Any], None]) -> None: ...


def serve(
    make: Callable[[], Process],
    on_ready: Callable[[Any], None],
    stopped: str,
    release: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Run until a signal, and leave with what became of it: 0, 2 for settings that can't be used, 1 for a fault."""

    async def run() -> None:
        process = make()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, process.stop)
        await process.run(on_ready)

    status = 0
    try:
        uvloop.run(run())
    except ConfigurationError as error:
        sys.stderr.write(f"campaigniq: {error}\n")
        status = 2
    except Exception as error:  # noqa: BLE001  whatever broke, it is in the log; here it becomes words and an exit code
        sys.stderr.write(f"{stopped}: {_in_words(error)}\n")
        status = 1
    finally:
        release()
    leave(status)


def _in_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return "the disk that holds the data folder is full. Make room and start again; nothing accepted is lost"
    return f"{error or type(error).__name__}. Start it again; nothing accepted is lost"
