"""Condition: a test of one value of an event or a profile, as data. `streams.operators.conditions` compiles it."""

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Op(StrEnum):
    """How a value is compared. Text compares without regard to case; a comparison of unlike kinds is false."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    MATCHES = "matches"
    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"
    MISSING = "missing"


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """`field` is a dotted path: properties.…, traits.…, utm.source, value, currency, source.

    `value` is what the op compares with: a list for in and not_in, a pattern with `*` for matches, nothing for exists
    and missing.
    """

    field: str
    op: Op = Op.EQ
    value: Any = None
