"""Alert: a metric does what it should not. Identity is what it is about; everything that varies is annotation."""

from enum import StrEnum

from msgspec import Struct

from streams.model.ids import stable_id


class AlertState(StrEnum):
    """pending (seen, not yet for long enough) -> firing -> resolved; pending may fall back to resolved: nobody needs to
    be told of the end of an episode that never fired (`Alert.fired` is false).
    """

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class AlertRule(StrEnum):
    """The detectors that raise alerts."""

    SOURCE_SILENT = "source_silent"
    RATE_SHIFT = "rate_shift"
    RULE_FAILED = "rule_failed"


class Alert(Struct, frozen=True, array_like=True):
    """One alert as it stands at `at_ms` (log time).

    `since_ms` is when the present episode began: (id, since_ms, state) names one announcement. `value` is what was
    seen, `expected_low`..`expected_high` what would have been normal, all in events per bucket (silence: milliseconds
    without an event), `score` in 0..1. `fired`: the episode is or was firing.
    """

    id: str
    workspace: str
    rule: str
    subject: str
    state: AlertState
    since_ms: int
    at_ms: int
    value: float
    expected_low: float
    expected_high: float
    score: float
    summary: str
    fired: bool = True


def alert_id(workspace: str, rule: str, subject: str) -> str:
    """Return the identity of the alert that `rule` raises about `subject` (a source or a series)."""
    return stable_id("alert", workspace, rule, subject)
