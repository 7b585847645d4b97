"""Broken events of every way in, through a running platform: listed, looked at, mended and taken in, each once."""

import hmac
import json
import os
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.harness import Platform

PATH = "/api/dead-letters"
ADA = "--set=userId=ada"
pytestmark = pytest.mark.timeout(400)
SETTINGS = {"ENGINE__SCORE_POINTS": json.dumps({"demo_requested": 50, "newsletter_signed_up": 8})}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with Platform(tmp_path / "data", SETTINGS) as platform:
        yield platform


def command(platform: Platform, *words: str) -> tuple[int, str]:
    """Run `campaigniq WORDS` against the platform."""
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words, "--data", str(platform.folder)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    return done.returncode, done.stdout + done.stderr


def letters(platform: Platform, count: int, **asked: str) -> list[dict[str, Any]]:
    """Return the letters once there are as many, the oldest first."""
    asked = {"state": "new", "limit": "200", **asked}
    found = platform.until(
        f"{count} letters", lambda: (found := platform.get(PATH, **asked)["letters"]) and len(found) >= count and found
    )
    assert len(found) == count
    return found[::-1]


def send_broken(platform: Platform, shop: str) -> None:
    """Send what can't be used, by every way in."""
    key, url = (platform.bootstrap["write_key"], ""), platform.url
    with httpx.Client(base_url=url) as client:
        good = {"type": "track", "event": "Page Viewed", "userId": "eve"}
        answers = [
            client.post("/v1/track", json={"event": "Demo Requested"}, auth=key),
            client.post("/v1/identify", json={"traits": {"name": "Ada"}}, auth=key),
            client.post(
                "/v1/batch", json={"batch": [good, {"type": "track", "event": "Newsletter Signed Up"}]}, auth=key
            ),
            client.post("/v1/track", content=b'{"event": "Cut Of', auth=key),
            client.get("/p.gif", params={"k": key[0], "e": "Mail Opened"}),
        ]
        raw = json.dumps({"id": 7, "total_price": "12.50", "currency": "EUR", "line_items": []}).encode()
        signature = b64encode(hmac.digest(b"hook-secret", raw, sha256)).decode()
        headers = {"X-Shopify-Topic": "orders/paid", "X-Shopify-Hmac-Sha256": signature}
        answers.append(client.post(f"/webhooks/{shop}", content=raw, headers=headers))
    assert [answer.status_code for answer in answers] == [400, 400, 200, 400, 400, 200]


def score_of(platform: Platform) -> tuple[float, int]:
    lead = platform.get("/api/leads/ada")
    return lead["score"], lead["events"]


def settled(platform: Platform) -> None:
    """Wait until all that the log holds is in the view."""
    before = -1
    while (now := sum(platform.event_totals().values())) != before:
        before = now
        time.sleep(1.0)


def test_broken_events_are_mended_and_count_once(platform: Platform) -> None:
    _, added = command(platform, "sources", "add", "shopify", "--name", "Shop", "--secret", "hook-secret")
    shop = added.split()[0]

    def is_known() -> bool:
        return httpx.post(f"{platform.url}/webhooks/{shop}").status_code == 401

    platform.until("the shop is known", is_known)
    send_broken(platform, shop)

    found = letters(platform, 5)
    assert sorted(one["via"] for one in found) == ["batch", "gif", "identify", "track", "track"]
    code, listed = command(platform, "dead-letters", "list", "--via", "track", "--text", "nobody")
    assert (code, listed.count("userId: nobody is identified")) == (0, 1)
    demo = next(one["id"] for one in found if one["via"] == "track" and one["field"] == "userId")
    assert "Demo Requested" in command(platform, "dead-letters", "show", demo)[1]

    choose = ("--code", "missing_field", ADA, "--set=u=ada")
    code, told = command(platform, "dead-letters", "replay", *choose, "--dry-run")
    assert (code, told.count("would_replay"), "demo_requested user:ada" in told) == (0, 4, True)
    assert httpx.get(f"{platform.url}/api/leads/ada", headers=_auth(platform)).status_code == 404

    code, told = command(platform, "dead-letters", "replay", *choose)
    assert (code, "4 replayed; 4 matched" in told) == (0, True)
    score, events = platform.until("the score", lambda: _scored(platform, 4))
    assert (round(score), events) == (58, 4)

    # The one that is no JSON is replaced as a whole; and everything once more has no effect.
    (cut,) = letters(platform, 1)
    mended = json.dumps({"event": "Demo Requested", "userId": "bob"})
    assert command(platform, "dead-letters", "replay", cut["id"], ADA)[0] == 1
    assert command(platform, "dead-letters", "replay", cut["id"], f"--set=={mended}")[0] == 0
    ids = [one["id"] for one in found]
    code, told = command(platform, "dead-letters", "replay", *ids, ADA)
    assert (code, "5 already replayed" in told) == (0, True)
    platform.until("bob", lambda: [lead for lead, _ in platform.leads() if lead["user_id"] == "bob"])
    platform.until("both counted", lambda: platform.event_totals()["demo_requested"] >= 2)
    settled(platform)
    assert score_of(platform)[1] == 4
    assert platform.get("/api/leads/bob")["events"] == 1
    assert platform.event_totals()["demo_requested"] == 2
    states = platform.get(f"{PATH}/summary")["states"]
    assert states == {"new": 0, "replayed": 5, "dropped": 0}
    assert platform.complaints == []


def test_a_crash_between_taking_and_marking_is_harmless(platform: Platform) -> None:
    key = (platform.bootstrap["write_key"], "")
    httpx.post(f"{platform.url}/v1/track", json={"event": "Demo Requested"}, auth=key)
    (letter,) = letters(platform, 1)
    assert command(platform, "dead-letters", "replay", letter["id"], ADA)[0] == 0
    platform.until("the score", lambda: _scored(platform, 1))
    platform.kill()
    # As the crash would have left it: claimed, with its events in the log, and not marked.
    fixes = json.dumps([{"op": "set", "path": "userId", "value": "ada"}])
    with closing(sqlite3.connect(platform.folder / "dead_letters.db")) as db, db:
        changed = db.execute("UPDATE dead_letters SET state = 'new', claim_ms = state_ms, claim_fixes = ?", (fixes,))
        assert changed.rowcount == 1
    platform.start()
    platform.until("the score again", lambda: _scored(platform, 1))
    code, told = command(platform, "dead-letters", "replay", letter["id"], "--set=userId=bob")
    assert (code, "1 replayed" in told, "user:ada" in told) == (0, True, True)
    settled(platform)
    assert score_of(platform)[1] == 1
    assert platform.event_totals()["demo_requested"] == 1


def test_who_looks_on_sees_what_came_and_what_comes(platform: Platform) -> None:
    key = (platform.bootstrap["write_key"], "")

    def send(**message: str) -> None:
        httpx.post(f"{platform.url}/v1/track", json=message, auth=key)

    send(event="Signed Up", userId="ada")
    send(event="Signed Up")
    address = f"ws{platform.url.removeprefix('http')}/ws/sources/web"
    with connect(address, additional_headers=_auth(platform)) as socket:
        hello, good, bad = (json.loads(socket.recv(60)) for _ in range(3))
        send(event="Demo Requested", userId="bob")
        live = json.loads(socket.recv(60))
    assert [one["kind"] for one in (hello, good, bad, live)] == ["hello", "message", "message", "message"]
    assert [one["data"]["verdict"] for one in (good, bad, live)] == ["accepted", "rejected", "accepted"]
    assert (live["data"]["event"]["profile"], bad["data"]["raw"]) == ("user:bob", '{"event":"Signed Up"}')
    code, told = command(platform, "sources", "watch", "web", "--once", "--verdict", "accepted", "--text", "BOB")
    assert (code, told.count("\n"), "demo_requested user:bob" in told) == (0, 1, True)


def test_no_command_shows_a_write_key(platform: Platform) -> None:
    key = platform.bootstrap["write_key"]
    httpx.post(f"{platform.url}/v1/track", json={"event": "Signed Up", "writeKey": key})
    httpx.post(f"{platform.url}/v1/track", content=f'{{"writeKey":"{key}","event":"Cut O', auth=(key, ""))
    httpx.get(f"{platform.url}/p.gif", params={"k": key, "e": "Mail Opened"})
    found = letters(platform, 3)
    commands = [("dead-letters", "list"), ("sources", "watch", "web", "--once")]
    commands += [("dead-letters", "show", one["id"]) for one in found]
    told = [command(platform, *words, *more) for words in commands for more in ((), ("--json",))]
    assert {code for code, _ in told} == {0}
    assert [text for _, text in told if key in text or key.removeprefix("wk_") in text] == []
    assert sum("***" in text for _, text in told) == 2 + 2 * 3  # the debugger and each letter, as text and as JSON
    code, text = command(platform, "dead-letters", "replay", "--code", "missing_field", ADA, "--set=u=ada")
    assert (code, "2 replayed" in text) == (0, True)


def _auth(platform: Platform) -> dict[str, str]:
    return {"Authorization": f"Bearer {platform.bootstrap['api_token']}"}


def _scored(platform: Platform, events: int) -> tuple[float, int] | None:
    answer = httpx.get(f"{platform.url}/api/leads/ada", headers=_auth(platform))
    if answer.status_code != 200 or answer.json()["events"] < events:
        return None
    return answer.json()["score"], answer.json()["events"]
