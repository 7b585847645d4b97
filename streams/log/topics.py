"""Every topic of an installation, in one table. Names are versioned; a change of format is a new name."""

from typing import NamedTuple

from streams.model.errors import UnknownTopicError

_DAY_MS = 86_400_000
_GIB = 1 << 30

EVENTS = "campaigniq.events.v1"
TRIGGERS = "campaigniq.triggers.v1"
ROLLUPS = "campaigniq.rollups.v1"
ALERTS = "campaigniq.alerts.v1"
STATE = "campaigniq.state.v1"
ALERT_STATE = "campaigniq.alert_state.v1"
RULES_IN_FORCE = "campaigniq.rules_in_force.v1"
DEAD_LETTERS = "campaigniq.dead_letters.v1"
KEPT = "campaigniq.kept.v1"


class Topic(NamedTuple):
    """What a topic holds and for how long. `compacted`: the newest record of each key is kept for ever."""

    name: str
    holds: str
    compacted: bool
    retention_ms: int
    retention_bytes: int


TOPICS: dict[str, Topic] = {
    t.name: t
    for t in (
        Topic(EVENTS, "frames of events and ticks, by profile", False, 30 * _DAY_MS, 8 * _GIB),
        Topic(TRIGGERS, "triggers (msgpack), by profile", False, 30 * _DAY_MS, _GIB),
        Topic(ROLLUPS, "frames of absolute totals, by workspace", False, 2 * _DAY_MS, _GIB),
        Topic(ALERTS, "alerts (msgpack), by workspace", False, 30 * _DAY_MS, _GIB),
        Topic(STATE, "profiles and partition state, by key", True, 0, 0),
        Topic(ALERT_STATE, "what the alerts stage knows, one record a partition", True, 0, 0),
        Topic(RULES_IN_FORCE, "which rules hold in each partition (msgpack), by workspace", True, 0, 0),
        Topic(DEAD_LETTERS, "dead letters (msgpack)", False, 30 * _DAY_MS, _GIB),
        Topic(KEPT, "frames of the events without people who were erased, by place", False, 30 * _DAY_MS, _GIB),
    )
}


def topic(name: str) -> Topic:
    """Return the topic called `name`. Raises UnknownTopicError."""
    try:
        return TOPICS[name]
    except KeyError:
        raise UnknownTopicError(f"{name} is not a topic of this installation; see streams/log/topics.py") from None
