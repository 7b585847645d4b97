"""What an operator is: a pure state machine over one profile. State in, event or time in; state and firings out."""

from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from streams.model.events import Event

S = TypeVar("S")

LATE_AFTER_MS = 86_400_000
"""An event that took longer than this to arrive updates history and scores but fires nothing."""


class Firing(Struct, frozen=True):
    """A rule that became true; the pipeline makes a Trigger of it. `occurrence` tells one firing from the next."""

    rule: str
    occurrence: str
    due_ms: int
    data: dict[str, Any]


class Step(NamedTuple, Generic[S]):
    """The state after a step, and what fired in it."""

    state: S
    firings: tuple[Firing, ...] = ()


Stepped: TypeAlias = tuple[S, tuple[Firing, ...]]
"""The state after a step, and what fired in it."""


class Operator(Protocol[S]):
    """`now_ms` is always log time. The state is an immutable value: it is its own snapshot."""

    def on_event(self, state: S, event: Event, now_ms: int) -> Step[S]:
        """Return the state after `event`; called in log order."""
        ...

    def on_timer(self, state: S, now_ms: int) -> Step[S]:
        """Return the state after the timers due by `now_ms`; called at least once per due timer."""
        ...

    def next_timer(self, state: S) -> int:
        """Return the log time at which on_timer must be called, or 0."""
        ...


def is_late(event: Event, now_ms: int) -> bool:
    """Say whether the event is too old to cause anything now."""
    return now_ms - event.at_ms > LATE_AFTER_MS
