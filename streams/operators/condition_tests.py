"""Tests of one value, one closure per condition: which kinds compare, and how. They must take any value at all."""

import sys
from collections.abc import Callable
from math import isfinite
from operator import ge, gt, le, lt
from typing import Any, Final, TypeAlias

from streams.model.errors import RuleError
from streams.model.rules.conditions import Op
from streams.operators.wildcards import compile_wildcard

Test: TypeAlias = Callable[[Any], bool]
Number: TypeAlias = int | float
Scalar: TypeAlias = str | int | float | bool

MAX_TEXT: Final = 8_192
MAX_WANTED: Final = 500
MAX_CHOICES: Final = 1_000
MAX_DIGITS: Final = 40
_MAX_NUMBER: Final = sys.float_info.max
_ORDERS: Final = {Op.GT: gt, Op.GTE: ge, Op.LT: lt, Op.LTE: le}
_OPPOSITES: Final = {Op.NE: Op.EQ, Op.NOT_IN: Op.IN, Op.NOT_CONTAINS: Op.CONTAINS, Op.MISSING: Op.EXISTS}


def compile_test(op: Op, wanted: Any, field: str) -> Test:
    """Return the test of `op`; raises RuleError when `wanted` is not what the op compares with."""
    if op in _ORDERS:
        return _ordered(op, wanted, field)
    if op in _OPPOSITES:
        return _negated(_MAKERS[_OPPOSITES[op]](wanted, field))
    return _MAKERS[op](wanted, field)


def number_in(text: str) -> Number | None:
    """Return the number that a text is, or None; digits grouped by underscores or spaces, NaN and infinity are none."""
    if len(text) > MAX_DIGITS or "_" in text:
        return None
    try:
        if text.isdecimal():
            return int(text)
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _number(value: Any) -> Number | None:
    """Return the value as a number; NaN, which no comparison is true of, is returned as it is."""
    kind = type(value)
    if kind is float or kind is int:
        number: Number = value
        return number
    return number_in(value) if kind is str else None


def _is_usable(wanted: Number) -> bool:
    """Say whether the number is one that events may have: finite, also as a float."""
    return -_MAX_NUMBER <= wanted <= _MAX_NUMBER


def _exists(value: Any) -> bool:
    return value is not None and (value == value) is True  # noqa: PLR0124  NaN is missing


def _negated(test: Test) -> Test:
    return lambda value: not test(value)


def _equal(wanted: Scalar) -> Test:
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, str):
        return _equal_text(wanted.casefold(), number_in(wanted))
    return lambda value: _number(value) == wanted


def _equal_text(folded: str, number: Number | None) -> Test:
    length = len(folded)

    def equal(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            # Folding never shortens, so a longer text is another one.
            return len(value) <= length and value.casefold() == folded
        return number is not None and (kind is float or kind is int) and value == number

    return equal


def _ordered(op: Op, wanted: Any, field: str) -> Test:
    limit = _number(wanted)
    if limit is None or not _is_usable(limit):
        raise RuleError(field, f"{op} needs a number", "Give one, e.g. 100.")
    order = _ORDERS[op]

    def ordered(value: Any) -> bool:
        number = _number(value)
        return number is not None and order(number, limit)

    return ordered


def _one_of(wanted: Any, field: str) -> Test:
    if not isinstance(wanted, list | tuple) or not 0 < len(wanted) <= MAX_CHOICES:
        raise RuleError(field, "a list is needed", f"Give a list of 1 to {MAX_CHOICES} texts or numbers.")
    choices = [_scalar(choice, f"{field}[{place}]") for place, choice in enumerate(wanted)]
    booleans = {choice for choice in choices if isinstance(choice, bool)}
    texts = {choice.casefold() for choice in choices if isinstance(choice, str)}
    longest = max(map(len, texts), default=0)
    numbers = {choice for choice in choices if not isinstance(choice, bool | str)}
    all_numbers = numbers | {n for n in map(number_in, texts) if n is not None}

    def one_of(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            if len(value) <= longest and value.casefold() in texts:
                return True
            return bool(numbers) and number_in(value) in numbers
        if kind is bool:
            return value in booleans
        return (kind is float or kind is int) and value in all_numbers

    return one_of


def _containing(wanted: Scalar) -> Test:
    equal = _equal(wanted)
    folded = wanted.casefold() if isinstance(wanted, str) else None

    def containing(value: Any) -> bool:
        if type(value) is str:
            return folded is not None and folded in value[:MAX_TEXT].casefold()
        return isinstance(value, list | tuple) and any(map(equal, value))

    return containing


def _starting(wanted: str) -> Test:
    folded, length = wanted.casefold(), len(wanted.casefold())
    return lambda value: type(value) is str and value[:length].casefold().startswith(folded)


def _ending(wanted: str) -> Test:
    folded, length = wanted.casefold(), len(wanted.casefold())
    return lambda value: type(value) is str and value[-length:].casefold().endswith(folded)


def _fitting(wanted: str) -> Test:
    fits = compile_wildcard(wanted.casefold())
    return lambda value: type(value) is str and len(value) <= MAX_TEXT and fits(value.casefold())


def _text(wanted: Any, field: str) -> str:
    if not isinstance(wanted, str) or not 0 < len(wanted) <= MAX_WANTED:
        raise RuleError(field, "a text is needed", f"Give one of 1 to {MAX_WANTED} characters.")
    return wanted


def _scalar(wanted: Any, field: str) -> Scalar:
    if isinstance(wanted, str):
        return _text(wanted, field)
    if isinstance(wanted, bool | int | float) and _is_usable(wanted):
        return wanted
    raise RuleError(
        field, "a text, a number or yes/no is needed", "For several use in; for a value that isn't there, missing."
    )


_MAKERS: Final[dict[Op, Callable[[Any, str], Test]]] = {
    Op.EXISTS: lambda _wanted, _field: _exists,
    Op.EQ: lambda wanted, field: _equal(_scalar(wanted, field)),
    Op.IN: _one_of,
    Op.CONTAINS: lambda wanted, field: _containing(_scalar(wanted, field)),
    Op.STARTS_WITH: lambda wanted, field: _starting(_text(wanted, field)),
    Op.ENDS_WITH: lambda wanted, field: _ending(_text(wanted, field)),
    Op.MATCHES: lambda wanted, field: _fitting(_text(wanted, field)),
}
