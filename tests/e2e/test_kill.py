"""kill -9 at random moments under load: what was answered with 2xx counts once, and every due mail goes out once.

`make soak` runs it with many kills; CAMPAIGNIQ_SOAK_SEED gives other moments and other visitors.
"""

import asyncio
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest

from tests.e2e import reference
from tests.e2e.harness import Platform
from tests.e2e.load import Load
from tests.e2e.mail_server import MailServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

KILLS = int(os.environ.get("CAMPAIGNIQ_SOAK_KILLS", "3"))
SEED = int(os.environ.get("CAMPAIGNIQ_SOAK_SEED", "1"))
WINDOW_S = 1.5
TICK_S = 1.0
ANSWER_S = 0.02
KILLED_STARTS = 0.2
SETTINGS = {"ENGINE__CART_WINDOW_S": WINDOW_S, "SENDER__RETRY_DELAYS_S": "[0.2, 1, 2]"}
OUTCOMES = {"sent", "failed", "uncertain"}


class SlowMailServer(MailServer):
    """Answers late, so that kills fall between a mail's arrival and the answer."""

    async def handle_DATA(self, *arguments: Any) -> str:  # noqa: N802  aiosmtpd's name
        answer = await super().handle_DATA(*arguments)
        await asyncio.sleep(ANSWER_S)
        return answer


async def survive(platform: Platform, load: Load, kills: int, rng: Random) -> list[float]:
    """Kill the platform under the load and start it again; return how long each whole start took, in seconds.

    Now and then a start is killed, too.
    """
    starts = []
    for number in range(kills):
        port = platform.port
        await asyncio.sleep(rng.uniform(0.2, 2))
        await asyncio.to_thread(platform.kill)
        if number + 1 < kills and rng.random() < KILLED_STARTS:
            platform.launch(port)
            continue
        began = time.monotonic()
        await asyncio.to_thread(platform.start, port)
        starts.append(time.monotonic() - began)
    await asyncio.sleep(WINDOW_S)
    load.end()
    return starts


async def run_load(platform: Platform, seed: str, kills: int) -> tuple[Load, list[float]]:
    load = Load(platform.url, platform.bootstrap["write_key"], Random(f"visitors {seed}"), WINDOW_S)
    visiting = asyncio.create_task(load.run())
    starts = await survive(platform, load, kills, Random(f"moments {seed}"))
    await visiting
    await asyncio.to_thread(settle, platform)
    return load, starts


def settle(platform: Platform) -> None:
    """Wait until the last window has closed and nothing moves any more."""
    time.sleep(WINDOW_S + 2 * TICK_S)
    ends, before = time.monotonic() + 90, None
    while time.monotonic() < ends:
        counts = platform.get("/api/deliveries", limit=1)["counts"]
        now = (counts, platform.event_totals())
        if now == before and counts.keys() <= OUTCOMES:
            return
        before = now
        time.sleep(TICK_S)


def count_differences(platform: Platform, load: Load, deliveries: list[dict[str, Any]]) -> Iterator[str]:
    """Compare totals by event name, and each person's count of events and score, with the reference."""
    events = reference.without_repeats(load.accepted)
    outcomes = Counter(f"email_{d['status']}" for d in deliveries)
    expected, counted = reference.totals(events) + outcomes, platform.event_totals()
    for name in sorted(expected | counted):
        if expected[name] != counted[name]:
            yield f"{name}: {counted[name]} are counted, {expected[name]} were accepted"
    people = reference.by_user(events)
    told = Counter(d["profile"] for d in deliveries)
    for lead, as_of_ms in platform.leads():
        mine = people.pop(lead["user_id"], [])
        if lead["events"] != len(mine) + told[lead["id"]]:
            yield f"{lead['id']}: {lead['events']} events, {len(mine)} were accepted and {told[lead['id']]} made"
        score = reference.score(mine, as_of_ms)
        if lead["score"] != pytest.approx(score, rel=1e-6, abs=1e-6):
            yield f"{lead['id']}: score {lead['score']}, the reference has {score}"
    yield from (f"{user} is not among the leads" for user in people)


def due_differences(load: Load, reached: Counter[str], unsure: set[str]) -> Iterator[str]:
    """Compare who got mail (`reached`, by address) with who was due one; `unsure`: nobody knows whether they did."""
    strangers = reached.keys() - load.emails.values()
    yield from (f"{address} got mail and is nobody" for address in strangers)
    for user, events in reference.by_user(load.accepted).items():
        address = load.emails.get(user, "")
        due = reference.mail_is_due(events, int(WINDOW_S * 1000))
        if reached[address] > 1:
            yield f"{user} got {reached[address]} mails"
        if due and not reached[address] and address not in unsure:
            yield f"{user} was due a mail and got none"
        if due is False and (reached[address] or address in unsure):
            yield f"{user} was written to, but had bought or left nothing"


def status_differences(deliveries: list[dict[str, Any]], allowed: set[str]) -> Iterator[str]:
    for delivery in deliveries:
        if delivery["status"] not in allowed:
            yield f"delivery {delivery['id']} is {delivery['status']}: {delivery['reason']}"


def outbox_differences(platform: Platform, deliveries: list[dict[str, Any]]) -> Iterator[str]:
    """Compare the outbox, in its table and as the API shows it, with the ledger."""
    with closing(sqlite3.connect(f"file:{platform.folder / 'outbox.db'}?mode=ro", uri=True)) as db:
        rows = dict(db.execute("SELECT delivery_id, count(*) FROM outbox GROUP BY delivery_id"))
    if rows != {d["id"]: 1 for d in deliveries if d["status"] == "sent"}:
        yield f"the outbox has {sum(rows.values())} messages of {len(rows)} deliveries; {len(deliveries)} are sent"
    for delivery in deliveries:
        message = platform.get(f"/api/deliveries/{delivery['id']}")["message"]
        if (message or {}).get("to") != delivery["recipient"]:
            yield f"delivery {delivery['id']} shows the message {message}"


def report(title: str, load: Load, deliveries: list[dict[str, Any]], starts: list[float], found: list[str]) -> None:
    """Print what the run had; `pytest -s` shows it."""
    dues = [reference.mail_is_due(e, int(WINDOW_S * 1000)) for e in reference.by_user(load.accepted).values()]
    statuses = Counter(d["status"] for d in deliveries)
    times = f"{min(starts):.1f}-{max(starts):.1f} s" if starts else "none"
    print(  # noqa: T201  the soak's result
        f"\n{title} (seed {SEED}): {KILLS} kills, {len(load.accepted)} events accepted, "
        f"{load.lost_answers} answers lost, {load.repeats} events repeated, {dues.count(True)} mails due, "
        f"{dues.count(None)} on the edge, {dict(statuses)}, restarts {times}, {len(found)} differences"
    )


async def test_kills_lose_no_event_and_every_due_message_is_in_the_outbox_once(tmp_path):
    with Platform(tmp_path / "data", SETTINGS) as platform:
        load, starts = await run_load(platform, f"outbox {SEED}", KILLS)
        deliveries = list(platform.deliveries())
        found = [
            *count_differences(platform, load, deliveries),
            *due_differences(load, Counter(d["recipient"] for d in deliveries), set()),
            *status_differences(deliveries, {"sent"}),
            *outbox_differences(platform, deliveries),
        ]
    report("outbox", load, deliveries, starts, found)
    assert (found, platform.complaints) == ([], [])


async def test_over_smtp_no_mail_goes_out_twice_and_each_missing_one_is_listed_as_uncertain(tmp_path):
    with SlowMailServer() as mails, Platform(tmp_path / "data", SETTINGS | mails.settings) as platform:
        load, starts = await run_load(platform, f"smtp {SEED}", KILLS)
        deliveries = list(platform.deliveries())
        unsure = {d["recipient"] for d in platform.deliveries("uncertain")}
        arrived = Counter(mail.message["X-CampaignIQ-Delivery"] for mail in mails.mails)
        sent = {d["id"] for d in deliveries if d["status"] == "sent"}
        found = [
            *count_differences(platform, load, deliveries),
            *due_differences(load, Counter(mail.to for mail in mails.mails), unsure),
            *status_differences(deliveries, {"sent", "uncertain"}),
            *(f"delivery {one} went out {n} times" for one, n in arrived.items() if n > 1),
            *(f"delivery {one} is called sent and did not arrive" for one in sent - arrived.keys()),
        ]
    report(f"smtp, {len(mails.mails)} arrived", load, deliveries, starts, found)
    assert (found, platform.complaints) == ([], [])


async def test_a_stop_under_load_is_clean_and_loses_nothing(tmp_path):
    with Platform(tmp_path / "data", SETTINGS) as platform:
        load = Load(platform.url, platform.bootstrap["write_key"], Random(SEED), WINDOW_S)
        visiting = asyncio.create_task(load.run())
        await asyncio.sleep(WINDOW_S + 1)
        port, began = platform.port, time.monotonic()
        code = await asyncio.to_thread(platform.stop)
        took_s = time.monotonic() - began
        await asyncio.to_thread(platform.start, port)
        load.end()
        await visiting
        await asyncio.to_thread(settle, platform)
        deliveries = list(platform.deliveries())
        found = [
            *count_differences(platform, load, deliveries),
            *due_differences(load, Counter(d["recipient"] for d in deliveries), set()),
        ]
    print(  # noqa: T201  the soak's result
        f"\nstop under load: exit code {code} after {took_s:.1f} s, {len(load.accepted)} events accepted"
    )
    assert (code, took_s < 15, found, platform.complaints) == (0, True, [], [])
