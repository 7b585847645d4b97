"""What operators share. An operator is a pure state machine over a part of a profile: state and event or log time in,
state and firings out. Its state is an immutable value, and so its own snapshot.
"""

from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from streams.model.events import HISTORICAL, Event

S = TypeVar("S")

LATE_AFTER_MS = 86_400_000
"""An event that took longer than this to arrive updates history and scores but fires nothing."""


class Firing(Struct, frozen=True):
    """A rule that became true; the pipeline makes a Trigger of it. `occurrence` tells one firing from the next."""

    rule: str
    occurrence: str
    due_ms: int
    data: dict[str, Any]


Stepped: TypeAlias = tuple[S, tuple[Firing, ...]]
"""The state after a step, and what fired in it."""


def is_late(event: Event, now_ms: int, after_ms: int = LATE_AFTER_MS) -> bool:
    """Say whether the event is too old to cause anything now, or one that the door took as history."""
    return now_ms - event.at_ms > after_ms or (
        event.provenance is not None and HISTORICAL in event.provenance.flags  # a call costs more
    )
