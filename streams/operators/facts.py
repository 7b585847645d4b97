"""Facts: who the profile is, what it told about itself, and the last things it did."""

from typing import Any

from streams.model.events import Event
from streams.model.profiles import FactsState, Interaction
from streams.operators.base import Step

MAX_RECENT = 20
MAX_TRAITS = 100
_DETAILS = ("title", "path", "name", "product_id", "form", "subject", "order_id", "campaign")


class Facts:
    """Keeps keys, traits (newest wins) and a bounded recent history."""

    def on_event(self, state: FactsState, event: Event, now_ms: int) -> Step[FactsState]:  # noqa: ARG002  protocol
        """Return the state with the event noted."""
        line = Interaction(event.name, event.at_ms, event.source, event.value, _detail(event.properties))
        return Step(
            FactsState(
                state.keys if state.keys == event.keys else state.keys.merged_with(event.keys),
                _merged(state.traits, event.traits) if event.traits else state.traits,
                min(state.first_seen_ms or event.at_ms, event.at_ms),
                max(state.last_seen_ms, event.at_ms),
                state.events + 1,
                (*state.recent[-MAX_RECENT + 1 :], line),
            )
        )

    def on_timer(self, state: FactsState, now_ms: int) -> Step[FactsState]:  # noqa: ARG002  protocol
        """Return the state unchanged: facts don't age."""
        return Step(state)

    def next_timer(self, state: FactsState) -> int:  # noqa: ARG002  protocol
        """Return 0: no timer."""
        return 0


def _detail(properties: dict[str, Any]) -> str:
    for name in _DETAILS:
        value = properties.get(name)
        if value is not None and value != "":
            return str(value)[:120]
    return ""


def _merged(known: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    merged = {**known, **told}
    return dict(list(merged.items())[-MAX_TRAITS:]) if len(merged) > MAX_TRAITS else merged
