"""What a script relies on: the ready line, the bootstrap file, a clean stop, clear words when something is wrong."""

import os
import stat
import subprocess
import sys

import httpx
import pytest

from tests.e2e.harness import STOP_S, Platform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("run") / "data") as running:
        yield running


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=120,
        check=False,
    )


def test_the_bootstrap_file_is_private_and_holds_what_scripts_need(platform):
    mode = stat.S_IMODE((platform.folder / "bootstrap.json").stat().st_mode)
    assert (mode, set(platform.bootstrap)) == (0o600, {"url", "write_key", "api_token", "sign_in_url"})


def test_every_part_says_that_it_is_ready(platform):
    answer = httpx.get(f"{platform.url}/readyz")
    assert (answer.status_code, set(answer.json()["parts"].values())) == (200, {"ready"})


def test_the_sign_in_link_works_once(platform):
    link = platform.bootstrap["sign_in_url"]
    first = httpx.get(link)
    assert (first.status_code, httpx.get(link).status_code) == (303, 410)


def test_a_new_sign_in_link_can_be_asked_for(platform):
    answer = run("sign-in", "--data", str(platform.folder))
    assert answer.stdout.startswith(f"{platform.url}/signin?token=")


def test_a_second_process_on_the_same_folder_is_refused_in_words(platform):
    answer = run("up", "--port", "0", "--data", str(platform.folder))
    assert (answer.returncode, "is in use by another campaigniq" in answer.stderr) == (2, True)


def test_a_port_in_use_is_named_with_the_remedy(platform, tmp_path):
    port = platform.url.rsplit(":", 1)[1]
    answer = run("up", "--port", port, "--data", str(tmp_path / "other"))
    assert (answer.returncode, "choose another with --port" in answer.stderr) == (2, True)


def test_a_wrong_setting_is_named_with_the_remedy(tmp_path):
    answer = run("up", "--port", "0", "--data", str(tmp_path / "other"), CAMPAIGNIQ_SMTP__PORT="post")
    assert (answer.returncode, "CAMPAIGNIQ_SMTP__PORT: 'post' does not fit" in answer.stderr) == (2, True)


def test_it_stops_in_order_and_starts_again_with_the_same_keys(tmp_path):
    platform = Platform(tmp_path / "data")
    platform.start()
    before = platform.bootstrap
    assert platform.stop() == 0
    platform.start()
    after = platform.bootstrap
    platform.stop()
    assert (before["write_key"], before["api_token"]) == (after["write_key"], after["api_token"])


def test_a_stop_during_the_start_is_clean_and_announces_nothing(tmp_path):
    command = [sys.executable, "-m", "infra", "up", "--port", "0", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starting:
        starting.stderr.readline()  # the first partition is loaded, other parts are not up yet
        starting.terminate()
        said, _ = starting.communicate(timeout=STOP_S)
    assert (starting.returncode, said, (tmp_path / "data" / "bootstrap.json").exists()) == (0, "", False)
