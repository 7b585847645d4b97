"""What a partition says of a workspace's rules: which version holds there, and which rules failed and are off."""

from msgspec import Struct


class Quarantine(Struct, frozen=True, array_like=True):
    """Since when (log time) a rule is off, and what it failed with."""

    since_ms: int
    reason: str = ""


class RulesInForce(Struct, frozen=True, array_like=True):
    """The rules of a workspace in one partition; `revision` 0: those of the settings."""

    workspace: str
    partition: int
    revision: int
    quarantined: dict[str, Quarantine] = {}
