"""`campaigniq inspect` on an installation: what was found, as JSON or as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.offline import inspect
from infra.offline.forms import iso_time, pretty
from infra.offline.logs import Place, open_log
from infra.offline.sources import ReadableLog
from infra.rules import read_rules
from infra.settings import load_settings
from streams.log import topics
from streams.model.errors import ConfigurationError
from streams.model.rules.ruleset import RuleSet


async def view(
    what: str,
    place: Place,
    config: Path | None,
    now_ms: int,
    *,
    as_json: bool,
    workspace: str = "",
    name: str = "",
    number: int | None = None,
) -> str:
    """Return the text to print. Raises ConfigurationError and UnknownProfileError."""
    settings = load_settings(config)
    log = await open_log(place, settings)
    try:
        if what == "profile":
            return pretty(await inspect.profile(log, workspace, name, now_ms))
        if what == "lag":
            lag = await inspect.lag(log, now_ms)
            return pretty(lag) if as_json else _lag_table(lag)
        found = await _partitions(log, number, read_rules(settings.engine))
        return pretty(found) if as_json else "\n\n".join(map(_partition_table, found))
    finally:
        await log.close()


async def _partitions(log: ReadableLog, number: int | None, default: RuleSet) -> list[dict[str, Any]]:
    count = log.partitions(topics.STATE)
    if number is not None and number >= count:
        raise ConfigurationError("partition", f"there is no partition {number}", f"Give 0 to {count - 1}")
    return [await inspect.partition(log, n, default) for n in (range(count) if number is None else (number,))]


def _lag_table(lag: dict[str, Any]) -> str:
    partitions = [
        (
            row["partition"],
            row["log_end"],
            row["applied_offset"],
            row["lag_frames"],
            "never" if row["clock_behind_s"] is None else f"{row['clock_behind_s']:.1f} s",
        )
        for row in lag["partitions"]
    ]
    groups = [
        (row["group"], row["topic"], row["partition"], row["log_end"], row["next"], row["lag"]) for row in lag["groups"]
    ]
    engine = _table(("partition", "log end", "applied", "lag (frames)", "clock behind"), partitions)
    readers = _table(("group", "topic", "partition", "log end", "next", "lag (records)"), groups)
    return f"{engine}\n\n{readers}" if groups else engine


def _partition_table(found: dict[str, Any]) -> str:
    rows = [
        ("applied offset", found["applied_offset"]),
        ("clock", found["clock"] or "never"),
        ("profiles", f"{found['profiles']} ({found['moved']} more ids have joined others)"),
        ("timers", found["timers"]),
        ("open windows", _counts(found["open_windows"])),
        ("seen ids", _counts(found["seen_ids_per_day"])),
        ("moves sent to", _counts(found["moves_sent"])),
        ("moves taken from", _counts(_senders(found["moves_taken"]))),
        ("unsent frames", found["unsent_frames"]),
    ]
    for rules in found["rules"]:
        ids = ", ".join((*rules["scores"], *rules["abandonment"], *rules["products"]))
        off = ", ".join(rules["quarantined"])
        text = f"version {rules['version']}: {ids}" + (f"; in quarantine: {off}" if off else "")
        rows.append((f"rules of {rules['workspace']}", text))
    width = max(len(name) for name, _ in rows)
    return "\n".join((f"partition {found['partition']}", *(f"  {name:<{width}}  {value}" for name, value in rows)))


def _senders(taken: dict[str, int]) -> dict[str, int]:
    """Return the numbers by sender: a partition, or a recompute, which is known by its time."""
    named = {sender: f"rescore of {iso_time(-int(sender))}" for sender in taken if sender.startswith("-")}
    return {named.get(sender, sender): number for sender, number in taken.items()}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counts.items()) or "none"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
