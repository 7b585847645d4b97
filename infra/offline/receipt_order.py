"""The lines of a file in order of receipt. Holds 16 bytes a line in memory, never the lines."""

import mmap
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from infra.offline.event_lines import receipt_of
from streams.model.errors import ConfigurationError

STDIN = Path("-")


def open_input(path: Path) -> IO[bytes]:
    """Open a file so that it can be read twice: a pipe, as "-" may be one, is copied. Raises ConfigurationError."""
    try:
        file = sys.stdin.buffer if path == STDIN else path.open("rb")
        if file.seekable():
            return file
        with file:
            copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
            shutil.copyfileobj(file, copy)
    except OSError as error:
        raise ConfigurationError("--input", f"{path} can't be read: {error.strerror}", "Give a file of lines") from None
    copy.seek(0)
    return copy


def lines_in_order(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line) by time of receipt, equal times as they stand.

    A line that does not say when it was received keeps its place after the line before it.
    """
    starts, received = [0], list[int]()
    latest = 0
    is_ordered = True
    file.seek(0)
    for line in file:
        starts.append(starts[-1] + len(line))
        at_ms = receipt_of(line)
        if at_ms is None or not 0 <= at_ms < 1 << 62:
            at_ms = received[-1] if received else 0
        is_ordered = is_ordered and at_ms >= latest
        latest = max(latest, at_ms)
        received.append(at_ms)
    file.seek(0)
    if is_ordered:
        yield from enumerate(file, 1)
        return
    order = np.argsort(np.array(received, np.int64), kind="stable")
    offsets = np.array(starts, np.int64)
    del starts, received
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for place in order.tolist():
            yield place + 1, data[offsets[place] : offsets[place + 1]]
