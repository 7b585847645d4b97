"""A real influxd for tests: builds it once into a cache outside the tree and runs it on loopback.

Not part of the running platform. `python -m infra.influxdb.server` builds it ahead of a test run.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from streams.model.errors import CampaignIqError

VERSION = "1.8.10"
_PACKAGE = f"github.com/influxdata/influxdb/cmd/influxd@v{VERSION}"
_DATABASE = "campaigniq"
_BUILD_TIMEOUT_S = 900
_START_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 10
_START_ATTEMPTS = 3

_CONFIG = """reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{home}/meta"
[data]
  dir = "{home}/data"
  wal-dir = "{home}/wal"
[http]
  bind-address = "127.0.0.1:{http_port}"
  flux-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
"""


class InfluxUnavailableError(CampaignIqError):
    """No influxd can be had or started on this machine; the text says how to get one."""


class InfluxServer(NamedTuple):
    """A running influxd, in the terms of influxdb-client: 1.8 takes "database/policy" for a bucket."""

    url: str
    token: str = "user:password"  # noqa: S105 - authentication is off; the client insists on some token
    org: str = "-"
    bucket: str = f"{_DATABASE}/autogen"


def default_cache_dir() -> Path:
    """Return where built tools are kept: $CAMPAIGNIQ_CACHE, else ~/.cache/campaigniq, and there `bin`."""
    root = os.environ.get("CAMPAIGNIQ_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "campaigniq") / "bin"


def find_influxd(cache_dir: Path | None = None) -> Path | None:
    """Return the influxd built earlier, if any."""
    binary = (cache_dir or default_cache_dir()) / f"influxd-{VERSION}"
    return binary if os.access(binary, os.X_OK) else None


def find_or_build_influxd(cache_dir: Path | None = None) -> Path:
    """Return influxd's path, building it (about 75 s) the first time. Raises InfluxUnavailableError."""
    cache_dir = cache_dir or default_cache_dir()
    if found := find_influxd(cache_dir):
        return found
    go = shutil.which("go")
    if go is None:
        raise InfluxUnavailableError("Go is not installed; install it (Debian: apt-get install golang) and try again")
    cache_dir.mkdir(parents=True, exist_ok=True)
    # Built beside its final place and renamed, so that an interrupted build never looks finished.
    with tempfile.TemporaryDirectory(dir=cache_dir) as workshop:
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                [go, "install", _PACKAGE],
                env={**os.environ, "GOBIN": workshop},
                cwd=workshop,
                capture_output=True,
                text=True,
                timeout=_BUILD_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InfluxUnavailableError(f"building influxd took more than {_BUILD_TIMEOUT_S} s") from error
        if done.returncode != 0:
            raise InfluxUnavailableError(f"building influxd failed: {done.stderr.strip()[-500:]}")
        binary = cache_dir / f"influxd-{VERSION}"
        (Path(workshop) / "influxd").replace(binary)
    return binary


@contextmanager
def running_influxd(binary: Path) -> Iterator[InfluxServer]:
    """Run influxd with a fresh data directory and an empty database; stops it and removes the data on leaving.

    Raises InfluxUnavailableError when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="campaigniq-influxd-") as home:
        process, server = _start(binary, Path(home))
        try:
            answer = httpx.post(
                f"{server.url}/query",
                params={"q": f"CREATE DATABASE {_DATABASE}"},
                timeout=10,
                trust_env=False,  # a proxy of the environment has no business on loopback
            )
            answer.raise_for_status()
            yield server
        finally:
            _stop(process)


def _start(binary: Path, home: Path) -> tuple["subprocess.Popen[bytes]", InfluxServer]:
    for _ in range(_START_ATTEMPTS):
        # Another process may take the ports between asking for them and using them: hence several attempts.
        http_port, rpc_port = _free_ports()
        config = home / "influxdb.conf"
        config.write_text(_CONFIG.format(home=home, http_port=http_port, rpc_port=rpc_port), encoding="utf-8")
        with (home / "influxd.log").open("wb") as log:
            process = subprocess.Popen([binary, "-config", config], stdout=log, stderr=log)  # noqa: S603 - our own build
        server = InfluxServer(f"http://127.0.0.1:{http_port}")
        if _is_up(process, server):
            return process, server
        _stop(process)
    tail = (home / "influxd.log").read_text(encoding="utf-8", errors="replace")[-500:]
    raise InfluxUnavailableError(f"influxd did not answer within {_START_TIMEOUT_S} s: {tail}")


def _is_up(process: "subprocess.Popen[bytes]", server: InfluxServer) -> bool:
    deadline = time.monotonic() + _START_TIMEOUT_S
    with httpx.Client(timeout=1, trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if client.get(f"{server.url}/ping").is_success:
                    return True
            except httpx.TransportError:
                time.sleep(0.05)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def main() -> int:
    """Build influxd unless it is there, saying so; exit status 1 when it can't be had."""
    out = sys.stdout
    out.write(f"influxd {VERSION}: looking in {default_cache_dir()}; a first build takes a minute or two\n")
    out.flush()
    try:
        binary = find_or_build_influxd()
    except InfluxUnavailableError as error:
        sys.stderr.write(f"influxd: {error}\n")
        return 1
    out.write(f"influxd {VERSION}: {binary}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
