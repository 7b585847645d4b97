"""Conditions compiled to closures. They are total: no event, however odd, makes one raise.

Kinds are text, number, yes/no, list and object; null, NaN and what isn't there are missing.
  - Unlike kinds are unequal: eq, gt, in, contains, … are false, and ne, not_in, not_contains are true, as for a missing
    value. A number and a text compare as numbers when the text is one. A yes/no is never a number.
  - Text compares without regard to case. contains and not_contains look into lists too, for an equal entry.
  - contains sees the first `MAX_TEXT` characters; a longer text fits no pattern of matches.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streams.model.errors import RuleError
from streams.model.events import Event, Utm
from streams.model.facts import FactsState
from streams.model.rules.conditions import Condition, Op
from streams.operators.condition_tests import Test, compile_test

Check: TypeAlias = Callable[[Event, FactsState], bool]


MAX_CONDITIONS = 20
MAX_PATH = 200
MAX_DEPTH = 8
ROOTS = ("properties", "traits", "utm", "keys", "value", "currency", "source")
_KEYS = ("user_id", "anonymous_id", "email", "phone", "device_id")
_PLAIN = ("value", "currency", "source")


def compile_when(when: tuple[Condition, ...], field: str, roots: tuple[str, ...] = ROOTS) -> Check | None:
    """Return a check that all conditions hold, or None when there are none. `field` is the path of `when` in the rules.

    Traits and keys are those of the profile after the event. Raises RuleError.
    """
    if len(when) > MAX_CONDITIONS:
        raise RuleError(field, f"{len(when)} conditions", f"Use at most {MAX_CONDITIONS}.")
    checks = tuple(_compiled(condition, f"{field}[{number}]", roots) for number, condition in enumerate(when))
    if len(checks) < 2:  # noqa: PLR2004  one check needs nobody to join it
        return checks[0] if checks else None

    def all_hold(event: Event, facts: FactsState) -> bool:
        for check in checks:  # noqa: SIM110  a generator costs more than the checks
            if not check(event, facts):
                return False
        return True

    return all_hold


def _compiled(condition: Condition, field: str, roots: tuple[str, ...]) -> Check:
    path = condition.field
    if not path or len(path) > MAX_PATH or path.count(".") > MAX_DEPTH:
        raise RuleError(
            f"{field}.field",
            "the path is empty, too long or too deep",
            f"Use at most {MAX_PATH} characters and {MAX_DEPTH} dots, e.g. properties.plan.",
        )
    root, *steps = path.split(".")
    if root not in roots or not all(steps):
        raise RuleError(f"{field}.field", f"{path!r} is no path", f"Begin with one of {', '.join(roots)}.")
    if bool(steps) == (root in _PLAIN):
        raise RuleError(
            f"{field}.field", f"{path!r} is no path", f"{', '.join(_PLAIN)} stand alone; the others need a name."
        )
    test = compile_test(Op(condition.op), condition.value, f"{field}.value")
    return _reading(root, tuple(steps), test, f"{field}.field")


def _reading(root: str, steps: tuple[str, ...], test: Test, field: str) -> Check:
    if root == "properties":
        return _of_properties(steps, test)
    if root == "traits":
        return _of_traits(steps, test)
    if root == "utm":
        if len(steps) != 1 or steps[0] not in Utm.__struct_fields__:
            raise RuleError(field, "no such campaign tag", f"Use one of {', '.join(Utm.__struct_fields__)}.")
        return _of_utm(steps[0], test)
    if root == "keys":
        return _of_keys(steps, test, field)
    return _of_event(root, test)


def _of_properties(steps: tuple[str, ...], test: Test) -> Check:
    key, *deeper = steps
    if not deeper:
        return lambda event, _: test(event.properties.get(key))
    return lambda event, _: test(_inside(event.properties.get(key), deeper))


def _of_traits(steps: tuple[str, ...], test: Test) -> Check:
    key, *deeper = steps

    def check(_: Event, facts: FactsState) -> bool:
        trait = facts.traits.get(key)
        value = None if trait is None else trait.value
        return test(_inside(value, deeper) if deeper else value)

    return check


def _of_utm(tag: str, test: Test) -> Check:
    return lambda event, _: test(getattr(event.utm, tag, None))


def _of_keys(steps: tuple[str, ...], test: Test, field: str) -> Check:
    if len(steps) == 1 and steps[0] in _KEYS:
        key = steps[0]
        return lambda _, facts: test(getattr(facts.keys, key))
    if len(steps) == 2 and steps[0] == "custom":  # noqa: PLR2004  keys.custom.<kind>
        kind = steps[1]
        return lambda _, facts: test(dict(facts.keys.custom).get(kind))
    raise RuleError(field, "no such id", f"Use one of {', '.join(_KEYS)} or custom.<kind>.")


def _of_event(name: str, test: Test) -> Check:
    return lambda event, _: test(getattr(event, name))


def _inside(value: Any, steps: list[str]) -> Any:
    for step in steps:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
