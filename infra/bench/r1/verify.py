"""Compares what an engine said with what R1 must give, and counts the differences.

It takes records as they lie in the topics: a trigger that comes twice is a difference, a total that comes again
replaces the one before.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from infra.bench.r1.oracle import BUCKET_MS, CART_MS, Group, Outcome, Total
from streams.frames import decode
from streams.model.rollups import SESSIONS, Rollup
from streams.model.triggers import Trigger

_TIERS = {"warm": 1, "hot": 2}
_MICROS = 1_000_000
_decode_trigger = msgspec.msgpack.Decoder(Trigger).decode


class Said(NamedTuple):
    """What was read from an engine's topics, each trigger as often as it was there."""

    tiers: Counter[tuple[str, int, int]]
    carts: Counter[tuple[str, int]]
    rollups: dict[Group, Total]


def said_by_engine(triggers: Iterable[bytes], rollups: Iterable[bytes]) -> Said:
    """Return what our topics hold; records in the order of their partitions."""
    tiers: Counter[tuple[str, int, int]] = Counter()
    carts: Counter[tuple[str, int]] = Counter()
    for data in triggers:
        trigger = _decode_trigger(data)
        profile = trigger.profile.removeprefix("user:")
        if trigger.rule == "cart_abandoned":
            carts[profile, trigger.due_ms - CART_MS] += 1
        elif trigger.rule == "lead_tier":
            tiers[profile, _TIERS[trigger.data["tier"]], trigger.at_ms] += 1
    newest: dict[tuple[Any, ...], Rollup] = {}
    for data in rollups:
        batch = decode(data).rollups
        for rollup in batch.rollups if batch else ():
            if rollup.series.event == SESSIONS:
                continue
            newest[rollup.series, rollup.bucket_ms, rollup.partition, rollup.part] = rollup
    return Said(tiers, carts, _summed((_group_of(r), r.count, r.value) for r in newest.values()))


def said_by_rival(triggers: Iterable[dict[str, Any]], rollups: Iterable[dict[str, Any]]) -> Said:
    """Return what a rival's topics hold: each of its rollups is a part of a group's total."""
    tiers: Counter[tuple[str, int, int]] = Counter()
    carts: Counter[tuple[str, int]] = Counter()
    for trigger in triggers:
        if trigger["type"] == "tier":
            tiers[trigger["profile"], trigger["tier"], round(trigger["ts"] * 1000)] += 1
        else:
            carts[trigger["profile"], round(trigger["cart_ts"] * 1000)] += 1
    groups = (((round(r["window"] * 1000), r["name"], r["campaign"] or ""), r["count"], r["sum"]) for r in rollups)
    return Said(tiers, carts, _summed(groups))


def differences(
    said: Said, least: Outcome, most: Outcome | None = None, closed_ms: int | None = None
) -> dict[str, int]:
    """Return how many tiers, carts and rollup groups are missing, too many or wrong.

    Carts between `least` and `most` may be there or not; buckets that end after `closed_ms` are not looked at. Both are
    for engines that leave open what is last.
    """
    most = most or least
    until_ms = closed_ms if closed_ms is not None else max((group[0] for group in least.rollups), default=0) + BUCKET_MS
    groups = {g for g in (*least.rollups, *said.rollups) if g[0] + BUCKET_MS <= until_ms}
    return {
        "tiers": _count(said.tiers, least.tiers, most.tiers),
        "carts": _count(said.carts, least.carts, most.carts),
        "rollups": sum(least.rollups.get(g) != said.rollups.get(g) for g in groups),
    }


def _count(said: Counter[Any], least: frozenset[Any], most: frozenset[Any]) -> int:
    repeated = sum(said.values()) - len(said)
    return len(least - said.keys()) + len(said.keys() - most) + repeated


def _group_of(rollup: Rollup) -> Group:
    return rollup.bucket_ms, rollup.series.event, rollup.series.campaign


def _summed(parts: Iterable[tuple[Group, int, float]]) -> dict[Group, Total]:
    totals: dict[Group, Total] = {}
    for group, count, value in parts:
        so_far = totals.get(group, (0, 0))
        totals[group] = so_far[0] + count, so_far[1] + round(value * _MICROS)
    return totals
