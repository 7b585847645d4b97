"""The data folder of an embedded installation: one process at a time, private files, the bootstrap file for scripts."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

import orjson

from streams.folder_lock import lock_folder
from streams.model.errors import ConfigurationError

_DATABASES = ("config.db", "log.db", "ledger.db", "outbox.db", "view.db", "metrics.db", "dead_letters.db")
_OWN_FILES = (*(f"{name}{kind}" for name in _DATABASES for kind in ("", "-wal", "-shm")), "bootstrap.json", "lock")
_OTHERS = 0o077


class Bootstrap(NamedTuple):
    """What scripts need to use the first workspace. `api_token` stays from start to start, the link does not."""

    url: str
    write_key: str
    api_token: str
    sign_in_url: str


class DataDir:
    """Holds the folder's lock from construction to `release`. Raises ConfigurationError when it can't.

    From then on all files that this process makes are readable by their owner alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        os.umask(_OTHERS)
        self._lock = lock_folder(path, "--data", "another campaigniq", "Stop that one or give another folder")
        try:
            self._make_private()
        except OSError as error:
            self.release()
            raise ConfigurationError(
                "--data", f"{path} can't be used: {error.strerror}", "Give a folder that you may write to"
            ) from error

    @property
    def bootstrap_file(self) -> Path:
        """Where scripts look."""
        return self.path / "bootstrap.json"

    def file(self, name: str) -> Path:
        """Return the path of a file in the folder."""
        return self.path / name

    def sqlite_url(self, name: str) -> str:
        """Return the SQLAlchemy address of a database file in the folder."""
        return f"sqlite:///{self.path / name}"

    def write_bootstrap(self, bootstrap: Bootstrap) -> None:
        """Write the bootstrap file, readable by its owner alone, in one step."""
        fresh = self.path / "bootstrap.json.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(bootstrap._asdict(), option=orjson.OPT_INDENT_2) + b"\n")
        fresh.rename(self.bootstrap_file)

    def _make_private(self) -> None:
        """Take the platform's own files from others, also when the folder came with wider rights; nothing else."""
        for file in map(self.file, _OWN_FILES):
            if file.exists() and file.stat().st_mode & _OTHERS:
                file.chmod(stat.S_IMODE(file.stat().st_mode) & ~_OTHERS)

    def release(self) -> None:
        """Let another process have the folder."""
        self._lock.close()


def read_bootstrap(path: Path) -> Bootstrap:
    """Read the bootstrap file in the data folder `path`. Raises ConfigurationError."""
    try:
        return Bootstrap(**orjson.loads((path / "bootstrap.json").read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            "--data", f"{path} holds no bootstrap.json that can be read", "Start `campaigniq up` with this folder first"
        ) from error
