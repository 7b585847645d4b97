"""Engine values as plain JSON: the forms that replay and inspect write. Every value has one form, to the byte."""

from datetime import UTC, datetime
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import asdict

from streams.model.identity import AccountState
from streams.model.profile import ProfileState
from streams.model.scores import ScoreState, points_at, shares_at
from streams.model.triggers import Trigger
from streams.operators.accounts import points_of, score_of
from streams.operators.history import activity_of

_COMPACT = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_PRETTY = _COMPACT | orjson.OPT_INDENT_2
DATES_END_MS = 253_402_300_800_000
"""The year 10000 begins here, and there are no dates any more."""


def line_of(value: dict[str, Any]) -> bytes:
    """Return the value as one line of JSON, keys in order."""
    return orjson.dumps(value, option=_COMPACT)


def pretty(value: Any) -> str:
    """Return the value as JSON for people."""
    return orjson.dumps(value, option=_PRETTY).decode().rstrip("\n")


def iso_time(at_ms: int) -> str:
    """Return a Unix time in milliseconds as ISO 8601 in UTC; empty for 0, which stands for never, and words for those
    that have no date.
    """
    if not at_ms:
        return ""
    if at_ms >= DATES_END_MS:
        return "after 9999-12-31"
    moment = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{at_ms % 1000:03d}Z"


def plain(value: Any) -> Any:
    """Return a struct as an object of its fields, all the way down, but for those that are empty or packed."""
    if isinstance(value, Struct):
        fields = {name: plain(part) for name, part in asdict(value).items() if not isinstance(part, bytes)}
        return {name: part for name, part in fields.items() if part not in (None, "", [], {})}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def trigger_form(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger as it is written: all fields are there, also empty ones."""
    return {**asdict(trigger), "keys": plain(trigger.keys), "data": plain(trigger.data), "at": iso_time(trigger.at_ms)}


def profile_form(state: ProfileState, at_ms: int) -> dict[str, Any]:
    """Return all that is known of a profile, scores as of `at_ms`."""
    form: dict[str, Any] = {"workspace": state.workspace, "profile": state.id, "as_of_ms": at_ms}
    if state.identity.moved_to:
        form["moved_to"] = state.identity.moved_to
    form["identity"] = plain(state.identity)
    facts = plain(state.facts)
    facts.pop("line_count", None)
    form["facts"] = facts | {"activity": plain(activity_of(state.facts)), "recent": plain(state.facts.recent)}
    form["scores"] = {score: score_form(known, at_ms) for score, known in state.scores.items()}
    windows = [plain(window) | {"value": window.value} for _, window in sorted(state.windows.windows.items())]
    form["windows"] = windows
    if state.account is not None:
        form["account"] = _account_form(state.account, at_ms)
    if state.product is not None:
        form["product"] = plain(state.product)
    return form


def score_form(score: ScoreState, at_ms: int) -> dict[str, Any]:
    """Return a score with what each rule adds to it; the contributions sum to the points."""
    return {
        "points": points_at(score, at_ms),
        "tier": score.tier,
        "is_mql": score.is_mql,
        "half_life_ms": score.half_life_ms,
        "last_at_ms": score.at_ms,
        "contributions": [asdict(share) for share in shares_at(score, at_ms)],
    }


def _account_form(account: AccountState, at_ms: int) -> dict[str, Any]:
    members = {name: points_of(member, at_ms) for name, member in sorted(account.members.items())}
    points = score_of(account.members.values(), at_ms)
    return {"name": account.name, "points": points, "tier": account.tier, "is_mql": account.is_mql, "members": members}
