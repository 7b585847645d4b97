"""Rules change while events flow: what counts from now on, what is refused, what a restart keeps."""

from typing import Any

import httpx
import pytest

from tests.e2e.harness import Platform

pytestmark = pytest.mark.slow


@pytest.fixture
def platform(tmp_path):
    with Platform(tmp_path / "data") as running:
        yield running


def track(platform: Platform, name: str, people: range, properties: dict[str, Any] | None = None) -> None:
    """Send an event of some people, so that every partition has some."""
    batch = [
        {"type": "track", "userId": f"u{n}", "event": name, "messageId": f"{name}{n}", "properties": properties or {}}
        for n in people
    ]
    answer = httpx.post(f"{platform.url}/v1/batch", json={"batch": batch}, auth=(platform.bootstrap["write_key"], ""))
    answer.raise_for_status()


def put(platform: Platform, rules: dict[str, Any]) -> httpx.Response:
    token = platform.bootstrap["api_token"]
    return httpx.put(f"{platform.url}/api/rules", json=rules, headers={"Authorization": f"Bearer {token}"})


def with_webinar(platform: Platform) -> dict[str, Any]:
    rules = platform.get("/api/rules")["rules"]
    rules["scores"][0]["rules"].append({"id": "webinar", "event": "webinar_attended", "points": 60})
    return rules


def qualified(platform: Platform) -> set[str]:
    return {lead["user_id"] for lead, _ in platform.leads() if lead["is_mql"]}


def test_rules_put_while_events_flow_make_leads_qualify_and_bad_ones_change_nothing(platform):
    track(platform, "webinar_attended", range(20))
    platform.until("counted", lambda: platform.event_totals()["webinar_attended"] == 20)
    assert qualified(platform) == set()

    assert put(platform, with_webinar(platform)).json()["version"] == 1
    platform.until("in force", lambda: platform.get("/api/rules")["is_in_force"])
    track(platform, "webinar_attended", range(20, 40))
    platform.until("qualified", lambda: qualified(platform) == {f"u{n}" for n in range(20, 40)})

    bad = platform.get("/api/rules")["rules"]
    bad["scores"][0]["rules"][0]["points"] = "many"
    refused = put(platform, bad)
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "scores[0].rules[0].points")
    assert platform.get("/api/rules")["version"] == 1

    track(platform, "webinar_attended", range(40, 60))
    platform.until("still qualified", lambda: qualified(platform) == {f"u{n}" for n in range(20, 60)})
    assert platform.complaints == []


def test_rules_hold_after_a_kill(platform):
    put(platform, with_webinar(platform))
    platform.until("in force", lambda: platform.get("/api/rules")["is_in_force"])
    platform.kill()
    platform.start()
    track(platform, "webinar_attended", range(60, 70))
    platform.until("qualified", lambda: {f"u{n}" for n in range(60, 70)} <= qualified(platform))
    assert (platform.get("/api/rules")["version"], platform.complaints) == (1, [])
