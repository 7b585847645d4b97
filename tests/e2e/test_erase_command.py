"""`campaigniq erase` against a running platform, archives included."""

import json
import subprocess
import sys

import pytest

from tests.e2e.harness import Platform
from tests.e2e.test_erasure import EMAIL, TELLING, files_with, live_through

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(name="platform")
def running_platform(tmp_path):
    with Platform(tmp_path / "data", {"ENGINE__CART_WINDOW_S": 1, "LOG__TICK_INTERVAL_MS": 200}) as platform:
        yield platform


def campaigniq(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra", *map(str, words)], capture_output=True, text=True, timeout=180, check=False
    )


def test_the_command_erases_from_the_platform_and_from_archives(platform, tmp_path):
    live_through(platform)
    archives = tmp_path / "archives"
    archives.mkdir()
    archive = archives / "one.cqar"
    replayed = campaigniq("replay", "--data", platform.folder, "--save-archive", archive, "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert files_with(archives, TELLING)
    done = campaigniq("erase", EMAIL, "--data", platform.folder, "--archive", archives, "--wait", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["state"], list(told["archives"])) == ("done", [str(archive)])
    assert told["archives"][str(archive)] >= 4
    assert files_with(archives, TELLING) == {}
    again = campaigniq("replay", "--archive", archive, "--json")
    assert again.returncode == 0, again.stderr


def test_the_command_says_who_is_not_known(platform):
    unknown = campaigniq("erase", "nobody-7", "--data", platform.folder)
    assert unknown.returncode != 0
    assert "Nobody with the id" in unknown.stderr
