"""Holds what the workers wrote against the plain reference."""

from collections import Counter
from typing import Any

import msgspec

from streams.model.profile import ProfileState
from streams.model.rollups import SESSIONS
from streams.model.triggers import Trigger
from streams.state import codec
from tests.chaos.compare import Differences
from tests.chaos.reference import RIGID, PersonKey, Reference
from tests.chaos.single_pass import Outcome

_LANDMARK_HALF_LIVES = 256
_TOLERANCE = 1e-9
_MICROS = 1_000_000
_decode_trigger = msgspec.msgpack.Decoder(Trigger).decode


def check_series(told: Outcome, reference: Reference, differences: Differences) -> None:
    """Every event stands in its series once: sums over partitions and parts."""
    found: dict[Any, tuple[int, int]] = {}
    for (series, bucket_ms, _, _), (count, value) in told.totals.items():
        if series.event == SESSIONS:
            continue
        key = (series.workspace, series.event, series.campaign, series.source, series.currency, bucket_ms)
        known = found.get(key, (0, 0))
        found[key] = (known[0] + count, known[1] + round(value * _MICROS))
    differences.maps("series by reference", found, reference.series)


def check_people(states: list[Outcome], reference: Reference, differences: Differences) -> None:
    """Events and points of people, over all their ids together."""
    events: Counter[PersonKey] = Counter()
    points: dict[PersonKey, list[tuple[int, float, int]]] = {}
    for outcome in states:
        for state in _profiles(outcome):
            person = _person_of(state)
            if person is None:
                continue
            facts = state.facts
            events[person] += facts.events + sum(part.events for part in facts.moved.values())
            score = state.scores.get("lead")
            if score is not None:
                points.setdefault(person, []).append((score.epoch, score.total, score.half_life_ms))
    differences.maps("people's events by reference", events, reference.counts)
    latest_ms = max(score.latest_ms for score in reference.weights.values())
    differences.compared["scores by reference"] += len(reference.weights)
    for person in reference.weights:
        told = sum(
            total * 2.0 ** -((latest_ms - epoch * _LANDMARK_HALF_LIVES * half_life) / half_life)
            for epoch, total, half_life in points.get(person, ())
        )
        expected = reference.points(person, latest_ms)
        if abs(told - expected) > _TOLERANCE * max(1.0, abs(expected)):
            differences.note("scores by reference", f"{person}: {told}, expected {expected}")


def check_triggers(told: Outcome, reference: Reference, differences: Differences) -> None:
    """Tiers, qualifications and carts of people of one id."""
    tiers: Counter[tuple[str, str]] = Counter()
    mqls: Counter[tuple[str, str]] = Counter()
    carts: Counter[tuple[str, str, str]] = Counter()
    for value in told.triggers.elements():
        trigger = _decode_trigger(value)
        who = (trigger.workspace, trigger.profile)
        if trigger.rule == "lead_tier":
            tiers[who] += 1
        elif trigger.rule == "lead_mql":
            mqls[who] += 1
        elif trigger.rule == "cart_abandoned":
            carts[*who, trigger.data["subject"]] += 1
    differences.compared["announcements by reference"] += len(reference.alone)
    for who in reference.alone:
        expected = reference.announced(*who)
        if (tiers[who], mqls[who]) != expected:
            differences.note("announcements by reference", f"{who}: {tiers[who]}, {mqls[who]}, expected {expected}")
    differences.compared["carts by reference"] += len(reference.carts)
    for key, cart in reference.carts.items():
        if not cart.least <= carts[key] <= cart.most:
            differences.note("carts by reference", f"{key}: {carts[key]}, expected {cart.least} to {cart.most}")


def _profiles(outcome: Outcome) -> list[ProfileState]:
    return [codec.decode_profile(value) for key, value in outcome.state.items() if key.startswith(codec.PROFILE_PREFIX)]


def _person_of(state: ProfileState) -> PersonKey | None:
    """Return who an id belongs to, by its name: u12, b12, b12.1, p12@mail.example."""
    kind, _, value = state.id.partition(":")
    if state.workspace not in RIGID or kind not in {"user", "anon", "email"}:
        return None
    return state.workspace, int(value[1:].partition("@")[0].partition(".")[0])
