"""Lead score: points per action with exponential decay, tiers, and the moment a lead is worth a call (MQL)."""

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

from streams.model.events import Event
from streams.model.profiles import HOT_AT, MQL_AT, Contribution, ScoreState, Tier, decayed, tier_of
from streams.model.triggers import TriggerRule
from streams.operators.base import Firing, Step, is_late

DAY_MS = 86_400_000

DEFAULT_POINTS: dict[str, float] = {
    "demo_requested": 50,
    "call_booked": 40,
    "form_submitted": 20,
    "pricing_viewed": 15,
    "case_study_viewed": 12,
    "whitepaper_downloaded": 10,
    "email_clicked": 8,
    "email_opened": 5,
}
DEFAULT_PAGES: dict[str, str] = {
    "/pricing*": "pricing_viewed",
    "*/pricing*": "pricing_viewed",
    "*/case-stud*": "case_study_viewed",
}
_RANK = {Tier.COLD: 0, Tier.WARM: 1, Tier.HOT: 2}


class ScoreRules(Struct, frozen=True):
    """Points per event name; `pages` maps a path pattern (`*` matches anything) to the event a page view counts as."""

    points: Mapping[str, float] = field(default_factory=DEFAULT_POINTS.copy)
    pages: Mapping[str, str] = field(default_factory=DEFAULT_PAGES.copy)
    half_life_ms: int = 30 * DAY_MS


class LeadScore:
    """score(t) = sum over events of points * 0.5 ** ((t - at) / half_life); order of arrival does not matter."""

    def __init__(self, rules: ScoreRules) -> None:
        self.rules = rules
        self._pages = [(re.compile(translate(pattern)), name) for pattern, name in rules.pages.items()]

    def on_event(self, state: ScoreState, event: Event, now_ms: int) -> Step[ScoreState]:
        """Add the event's points; announce a tier that is entered from below, and the MQL once per ascent."""
        rule = event.name if event.name != "page_viewed" else self._page_rule(event)
        points = self.rules.points.get(rule)
        if points is None:
            return Step(state)
        added = self._add(state, rule, points, event.at_ms)
        if is_late(event, now_ms):
            return Step(added)
        return self._announce(state, added, event, now_ms)

    def on_timer(self, state: ScoreState, now_ms: int) -> Step[ScoreState]:  # noqa: ARG002  protocol
        """Return the state unchanged: decay is arithmetic, not a timer."""
        return Step(state)

    def next_timer(self, state: ScoreState) -> int:  # noqa: ARG002  protocol
        """Return 0: no timer."""
        return 0

    def _page_rule(self, event: Event) -> str:
        path = _path_of(event.properties)
        return next((name for pattern, name in self._pages if pattern.match(path)), event.name)

    def _add(self, state: ScoreState, rule: str, points: float, at_ms: int) -> ScoreState:
        half_life = self.rules.half_life_ms
        ref_ms = max(state.at_ms, at_ms)
        gained = decayed(points, ref_ms - at_ms, half_life)
        aged = ref_ms - state.at_ms
        contributions, found = [], False
        for entry in state.contributions:
            kept = decayed(entry.points, aged, half_life)
            if entry.rule == rule:
                found = True
                contributions.append(Contribution(rule, entry.count + 1, kept + gained, max(entry.last_at_ms, at_ms)))
            else:
                contributions.append(Contribution(entry.rule, entry.count, kept, entry.last_at_ms))
        if not found:
            contributions.append(Contribution(rule, 1, gained, at_ms))
        total = decayed(state.points, aged, half_life) + gained
        return ScoreState(total, ref_ms, state.tier, state.is_mql, tuple(contributions))

    def _announce(self, before: ScoreState, added: ScoreState, event: Event, now_ms: int) -> Step[ScoreState]:
        faded = decayed(before.points, added.at_ms - before.at_ms, self.rules.half_life_ms)
        known_tier = min(before.tier, tier_of(faded), key=_RANK.__getitem__)
        was_mql = before.is_mql and faded >= HOT_AT
        tier = max(known_tier, tier_of(added.points), key=_RANK.__getitem__)
        is_mql = was_mql or added.points >= MQL_AT
        data: dict[str, Any] = {"score": round(added.points, 2), "tier": tier, "previous_tier": known_tier}
        firings = []
        # With the time of receipt: an id may come again once the platform has forgotten it.
        occurrence = f"{event.id}:{event.received_ms}"
        if tier != known_tier:
            firings.append(Firing(TriggerRule.LEAD_TIER, f"{occurrence}:{tier}", now_ms, data))
        if is_mql and not was_mql:
            firings.append(Firing(TriggerRule.LEAD_MQL, occurrence, now_ms, data))
        return Step(ScoreState(added.points, added.at_ms, tier, is_mql, added.contributions), tuple(firings))


def _path_of(properties: Mapping[str, Any]) -> str:
    path = properties.get("path")
    if isinstance(path, str) and path:
        return path
    url = properties.get("url")
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""
