"""What the engine has committed, read from the state topic: a profile, a partition, how far everybody is."""

from collections import Counter
from typing import Any

from infra.offline.forms import iso_time, plain, profile_form
from infra.offline.logs import newest_of, state_records
from infra.offline.sources import ReadableLog
from sinks.view.leads import MAX_HOPS
from streams.log import topics
from streams.model.errors import CampaignIqError
from streams.model.identity import KINDS
from streams.model.ids import partition_for
from streams.model.rules.ruleset import RuleSet
from streams.operators.rulebook import RuleBook
from streams.state import codec
from streams.state.copy import MemoryCopy

GROUPS = (
    ("senders", topics.TRIGGERS),
    ("alert-routes", topics.ALERTS),
    ("metrics", topics.ROLLUPS),
    ("campaigniq-engine", topics.EVENTS),
    ("campaigniq-engine", topics.ROLLUPS),
)
"""Who keeps a place in which topic; the engine's own stands in Kafka under Faust's name and is not shown there."""
_PREFIXES = (*(f"{kind}:" for kind in KINDS), "group:", "product:")


class UnknownProfileError(CampaignIqError):
    """No profile has the id."""


def ids_of(name: str) -> list[str]:
    """Return the profile ids that a name may stand for: as it is when it says its kind, else every kind's."""
    if name.startswith(_PREFIXES):
        return [name]
    lowered = name.strip().lower()
    return [f"{kind}:{lowered if kind == 'email' else name}" for kind in KINDS if kind != "custom"]


async def profile(log: ReadableLog, workspace: str, name: str, now_ms: int) -> dict[str, Any]:
    """Return the profile that a person's id leads to, with scores as of `now_ms`. Raises UnknownProfileError."""
    count = log.partitions(topics.STATE)
    for first in ids_of(name):
        path = [first]
        while True:
            partition = partition_for(workspace, path[-1], count)
            key = codec.profile_key(workspace, path[-1])
            record = (await newest_of(log, partition, [key])).get(key)
            if record is None or record.value is None:
                break
            state = codec.decode_profile(record.value)
            if state.identity.moved_to and state.identity.moved_to not in path and len(path) < MAX_HOPS:
                path.append(state.identity.moved_to)
                continue
            form = profile_form(state, now_ms)
            place = {"partition": partition, "offset": record.offset, "version": record.value[0]}
            written = {"written_ms": record.timestamp_ms, "written": iso_time(record.timestamp_ms)}
            return {"asked": name, "path": path} | place | written | {"state": form}
    tried = ", ".join(ids_of(name))
    raise UnknownProfileError(
        f"workspace {workspace} has no profile {tried}. Nothing was heard of it, or not yet flushed"
    )


async def partition(log: ReadableLog, number: int, default: RuleSet) -> dict[str, Any]:
    """Return what the commit record says of a partition, and what its state adds up to."""
    copy = MemoryCopy()
    records = await state_records(log, number)
    copy.write([(record.key, record.value) for record in records if record.key is not None], 0, 0)
    found = copy.get(codec.COMMIT_KEY)
    commit = codec.decode_commit(found) if found else codec.Commit(-1, 0)
    form: dict[str, Any] = {
        "partition": number,
        "applied_offset": commit.applied_offset,
        "clock_ms": commit.clock_ms,
        "clock": iso_time(commit.clock_ms),
        "state_records": len(records),
    }
    return (
        form
        | _profiles_of(copy)
        | {
            "seen_ids_per_day": _seen_of(commit.seen),
            "moves_sent": {str(target): number for target, number in sorted(commit.sent.items())},
            "moves_taken": {str(sender): number for sender, number in sorted(commit.taken.items())},
            "unsent_frames": sum(len(codec.decode_unsent(value)) for _, value in copy.scan(codec.UNSENT_PREFIX)),
            "rules": _rules_of(copy, default),
        }
    )


async def lag(log: ReadableLog, now_ms: int) -> dict[str, Any]:
    """Return how far the engine is in each partition, and the groups behind it in their topics."""
    partitions = []
    for number in range(log.partitions(topics.EVENTS)):
        record = (await newest_of(log, number, [codec.COMMIT_KEY])).get(codec.COMMIT_KEY)
        commit = codec.decode_commit(record.value) if record and record.value else codec.Commit(-1, 0)
        first, end = await log.bounds(topics.EVENTS, number)
        partitions.append(
            {
                "partition": number,
                "log_end": end,
                "applied_offset": commit.applied_offset,
                "lag_frames": max(0, end - max(first, commit.applied_offset + 1)),
                "clock_ms": commit.clock_ms,
                "clock_behind_s": round((now_ms - commit.clock_ms) / 1000, 3) if commit.clock_ms else None,
            }
        )
    groups = [row for group, topic in GROUPS for row in await _places(log, group, topic)]
    return {"now_ms": now_ms, "partitions": partitions, "groups": groups}


async def _places(log: ReadableLog, group: str, topic: str) -> list[dict[str, Any]]:
    rows = []
    for number, place in sorted((await log.committed(group, topic)).items()):
        first, end = await log.bounds(topic, number)
        behind = max(0, end - max(first, place))
        rows.append({"group": group, "topic": topic, "partition": number, "next": place, "log_end": end, "lag": behind})
    return rows


def _profiles_of(copy: MemoryCopy) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    windows: Counter[str] = Counter()
    for _, value in copy.scan(codec.PROFILE_PREFIX):
        state = codec.decode_profile(value)
        counts["ids"] += 1
        counts["moved" if state.identity.moved_to else "profiles"] += 1
        counts["timers"] += state.windows.due_ms > 0
        windows.update(window.kind for window in state.windows.windows.values() if window.due_ms)
    named = {name: counts[name] for name in ("ids", "profiles", "moved", "timers")}
    return named | {"open_windows": dict(sorted(windows.items()))}


def _seen_of(mark: codec.SeenMark) -> dict[str, int]:
    return {iso_time(day * 86_400_000)[:10]: count for day, (count, _, _) in sorted(mark.days.items())}


def _rules_of(copy: MemoryCopy, default: RuleSet) -> list[dict[str, Any]]:
    """Return the rules of workspaces that have their own; all others hold the default."""
    book = RuleBook(default)
    records = list(copy.scan(codec.RULES_PREFIX))
    book.restore(records)
    found = []
    for key, _ in records:
        workspace = key[len(codec.RULES_PREFIX) :].decode()
        rules = book.rules(workspace)
        named = {
            "scores": [score.id for score in rules.scores],
            "abandonment": [rule.id for rule in rules.abandonment],
            "products": [rule.id for rule in rules.products],
        }
        off = {rule: plain(since) for rule, since in book.quarantined(workspace).items()}
        head = {"workspace": workspace, "version": rules.version, "revision": book.revision(workspace)}
        found.append(head | {"quarantined": off} | named)
    return found
