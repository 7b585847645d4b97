"""R1 on Faust as its documentation shows it: an agent, three tables with changelogs, an event at a time.

Timers and windows go by the event time of the partition; Faust's own windowed tables close by wall clock.
"""
# Its packages are those of its own environment, which the type checker does not see.
# mypy: ignore-errors

import os
from collections import defaultdict
from heapq import heappop, heappush
from typing import Any

import faust
from rival_kit import Meter, task_from

TASK = task_from(os.environ)
app = faust.App(
    f"rival-{TASK.run}",
    broker=f"kafka://{TASK.broker}",
    store="memory://",
    datadir=TASK.state,
    web_enabled=False,
    topic_partitions=TASK.partitions,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    producer_linger_ms=20,
    producer_max_batch_size=131_072,
)
events = app.topic(TASK.topic, key_type=str, value_serializer="json")
triggers = app.topic(TASK.triggers, key_type=str, value_serializer="json")
metrics = app.topic(TASK.metrics, key_type=str, value_serializer="json")
scores = app.Table("scores", key_type=str, partitions=TASK.partitions)  # profile -> [score, ts, tier]
carts = app.Table("carts", key_type=str, partitions=TASK.partitions)  # profile -> [partition, due]
rollups = app.Table("rollups", key_type=str, partitions=TASK.partitions)  # partition|window|name|campaign -> [n, sum]

timers = defaultdict(list)  # partition -> heap of (due, profile)
windows = defaultdict(lambda: defaultdict(set))  # partition -> window -> keys of `rollups`
meter = Meter(TASK)


@carts.on_recover
async def rebuild_timers() -> None:
    timers.clear()
    for profile, (partition, due) in carts.items():
        heappush(timers[partition], (due, profile))


@rollups.on_recover
async def rebuild_windows() -> None:
    windows.clear()
    for key in rollups:
        partition, window, _ = key.split("|", 2)
        windows[int(partition)][int(window)].add(key)


async def score(event: dict[str, Any]) -> None:
    points = TASK.points.get(event["name"])
    if not points:
        return
    profile, ts = event["profile"], event["ts"]
    before, then, known = scores.get(profile) or (0.0, ts, 0)
    now = before * 0.5 ** ((ts - then) / TASK.half_life_s) + points
    tier = TASK.tier_of(now)
    if tier > known:
        said = {"type": "tier", "profile": profile, "tier": tier, "score": now, "ts": ts}
        await triggers.send(key=profile, value=said)
    scores[profile] = [now, ts, tier]


async def cart(partition: int, event: dict[str, Any]) -> None:
    profile = event["profile"]
    if event["name"] == "cart_add":
        due = event["ts"] + TASK.cart_s
        carts[profile] = [partition, due]
        heappush(timers[partition], (due, profile))
    elif event["name"] == "purchase" and profile in carts:
        del carts[profile]


def rollup(partition: int, event: dict[str, Any]) -> None:
    window = int(event["ts"] // TASK.bucket_s) * TASK.bucket_s
    key = f"{partition}|{window}|{event['name']}|{event['campaign'] or ''}"
    count, value = rollups.get(key) or (0, 0.0)
    rollups[key] = [count + 1, value + (event["value"] or 0.0)]
    windows[partition][window].add(key)


async def advance(partition: int, now: float) -> None:
    heap = timers[partition]
    while heap and heap[0][0] <= now:
        due, profile = heappop(heap)
        entry = carts.get(profile)
        if entry and entry[1] == due:
            del carts[profile]
            said = {"type": "cart_abandoned", "profile": profile, "cart_ts": due - TASK.cart_s, "ts": due}
            await triggers.send(key=profile, value=said)
    for window in [w for w in windows[partition] if w + TASK.bucket_s <= now]:
        for key in windows[partition].pop(window):
            count, value = rollups.pop(key)
            _, _, name, campaign = key.split("|")
            total = {"window": window, "name": name, "campaign": campaign or None, "count": count, "sum": value}
            await metrics.send(key=f"{name}|{campaign}", value=total)


@app.agent(events)
async def process(stream: faust.Stream) -> None:
    async for record in stream.events():
        event, partition = record.value, record.message.partition
        await advance(partition, event["ts"])
        await score(event)
        await cart(partition, event)
        rollup(partition, event)
        meter.tick()


app.main()
