"""Trigger: the engine's decision that something is due for one profile. It says what and why, never how to send."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from streams.model.events import ProfileKeys
from streams.model.ids import stable_id


class TriggerRule(StrEnum):
    """The rules that fire triggers; the value is part of every trigger id and must never change."""

    CART_ABANDONED = "cart_abandoned"
    LEAD_TIER = "lead_tier"
    LEAD_MQL = "lead_mql"


class Trigger(Struct, frozen=True, array_like=True, gc=False):
    """One firing of a rule for a profile.

    `at_ms` is the log time at which it fired, `due_ms` the log time at which it should have (equal unless a window
    closed); `data` is the rule's own content (the cart's items, or score and tiers).
    """

    id: str
    workspace: str
    rule: str
    profile: str
    occurrence: str
    at_ms: int
    due_ms: int
    keys: ProfileKeys
    traits: dict[str, Any] = {}
    data: dict[str, Any] = {}


def trigger_id(workspace: str, rule: str, profile: str, occurrence: str) -> str:
    """Return the id that the same firing always gets, whatever was replayed."""
    return stable_id("trigger", workspace, rule, profile, occurrence)
