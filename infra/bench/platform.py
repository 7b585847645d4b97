"""The platform as a process of its own: started with a folder and settings, watched from outside, stopped."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from msgspec import Struct

from infra.data_dir import Bootstrap, read_bootstrap
from infra.settings_tree import PREFIX
from streams.model.errors import CampaignIqError

_READY_S = 60.0
_STOP_S = 15.0
_LOG_TAIL_CHARS = 2_000


class PlatformError(CampaignIqError):
    """The measured platform did not start, or ended by itself."""


class Usage(Struct, frozen=True):
    """What a process has used so far, and the memory that it holds."""

    cpu_s: float
    rss_mib: float
    max_rss_mib: float


class Platform:
    """`settings` are names without the prefix, as CAMPAIGNIQ_SECTION__KEY has them; others of the caller's are dropped,
    so that a measurement never touches a real installation's services.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], *, demo: bool = False) -> None:
        self._folder = folder
        self._demo = demo
        self._log_file = folder.with_name(f"{folder.name}.log")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        self._env = kept | {PREFIX + name: str(value) for name, value in settings.items()}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        with self._log_file.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "infra", "up", "--port", "0", "--data", str(self._folder)),
                *("--log-level", "warning", *(["--demo"] if self._demo else [])),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._env,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_READY_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line.startswith(b"ready "):
            await self._stop()
            raise PlatformError(f"the platform did not get ready. Its log ends with:\n{self._log_tail()}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def bootstrap(self) -> Bootstrap:
        """Address and keys of the running platform."""
        return read_bootstrap(self._folder)

    def check(self) -> None:
        """Raise PlatformError when the process has ended."""
        if self._process is None or self._process.returncode is not None:
            raise PlatformError(f"the platform ended by itself. Its log ends with:\n{self._log_tail()}")

    def usage(self) -> Usage | None:
        """Return CPU time and the largest memory so far; None where there is no /proc."""
        return usage_of(self._process.pid) if self._process else None

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _log_tail(self) -> str:
        return self._log_file.read_text(errors="replace")[-_LOG_TAIL_CHARS:]


def usage_of(pid: int) -> Usage | None:
    """Return what the process has used, all its threads together; None where there is no /proc."""
    folder = Path("/proc") / str(pid)
    try:
        # Behind the name, which may hold anything: utime and stime are the 12th and 13th fields (proc(5)).
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    except OSError:
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    rss_mib, max_rss_mib = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Usage(cpu_s, rss_mib, max_rss_mib)
