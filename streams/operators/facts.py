"""Facts: who the profile is, what it told about itself, and the last things it did."""

from typing import Any

import msgspec

from streams.model.events import Event
from streams.model.profiles import FactsState, Interaction
from streams.operators.base import Step

MAX_RECENT = 20
MAX_TRAITS = 100
MAX_TRAIT_BYTES = 1_024
"""Longer text is cut; another value that is longer as JSON is dropped."""
MAX_TRAITS_BYTES = 32_768
"""Of all traits of a profile as JSON; those told longest ago go first."""
_MAX_TRAIT_NAME_CHARS = 256
_FEW_CHARS = MAX_TRAIT_BYTES // 4  # fit in any script
_DROPPED = object()
_json = msgspec.json.Encoder().encode
_DETAILS = ("title", "path", "name", "product_id", "form", "subject", "order_id", "campaign")


class Facts:
    """Keeps keys, traits (newest wins) and recent history, all of bounded size: each event writes its profile anew."""

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
    """Return the traits in the order in which they were last told, as many of the newest as may be kept."""
    news = {name: kept for name, value in told.items() if (kept := _bounded(name, value)) is not _DROPPED}
    merged = {name: value for name, value in known.items() if name not in news} | news
    if len(merged) > MAX_TRAITS:
        merged = dict(list(merged.items())[-MAX_TRAITS:])
    excess_bytes = len(_json(merged)) - MAX_TRAITS_BYTES
    while excess_bytes > 0:
        oldest = next(iter(merged))
        excess_bytes -= len(_json({oldest: merged.pop(oldest)})) - 1
    return merged


def _bounded(name: str, value: Any) -> Any:
    if len(name) > _MAX_TRAIT_NAME_CHARS:
        return _DROPPED
    if isinstance(value, str):
        return value.encode()[:MAX_TRAIT_BYTES].decode(errors="ignore") if len(value) > _FEW_CHARS else value
    return value if len(_json(value)) <= MAX_TRAIT_BYTES else _DROPPED
