"""R1 on Bytewax with its recovery store. Scores: `stateful_flat_map`, by profile. Carts: a stateful operator of its own
for each partition, as windows close by a key's own or by system time only. Rollups: RIVAL_ROLLUPS=windows
(`fold_window`, the documented way) or custom (a stateful operator for each partition).
"""
# Its packages are those of its own environment, which the type checker does not see.
# mypy: ignore-errors

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from rival_kit import Meter, task_from

TASK = task_from(os.environ)
BROKERS = [TASK.broker]
meter = Meter(TASK)


def decode(message: KafkaSourceMessage) -> dict[str, Any]:
    event = orjson.loads(message.value)
    event["p"] = str(message.partition)
    return event


def score(state: Any, event: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    ts = event["ts"]
    before, then, known = state or (0.0, ts, 0)
    now = before * 0.5 ** ((ts - then) / TASK.half_life_s) + TASK.points[event["name"]]
    tier = TASK.tier_of(now)
    said = {"type": "tier", "profile": event["profile"], "tier": tier, "score": now, "ts": ts}
    return (now, ts, tier), [said] if tier > known else []


class Carts(StatefulBatchLogic):
    """One for each partition: open carts with timers; the partition's cart and purchase events move its clock."""

    def __init__(self, state: Any) -> None:
        self.open = state or {}
        self.heap = [(due, profile) for profile, due in self.open.items()]
        heapify(self.heap)

    def on_batch(self, values: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        out = []
        for event in values:
            now, profile = event["ts"], event["profile"]
            while self.heap and self.heap[0][0] <= now:
                due, who = heappop(self.heap)
                if self.open.get(who) == due:
                    del self.open[who]
                    out.append({"type": "cart_abandoned", "profile": who, "cart_ts": due - TASK.cart_s, "ts": due})
            if event["name"] == "cart_add":
                self.open[profile] = now + TASK.cart_s
                heappush(self.heap, (now + TASK.cart_s, profile))
            else:
                self.open.pop(profile, None)
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> dict[str, float]:
        return dict(self.open)


class Rollups(StatefulBatchLogic):
    """One for each partition: window -> (name, campaign) -> [count, sum]."""

    def __init__(self, state: Any) -> None:
        self.windows = state or {}

    def on_batch(self, values: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        out = []
        for event in values:
            window = int(event["ts"] // TASK.bucket_s) * TASK.bucket_s
            groups = self.windows.get(window)
            if groups is None:
                for old in [o for o in self.windows if o + TASK.bucket_s <= event["ts"]]:
                    for (name, campaign), (count, value) in self.windows.pop(old).items():
                        out.append({"window": old, "name": name, "campaign": campaign, "count": count, "sum": value})
                groups = self.windows[window] = {}
            total = groups.setdefault((event["name"], event["campaign"]), [0, 0.0])
            total[0] += 1
            total[1] += event["value"] or 0.0
        meter.tick(len(values))
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> dict[int, Any]:
        return {w: {key: list(total) for key, total in groups.items()} for w, groups in self.windows.items()}


def fold(total: tuple[int, float], event: dict[str, Any]) -> tuple[int, float]:
    meter.tick()
    return total[0] + 1, total[1] + (event["value"] or 0.0)


def metric(keyed: Any) -> dict[str, Any]:
    key, (window, (count, value)) = keyed
    _, name, campaign = key.split("|")
    return {
        "window": window * TASK.bucket_s,
        "name": name,
        "campaign": campaign or None,
        "count": count,
        "sum": value,
    }


def to_kafka(key: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], KafkaSinkMessage]:
    return lambda value: KafkaSinkMessage(key(value).encode(), orjson.dumps(value))


flow = Dataflow("r1")
source = kop.input("in", flow, brokers=BROKERS, topics=[TASK.topic], tail=False)
events = op.map("decode", source.oks, decode)

scored = op.filter("scored", events, lambda e: e["name"] in TASK.points)
tiers = op.stateful_flat_map("score", op.key_on("by_profile", scored, lambda e: e["profile"]), score)

shop = op.filter("shop", events, lambda e: e["name"] in {"cart_add", "purchase"})
abandoned = op.stateful_batch("carts", op.key_on("shop_by_part", shop, lambda e: e["p"]), Carts)

said = op.merge("triggers", op.key_rm("t", tiers), op.key_rm("a", abandoned))
said_to_kafka = op.map("trigger_message", said, to_kafka(lambda v: v["profile"]))
kop.output("triggers_out", said_to_kafka, brokers=BROKERS, topic=TASK.triggers)

if os.environ["RIVAL_ROLLUPS"] == "windows":
    keyed = op.key_on("by_group", events, lambda e: f"{e['p']}|{e['name']}|{e['campaign'] or ''}")
    # Waits 10 s: the watermark goes on with system time too, and without a wait it drops some events at window edges.
    clock = win.EventClock(
        lambda e: datetime.fromtimestamp(e["ts"], UTC), timedelta(seconds=10), to_system_utc=lambda _: None
    )
    tumbling = win.TumblingWindower(length=timedelta(seconds=TASK.bucket_s), align_to=datetime.fromtimestamp(0, UTC))
    folded = win.fold_window(
        "rollup", keyed, clock, tumbling, lambda: (0, 0.0), fold, lambda a, b: (a[0] + b[0], a[1] + b[1])
    )
    rolled = op.map("metric", folded.down, metric)
else:
    rolled = op.key_rm("m", op.stateful_batch("rollup", op.key_on("by_part", events, lambda e: e["p"]), Rollups))
rolled_to_kafka = op.map("metric_message", rolled, to_kafka(lambda v: f"{v['name']}|{v['campaign']}"))
kop.output("metrics_out", rolled_to_kafka, brokers=BROKERS, topic=TASK.metrics)
