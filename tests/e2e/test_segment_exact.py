"""The unmodified Segment client sends 10,000 events: each counts once, and every score is what the reference says."""

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

import pytest
from segment.analytics.client import Client

from tests.e2e import reference
from tests.e2e.harness import Platform
from tests.e2e.load import now_ms
from tests.e2e.reference import Accepted

pytestmark = pytest.mark.slow

EVENTS = 10_000
USERS = 300
TWICE = 500
AGAIN = 1_500
DAY_MS = 86_400_000
NAMES = {
    "Demo Requested": "demo_requested",
    "callBooked": "call_booked",
    "form_submitted": "form_submitted",
    "Pricing Viewed": "pricing_viewed",
    "Case Study Viewed": "case_study_viewed",
    "whitepaper-downloaded": "whitepaper_downloaded",
    "Email Link Clicked": "email_clicked",
    "emailOpened": "email_opened",
    "Video Played": "video_played",
    "Product Viewed": "product_viewed",
}


class Call(NamedTuple):
    """One `track`, and what must become of it."""

    name: str
    event: Accepted


def calls(rng: Random) -> list[Call]:
    """Return calls of some hundred users over 20 days, the newest of them now."""
    now = now_ms()
    names = list(NAMES)
    users = [f"u{number}" for number in range(USERS)]
    made = []
    for number in range(EVENTS):
        name, at_ms = rng.choice(names), now - rng.randint(0, 20 * DAY_MS)
        user = users[number] if number < USERS else rng.choice(users)
        made.append(Call(name, Accepted(f"s{number}", user, NAMES[name], at_ms)))
    return made


def send(platform: Platform, batch: Sequence[Call], *, gzip: bool) -> list[object]:
    """Send with the official client; return what it says has failed."""
    failures: list[object] = []
    client = Client(
        platform.bootstrap["write_key"],
        host=platform.url,
        gzip=gzip,
        max_queue_size=2 * EVENTS,
        upload_interval=0.05,
        on_error=lambda *failure: failures.append(failure),
    )
    for name, event in batch:
        at = datetime.fromtimestamp(event.at_ms / 1000, UTC)
        client.track(event.user, name, timestamp=at, message_id=event.id)
    client.shutdown()
    return failures


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform that got all events, some twice at once, some again, some after a restart."""
    rng = Random(10_000)
    all_calls = calls(rng)
    twice = [[call, call] if rng.random() < TWICE / EVENTS else [call] for call in all_calls]
    with Platform(tmp_path_factory.mktemp("segment") / "data") as running:
        running.sent = [call.event for call in all_calls]
        failures = send(running, list(itertools.chain(*twice)), gzip=False)
        failures += send(running, rng.sample(all_calls, AGAIN), gzip=True)
        running.stop()
        running.start()
        failures += send(running, rng.sample(all_calls, AGAIN), gzip=True)
        assert failures == []
        running.until("all counted", lambda: running.event_totals().total() >= EVENTS)
        running.until("all shown", lambda: sum(lead["events"] for lead, _ in running.leads()) >= EVENTS)
        yield running


def test_every_event_is_counted_once(platform):
    assert platform.event_totals() == reference.totals(platform.sent)


def test_every_profile_has_its_events_once(platform):
    expected = Counter(event.user for event in platform.sent)
    assert {lead["user_id"]: lead["events"] for lead, _ in platform.leads()} == expected


def test_scores_are_those_of_the_reference(platform):
    people = reference.by_user(platform.sent)
    found = {lead["user_id"]: (lead["score"], as_of_ms) for lead, as_of_ms in platform.leads()}
    wrong = [
        (user, points, expected)
        for user, (points, as_of_ms) in found.items()
        if points != pytest.approx(expected := reference.score(people[user], as_of_ms), rel=1e-6)
    ]
    assert wrong == []


def test_the_contributions_of_a_score_are_those_of_the_reference(platform):
    user, events = max(reference.by_user(platform.sent).items(), key=lambda item: len(item[1]))
    told = platform.get(f"/api/leads/{user}/score")
    by_rule = {c["rule"]: (c["count"], pytest.approx(c["points"], rel=1e-6)) for c in told["contributions"]}
    expected = {
        rule: (len(mine), reference.score(mine, told["as_of_ms"]))
        for rule in reference.POINTS
        if (mine := [event for event in events if event.name == rule])
    }
    assert by_rule == expected
