"""The wheel by itself: installed where nothing of the checkout is, it starts and serves without Node.js."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.build.checkout import DASHBOARD_DIST, PIXEL_DIST, ROOT
from infra.build.wheel import build_wheel
from tests.architecture.tree import PACKAGES, project_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOT_SHIPPED = ("tests/", "infra/build/", "dashboards/web/", "ingest/pixel/web/")
STOPS_WITHIN_S = 30

Running = tuple["subprocess.Popen[str]", str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the locked dependencies and the wheel."""
    environment = tmp_path_factory.mktemp("empty") / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    pip = [uv, "pip", "install", "--python", python] if uv.exists() else [python, "-m", "pip", "install"]
    env = {**os.environ, "UV_SYSTEM_CERTS": "true"}
    lock = ROOT / "requirements.lock"
    subprocess.run([*pip, "--quiet", "--require-hashes", "-r", lock], env=env, check=True)
    subprocess.run([*pip, "--quiet", "--no-deps", wheel], env=env, check=True)
    return environment / "bin"


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture
def bare_env(installed: Path, tmp_path: Path) -> dict[str, str]:
    """An environment of variables in which only the installed commands are found."""
    return {"PATH": str(installed), "HOME": str(tmp_path), "LANG": "C.UTF-8"}


@pytest.fixture
def running(installed: Path, bare_env: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """The platform, once it has said that it is ready, and its address."""
    argv = [installed / "campaigniq", "up", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(argv, cwd=tmp_path, env=bare_env, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = next((line for line in process.stdout if line.startswith("ready http://127.0.0.1:")), "")
            assert ready, "it stopped before it was ready"
            yield process, ready.split()[1]
        finally:
            process.kill()


def test_the_wheel_carries_every_file_of_the_packages(wheel: Path) -> None:
    wanted = {str(path.relative_to(ROOT)) for path in project_files() if path.relative_to(ROOT).parts[0] in PACKAGES}
    for built in (DASHBOARD_DIST, PIXEL_DIST):
        wanted |= {str(path.relative_to(ROOT)) for path in built.rglob("*") if path.is_file()}
    assert {name for name in wanted if not name.startswith(NOT_SHIPPED)} - names_in(wheel) == set()


def test_the_wheel_leaves_out_what_only_a_checkout_needs(wheel: Path) -> None:
    assert {name for name in names_in(wheel) if name.startswith(NOT_SHIPPED)} == set()


def test_help_explains_the_commands(installed: Path, bare_env: dict[str, str], tmp_path: Path) -> None:
    argv = [installed / "campaigniq", "--help"]
    done = subprocess.run(argv, cwd=tmp_path, env=bare_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "up" in done.stdout


def test_it_starts_without_node_and_serves(running: Running, bare_env: dict[str, str]) -> None:
    _, url = running
    assert shutil.which("node", path=bare_env["PATH"]) is None
    assert httpx.get(f"{url}/readyz", trust_env=False, timeout=60).status_code == httpx.codes.OK
    assert "javascript" in httpx.get(f"{url}/pixel.js", trust_env=False, timeout=60).headers["content-type"]


def test_it_stops_when_told_to(running: Running) -> None:
    process, _ = running
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPS_WITHIN_S) == 0
