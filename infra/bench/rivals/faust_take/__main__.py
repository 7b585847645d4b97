"""R1 on Faust in batches: isolated partitions, `take_events(1000)`, table writes gathered for the length of a batch.

Tables use the key's partition: inside `take` there is no current event whose partition the changelog could have.
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
BATCH = 1_000
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
PARTED = {"partitions": TASK.partitions, "use_partitioner": True}
events = app.topic(TASK.topic, key_type=str, value_serializer="json")
triggers = app.topic(TASK.triggers, key_type=bytes, value_serializer="json")
metrics = app.topic(TASK.metrics, key_type=str, value_serializer="json")
scores = app.Table("scores", key_type=bytes, **PARTED)  # profile -> [score, ts, tier]
carts = app.Table("carts", key_type=bytes, **PARTED)  # profile -> [partition, due]
rollups = app.Table("rollups", key_type=str, **PARTED)  # partition|window|name|campaign -> [count, sum]

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


class Batch:
    """A view of a table that writes back at the end of a batch."""

    def __init__(self, table: faust.Table) -> None:
        self.table, self.new = table, {}

    def get(self, key: Any) -> Any:
        return self.new[key] if key in self.new else self.table.get(key)

    def set(self, key: Any, value: Any) -> None:
        self.new[key] = value

    def flush(self) -> None:
        for key, value in self.new.items():
            if value is not None:
                self.table[key] = value
            elif key in self.table:
                del self.table[key]


async def advance(partition: int, now: float, cart: Batch, roll: Batch) -> None:
    heap = timers[partition]
    while heap and heap[0][0] <= now:
        due, profile = heappop(heap)
        entry = cart.get(profile)
        if entry and entry[1] == due:
            cart.set(profile, None)
            said = {"type": "cart_abandoned", "profile": profile.decode(), "cart_ts": due - TASK.cart_s, "ts": due}
            await triggers.send(key=profile, value=said)
    for window in [w for w in windows[partition] if w + TASK.bucket_s <= now]:
        for key in windows[partition].pop(window):
            count, value = roll.get(key)
            roll.set(key, None)
            _, _, name, campaign = key.split("|")
            total = {"window": window, "name": name, "campaign": campaign or None, "count": count, "sum": value}
            await metrics.send(key=f"{name}|{campaign}", value=total)


async def one(partition: int, event: dict[str, Any], score: Batch, cart: Batch, roll: Batch) -> None:
    profile, name, ts = event["profile"].encode(), event["name"], event["ts"]
    await advance(partition, ts, cart, roll)
    points = TASK.points.get(name)
    if points:
        before, then, known = score.get(profile) or (0.0, ts, 0)
        now = before * 0.5 ** ((ts - then) / TASK.half_life_s) + points
        tier = TASK.tier_of(now)
        if tier > known:
            said = {"type": "tier", "profile": event["profile"], "tier": tier, "score": now, "ts": ts}
            await triggers.send(key=profile, value=said)
        score.set(profile, [now, ts, tier])
    if name == "cart_add":
        cart.set(profile, [partition, ts + TASK.cart_s])
        heappush(timers[partition], (ts + TASK.cart_s, profile))
    elif name == "purchase":
        cart.set(profile, None)
    window = int(ts // TASK.bucket_s) * TASK.bucket_s
    key = f"{partition}|{window}|{name}|{event['campaign'] or ''}"
    count, value = roll.get(key) or (0, 0.0)
    roll.set(key, [count + 1, value + (event["value"] or 0.0)])
    windows[partition][window].add(key)


@app.agent(events, isolated_partitions=True)
async def process(stream: faust.Stream) -> None:
    async for batch in stream.take_events(BATCH, within=1.0):
        tables = Batch(scores), Batch(carts), Batch(rollups)
        for record in batch:
            await one(record.message.partition, record.value, *tables)
        for table in tables:
            table.flush()
        meter.tick(len(batch))


app.main()
