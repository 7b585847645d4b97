"""A folder that one process has at a time."""

import fcntl
import os
from pathlib import Path
from typing import IO

from streams.model.errors import ConfigurationError


def lock_folder(folder: Path, setting: str, other: str, remedy: str) -> IO[str]:
    """Make the folder, and keep it from others until the file that is returned is closed.

    Raises ConfigurationError, which names `setting`: it can't be used, or the `other` has it and `remedy` helps.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.fdopen(os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600), "w")
    except OSError as error:
        problem = f"{folder} can't be used: {error.strerror}"
        raise ConfigurationError(setting, problem, "Give a folder that can be written") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigurationError(setting, f"{folder} is in use by {other}", remedy) from error
    return lock
