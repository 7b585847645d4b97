"""Deliveries, alerts and carts of the engine become the API's shapes. Pure."""

from collections.abc import Mapping
from typing import Any

from api import schemas
from api.deps import DeliveryRow
from streams.model.alerts import Alert

_ID_SHOWN = 12


def delivery(row: DeliveryRow) -> dict[str, Any]:
    owed = row.delivery
    return {
        "id": owed.id,
        "profile": owed.profile,
        "campaign": owed.campaign,
        "channel": owed.channel,
        "template": owed.template,
        "recipient": owed.recipient,
        "subject": row.subject,
        "status": row.status.value,
        "reason": row.reason,
        "attempts": row.attempts,
        "created_ms": owed.created_ms,
        "due_ms": owed.due_ms,
        "finished_ms": row.finished_ms,
        "trigger_id": owed.trigger_id,
    }


def alert(value: Alert) -> dict[str, Any]:
    return {
        "id": value.id,
        "rule": value.rule,
        "subject": value.subject,
        "state": value.state.value,
        "since_ms": value.since_ms,
        "at_ms": value.at_ms,
        "value": value.value,
        "expected_low": value.expected_low,
        "expected_high": value.expected_high,
        "score": value.score,
        "summary": value.summary,
    }


def open_carts(found: Mapping[str, tuple[int, float]]) -> dict[str, schemas.OpenCarts]:
    return {c: schemas.OpenCarts(count=count, value=round(value, 2)) for c, (count, value) in found.items()}


def who(name: str | None, email: str | None, profile: str) -> str:
    """Return what a person is called on the page: name, else e-mail, else the id without its kind, shortened."""
    if name or email:
        return (name or email or "")[:80]
    bare = profile.partition(":")[2] or profile
    return bare if len(bare) <= _ID_SHOWN else f"{bare[:_ID_SHOWN]}…"
