"""Sources of a running platform: keys, rates, schemas and bots, changed while it runs."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.harness import Platform

pytestmark = pytest.mark.slow

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture
def platform(tmp_path):
    with Platform(tmp_path / "data") as running:
        yield running


def sources(tmp_path: Path, *argv: str) -> None:
    command = [sys.executable, "-m", "infra", "sources", *argv, "--data", str(tmp_path / "data")]
    subprocess.run(command, check=True, capture_output=True)


def send(
    platform: Platform, key: str, event: str = "Signed Up", user: str = "u", agent: str = "test"
) -> httpx.Response:
    body = {"userId": user, "event": "Signed Up", "properties": {}}
    return httpx.post(f"{platform.url}/v1/track", json=body, auth=(key, ""), headers={"user-agent": agent})


def test_a_key_changes_without_a_gap(platform, tmp_path):
    old = platform.bootstrap["write_key"]
    sources(tmp_path, "rotate", "web")
    token = {"Authorization": f"Bearer {platform.bootstrap['api_token']}"}
    new, older = httpx.get(f"{platform.url}/api/sources/web", headers=token).json()["write_keys"]
    assert older == old
    platform.until("the new key is known", lambda: send(platform, new).status_code == 200)
    assert send(platform, old).status_code == 200
    sources(tmp_path, "retire", "web")
    platform.until("the old one is not", lambda: send(platform, old).status_code == 401)
    assert send(platform, new).status_code == 200


def test_a_policy_holds_within_seconds(platform, tmp_path):
    key = platform.bootstrap["write_key"]
    (tmp_path / "s.json").write_text('{"required": ["plan"]}')
    sources(tmp_path, "schema", "put", "Signed Up", str(tmp_path / "s.json"))
    sources(tmp_path, "set", "web", "--schemas", "block")
    platform.until("the schema holds", lambda: send(platform, key).status_code == 400)
    assert send(platform, key).json()["error"]["field"] == "properties.plan"
    sources(tmp_path, "set", "web", "--schemas", "off", "--rate", "0.1", "--burst", "1")
    platform.until("the rate holds", lambda: send(platform, key).status_code == 429)
    assert int(send(platform, key).headers["retry-after"]) > 1


def test_a_source_that_is_off_says_so_until_it_is_on_again(platform, tmp_path):
    key = platform.bootstrap["write_key"]
    sources(tmp_path, "set", "web", "--off")
    platform.until("it is off", lambda: send(platform, key).status_code == 403)
    assert send(platform, key).json()["error"]["code"] == "source_off"
    sources(tmp_path, "set", "web", "--on")
    platform.until("it is on", lambda: send(platform, key).status_code == 200)


def test_a_crawler_is_counted_by_itself_and_is_no_lead(platform):
    key = platform.bootstrap["write_key"]
    for number in range(3):
        assert send(platform, key, user=f"bot{number}", agent=GOOGLEBOT).status_code == 200
    assert send(platform, key, user="person").status_code == 200
    platform.until("counted", lambda: platform.event_totals()["signed_up"] == 1)

    def bots() -> int:
        series = platform.get("/api/metrics/events", event="(bots)", step_ms=60_000)["series"]
        return sum(count for one in series for _, count, _ in one["points"])

    platform.until("bots counted", lambda: bots() >= 3)
    platform.until("shown", lambda: list(platform.leads()))
    assert (bots(), [lead["user_id"] for lead, _ in platform.leads()]) == (3, ["person"])
