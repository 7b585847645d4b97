"""Abandonment rules compiled: checked once, and indexed by the names of the events that they speak of."""

from collections.abc import Sequence
from math import isfinite
from typing import TypeAlias

from msgspec import Struct

from streams.model.errors import RuleError
from streams.model.events import Event
from streams.model.facts import FactsState
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, WindowKind
from streams.model.windows import window_key
from streams.operators.conditions import Check, compile_when

MAX_RULES = 100
MAX_STEPS = 10
MIN_STEP_MS = 100
MAX_STEP_MS = 366 * 86_400_000
MAX_MATCHES = 50
_MAX_NAME_CHARS = 128

CANCELS, OPENS, EXTENDS = range(3)
"""What an event means to a rule; where it means several things, the first of these counts."""

Match: TypeAlias = tuple[int, Check | None]


class WindowRule(Struct, frozen=True):
    """A rule as windows need it. `key` is that of its one window; those of a subject append to it.

    `has_cart`: its items are a cart's lines. `keeps_fired`: a window that has fired its last step stays, a cart for
    what is in it, others so that they fire only once.
    """

    id: str
    kind: str
    steps_ms: tuple[int, ...]
    first_ms: int
    key: str
    subject: str
    min_value: float
    rearm: bool
    url_property: str
    has_cart: bool
    is_checkout: bool
    has_form: bool
    keeps_fired: bool


Concern: TypeAlias = tuple[WindowRule, tuple[Match, ...]]
"""What an event of one name means to one rule."""


def compile_window_rules(rules: Sequence[AbandonmentRule]) -> tuple[dict[str, WindowRule], dict[str, list[Concern]]]:
    """Return the rules by id, and by event name whom an event concerns. Raises RuleError."""
    if len(rules) > MAX_RULES:
        raise RuleError("abandonment", f"{len(rules)} rules", f"Use at most {MAX_RULES}.")
    by_id: dict[str, WindowRule] = {}
    by_name: dict[str, list[Concern]] = {}
    for number, rule in enumerate(rules):
        field = f"abandonment[{number}]"
        check_id(rule.id, by_id, field)
        _check_rule(rule, field)
        compiled = by_id[rule.id] = _compiled(rule)
        parts = (("cancels", rule.cancels), ("opens", rule.opens), ("extends", rule.extends))
        for name, matches in matches_by_name(parts, field).items():
            by_name.setdefault(name, []).append((compiled, matches))
    return by_id, by_name


def _compiled(rule: AbandonmentRule) -> WindowRule:
    has_cart = rule.kind in {WindowKind.CART, WindowKind.CHECKOUT}
    return WindowRule(
        rule.id,
        str(rule.kind),
        tuple(rule.steps_ms),
        rule.steps_ms[0],
        window_key(rule.id, ""),
        rule.subject,
        rule.min_value,
        rule.rearm,
        "cart_url" if has_cart else "url",
        has_cart,
        rule.kind == WindowKind.CHECKOUT,
        rule.kind in {WindowKind.FORM, WindowKind.REGISTRATION},
        rule.kind == WindowKind.CART or not rule.rearm,
    )


def role_of(matches: tuple[Match, ...], event: Event, facts: FactsState) -> int | None:
    """Return what the event means to the rule, None when no match holds."""
    for role, holds in matches:
        if holds is None or holds(event, facts):
            return role
    return None


def check_id(rule_id: str, taken: object, field: str) -> None:
    """Raise RuleError unless the id is a short plain name that is not `taken` (a set or mapping of ids) yet."""
    if not rule_id or len(rule_id) > _MAX_NAME_CHARS or not rule_id.isprintable():
        raise RuleError(f"{field}.id", f"{rule_id[:40]!r} is no id", "Give a short name, e.g. cart_abandoned.")
    if rule_id in taken:  # type: ignore[operator]  # a set or a mapping
        raise RuleError(f"{field}.id", f"{rule_id!r} is used twice", "Give each rule an id of its own.")


def check_matches(matches: Sequence[EventMatch], field: str) -> None:
    """Raise RuleError unless there are a few matches, each with an event's name."""
    if not 0 < len(matches) <= MAX_MATCHES:
        raise RuleError(field, f"{len(matches)} events", f"Name 1 to {MAX_MATCHES} events.")
    for number, match in enumerate(matches):
        if not match.event.strip() or len(match.event) > _MAX_NAME_CHARS:
            raise RuleError(f"{field}[{number}].event", "is no event's name", "Give one, e.g. product_added.")


def matches_by_name(parts: tuple[tuple[str, tuple[EventMatch, ...]], ...], field: str) -> dict[str, tuple[Match, ...]]:
    """Return per event name what it may mean: the place among `parts`, in their order. Raises RuleError."""
    found: dict[str, tuple[Match, ...]] = {}
    for role, (part, matches) in enumerate(parts):
        for number, match in enumerate(matches):
            check = compile_when(match.when, f"{field}.{part}[{number}].when")
            found[match.event] = (*found.get(match.event, ()), (role, check))
    return found


def _check_rule(rule: AbandonmentRule, field: str) -> None:
    kinds = [kind.value for kind in WindowKind]
    if rule.kind not in kinds:
        raise RuleError(f"{field}.kind", f"{rule.kind!r} is unknown", f"Use one of {', '.join(kinds)}.")
    check_matches(rule.opens, f"{field}.opens")
    check_matches(rule.cancels, f"{field}.cancels")
    if rule.extends:
        check_matches(rule.extends, f"{field}.extends")
    _check_steps(rule.steps_ms, f"{field}.steps_ms")
    if len(rule.subject) > _MAX_NAME_CHARS:
        raise RuleError(f"{field}.subject", "is too long", "Name a property, e.g. cart_id, or leave it empty.")
    if not isfinite(rule.min_value) or rule.min_value < 0:
        raise RuleError(f"{field}.min_value", f"{rule.min_value} is no amount", "Give 0 or more.")


def _check_steps(steps_ms: tuple[int, ...], field: str) -> None:
    if not 0 < len(steps_ms) <= MAX_STEPS:
        raise RuleError(field, f"{len(steps_ms)} steps", f"Give 1 to {MAX_STEPS}.")
    before_ms = 0
    for number, step_ms in enumerate(steps_ms):
        if not MIN_STEP_MS <= step_ms <= MAX_STEP_MS:
            raise RuleError(f"{field}[{number}]", f"{step_ms} ms", f"Give {MIN_STEP_MS} to {MAX_STEP_MS} ms.")
        if step_ms <= before_ms:
            raise RuleError(f"{field}[{number}]", "comes no later than the step before", "Let the steps ascend.")
        before_ms = step_ms
