"""Renders the reference of all settings from their models. Knows models only: never reads a setting's value."""

import json
import sys
import typing
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from infra.settings import Settings
from infra.settings_tree import PREFIX, Setting, alternatives, settings_of

UNITS = {"ms": "ms", "s": "s", "bytes": "bytes", "days": "days", "hours": "h", "minutes": "min", "percent": "%"}
LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "length at least"}
HEAD = """# Configuration

This page is written by `make docs` from the settings models; a test keeps it complete.

Every setting has a default that works. Set one by its environment variable, or in a TOML file by section and key:
`{prefix}SECTION__KEY=value` is `key = value` under `[section]`. The environment wins over the file. Lists and tables
are given as JSON in the environment. A wrong value stops the start and is named with the remedy, and so is a variable
that has this form and is not listed here.
"""


def undocumented(model: type[BaseModel]) -> list[str]:
    """Return the variables of settings that say nothing of what they mean."""
    leaves = [leaf for setting in settings_of(model) for leaf in (setting, *_items(setting))]
    return [leaf.variable for leaf in leaves if not (leaf.field.description or "").strip()]


def render(model: type[BaseModel]) -> str:
    """Return the reference as Markdown: a heading and a table for each model of the tree."""
    parts = [HEAD.format(prefix=PREFIX)]
    by_section: dict[tuple[str, ...], list[Setting]] = {}
    for setting in settings_of(model):
        by_section.setdefault(setting.path[:-1], []).append(setting)
    for path, settings in by_section.items():
        parts.append(f"## {'.'.join(path) or 'general'}\n")
        parts.append(_table("variable", [(one.variable, one) for one in settings]))
        for one in settings:
            if items := _items(one):
                parts.append(f"Each entry of `{one.variable}`:\n")
                parts.append(_table("key", [(item.path[-1], item) for item in items]))
    return "\n".join(parts)


def _table(first: str, rows: list[tuple[str, Setting]]) -> str:
    lines = [f"| {first} | default | meaning |", "|---|---|---|"]
    lines += [f"| `{name}` | {_default(one)} | {_meaning(one.field)} |" for name, one in rows]
    return "\n".join(lines) + "\n"


def _meaning(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split()).replace("|", "\\|").rstrip(".")
    choices = _choices(field.annotation)
    notes = [f"one of {', '.join(f'`{choice}`' for choice in choices)}"] if choices else []
    notes += [
        f"{words} {getattr(rule, limit)}"
        for rule in field.metadata
        for limit, words in LIMITS.items()
        if getattr(rule, limit, None) is not None
    ]
    return f"{text} ({'; '.join(notes)})" if notes else text


def _default(setting: Setting) -> str:
    if setting.field.is_required() and setting.section is None:
        return "required"
    if _is_secret(setting.field.annotation):
        return "a secret, unset"
    value = setting.default
    if value is None or value == "":
        return "unset"
    unit = _unit(setting.path[-1]) if isinstance(value, int | float) else ""
    text = value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)
    return f"`{text}`{' ' if unit else ''}{unit}".replace("|", "\\|")


def _unit(name: str) -> str:
    """Return the unit that ends a setting's name; `_per_s` is a rate."""
    *_, before, last = ("", *name.split("_"))
    return f"per {UNITS[last]}" if before == "per" and last in UNITS else UNITS.get(last, "")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value.value if isinstance(value, Enum) else str(value)


def _items(setting: Setting) -> list[Setting]:
    for part in alternatives(setting.field.annotation):
        for argument in typing.get_args(part):
            if isinstance(argument, type) and issubclass(argument, BaseModel):
                return list(settings_of(argument, setting.path))
    return []


def _choices(annotation: Any) -> list[str]:
    for part in alternatives(annotation):
        if typing.get_origin(part) is Literal:
            return [str(choice) for choice in typing.get_args(part)]
        if isinstance(part, type) and issubclass(part, Enum):
            return [str(member.value) for member in part]
    return []


def _is_secret(annotation: Any) -> bool:
    return any(part in (SecretStr, SecretBytes) for part in alternatives(annotation))


def main(target: str) -> None:
    """Write the reference of this installation's settings to a file."""
    Path(target).write_text(render(Settings), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
