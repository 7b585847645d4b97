"""Dead letters and what sources send, as text for a terminal. What strangers have sent can't steer the terminal."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

_COLOURS = {
    "accepted": 32, "replayed": 32, "would_replay": 32, "already_replayed": 36, "rejected": 31, "failed": 31,
    "refused": 31, "unknown": 31, "uncertain": 33, "suppressed": 35, "declined": 35, "ignored": 36,
}  # fmt: skip
_MAX_CELL = 100


def plain(text: object, most: int = 2_000) -> str:
    """Return the text on one line, without what a terminal would act on, and not too long."""
    shown = "".join(char if char.isprintable() else "·" for char in str(text)[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def moment(at_ms: int | None) -> str:
    """Return a time in UTC, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at_ms else ""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under their heads, in columns as wide as they need."""
    cells = [tuple(head), *(tuple(plain(cell, _MAX_CELL) for cell in row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def letters(found: dict[str, Any]) -> str:
    """Return a page of letters."""
    if not found["letters"]:
        return "no dead letters"
    rows = [
        (one["id"], moment(one["at_ms"]), one["source"], one["via"] or one["stage"], one["state"], one["reason"])
        for one in found["letters"]
    ]
    shown = table(("id", "when", "source", "via", "state", "reason"), rows)
    more = f"\n… of {found['total']:,}; go on with --after {found['next_after']}" if found["next_after"] else ""
    return shown + more


def letter(found: dict[str, Any]) -> str:
    """Return one letter with its bytes."""
    names = ("id", "source", "stage", "via", "code", "field", "reason", "state", "state_by", "outcome", "attempts")
    lines = [f"{name:<10}{plain(found[name])}" for name in names if found[name] != ""]
    lines.insert(1, f"{'when':<10}{moment(found['at_ms'])}")
    if found["head"]:
        lines.append(f"{'head':<10}{plain(json.dumps(found['head'], ensure_ascii=False))}")
    size = f"{found['encoding']}, {'cut' if found['is_cut'] else 'whole'}"
    return "\n".join([*lines, f"bytes ({size}):", *map(plain, _body(found))])


def verdict(found: dict[str, Any], *, colour: bool) -> str:
    """Return what came of a letter, with its events."""
    told = f"{found['id']:<12} {painted(found['verdict'], colour=colour)}  {plain(found['reason'])}".rstrip()
    return "\n".join([told, *(f"{'':<13}{_event(event)}" for event in found["events"])])


def noted(found: dict[str, Any], *, colour: bool) -> str:
    """Return what became of one message of a source, on a line."""
    what = _event(found["event"]) if found["event"] else plain(found["raw"] or "", 300)
    times = f" {found['times']} times" if found["times"] > 1 else ""
    shown = (moment(found["at_ms"])[11:], painted(found["verdict"], colour=colour) + times, found["via"])
    return "  ".join(filter(None, (*shown, plain(found["reason"]), what)))


def counts(found: dict[str, int]) -> str:
    """Return how often each verdict was given."""
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in found.items()) or "nothing"


def painted(word: str, *, colour: bool) -> str:
    """Return a verdict in its colour."""
    number = _COLOURS.get(word)
    return f"\x1b[{number}m{word}\x1b[0m" if colour and number else plain(word)


def _event(event: dict[str, Any]) -> str:
    value = f" {event['value']:g} {event['currency'] or ''}".rstrip() if event["value"] is not None else ""
    flags = f" [{', '.join(event['flags'])}]" if event["flags"] else ""
    told = json.dumps(event["properties"], ensure_ascii=False) if event["properties"] else ""
    return plain(f"{event['name']} {event['profile']}{value}{flags} {told}".rstrip(), 300)


def _body(found: dict[str, Any]) -> list[str]:
    try:
        return json.dumps(json.loads(found["raw"]), indent=2, ensure_ascii=False).splitlines()
    except (ValueError, RecursionError):
        return str(found["raw"]).splitlines()
