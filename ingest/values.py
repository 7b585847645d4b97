"""Checks of single values from outside. Each returns a clean value or raises IngestError naming the field."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from ingest.errors import IngestError

MAX_DEPTH = 10
MAX_NODES = 2_000
MAX_ID_CHARS = 256
MAX_AMOUNT = 1e12
DAY_MS = 86_400_000
_AMOUNT_REMEDY = "Send e.g. 19.99, without currency sign"
SEPARATOR = "\x1f"  # stands between ids in the engine's keys, so it is part of none

_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,64}@[^\s@<>\"(),:;\\\[\]\x00-\x1f\x7f]{1,190}")
_CURRENCY_CHARS = 3
_DATE_CHARS = len("2026-01-31")
_SECONDS_BEFORE = 1e11  # as seconds the year 5138, as milliseconds 1973
_JSON_TYPES = {str: "text", dict: "an object", list: "a list", bool: "a boolean", int: "a number", float: "a number"}
_PLAIN_TYPES = frozenset({str, bool, type(None)})
_INT_MIN, _INT_END = -(1 << 63), 1 << 64


def wrong_type(field: str, value: object, wanted: str) -> IngestError:
    """Return the error to raise about a value of the wrong JSON type."""
    found = "null" if value is None else _JSON_TYPES.get(type(value), type(value).__name__)
    return IngestError("wrong_type", field, f"is {found}, not {wanted}", f"Send {wanted}")


def optional_object(message: dict[str, Any], key: str, path: str = "") -> dict[str, Any]:
    """Return the object at `key`, or an empty one when it is missing or null."""
    value = message.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type(path + key, value, "an object")
    return value


def optional_id(message: dict[str, Any], key: str, path: str = "") -> str | None:
    """Return the identifier at `key` as text, None when missing, null or blank. Raises IngestError."""
    value = message.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        if type(value) is int:
            return str(value)
        raise wrong_type(path + key, value, "a string")
    if len(value) > MAX_ID_CHARS:
        raise IngestError(
            "too_large", path + key, f"has {len(value)} characters", f"Identifiers have at most {MAX_ID_CHARS}"
        )
    if SEPARATOR in value:
        raise IngestError("invalid_field", path + key, "holds the control character U+001F", "Send an id without it")
    return value.strip() or None


def email_or_none(value: object) -> str | None:
    """Return an address to identify somebody by, lower-cased; None for anything that does not look like one."""
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    return text if _EMAIL.fullmatch(text) else None


def says_no_id(value: object) -> bool:
    """Say whether what stands where an id is wanted names none: it is missing, null or blank. All else is meant."""
    return value is None or (isinstance(value, str) and not value.strip())


def phone_or_none(value: object) -> str | None:
    """Return a phone number as sent, less its blanks and punctuation."""
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004 - E.164 has 15 digits, people add blanks
        return None
    digits = re.sub(r"[\s().\-/]", "", value)
    return digits if re.fullmatch(r"\+?[0-9]{5,15}", digits) else None


def time_ms(value: object, field: str) -> int:
    """Return an ISO 8601 text (UTC unless it says otherwise) or a Unix time in seconds or ms as Unix ms."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            at_ms = round(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise _no_time(field, "not an ISO 8601 time") from None
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        at_ms = int(value if value >= _SECONDS_BEFORE else value * 1000)
    else:
        raise wrong_type(field, value, "an ISO 8601 time")
    if not 0 <= at_ms < _INT_END >> 1:
        raise _no_time(field, "lies before 1970" if at_ms < 0 else "lies too far ahead to be a time")
    return at_ms


def _no_time(field: str, problem: str) -> IngestError:
    return IngestError("invalid_field", field, problem, "Send e.g. 2026-01-31T12:00:00Z")


def is_day(value: object) -> bool:
    """Say whether a time is a date without a time of day."""
    if not isinstance(value, str) or len(text := value.strip()) > _DATE_CHARS:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def in_day_ms(begins_ms: int, now_ms: int) -> int:
    """Return when something happened of which only the day is known, by its beginning: now while it lasts."""
    return now_ms if begins_ms <= now_ms < begins_ms + DAY_MS else begins_ms


def number_or_none(value: object) -> float | None:
    """Return a finite number, also from text ("19.99"); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= MAX_AMOUNT else None


def amount(value: object, field: str) -> float:
    """Return an amount of money."""
    number = number_or_none(value)
    if number is None:
        raise IngestError("invalid_field", field, _no_amount(value), _AMOUNT_REMEDY)
    return number


def _no_amount(value: object) -> str:
    """Say why `number_or_none` has none for it."""
    if type(value) in (int, float, str):
        try:
            is_too_large = abs(float(value)) > MAX_AMOUNT  # type: ignore[arg-type]  # of these types it is
        except OverflowError:
            is_too_large = True
        except ValueError:
            is_too_large = False
        if is_too_large:
            return f"is beyond ±{MAX_AMOUNT:,.0f}"
    return "not a number"


def currency_or_none(value: object) -> str | None:
    """Return a currency code (ISO 4217) in capitals."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(text) == _CURRENCY_CHARS and text.isascii() and text.isalpha() else None


def doubt_of(properties: dict[str, Any], value: float | None, currency: str | None, keys: Iterable[str]) -> str:
    """Return what is wrong with the money of an event that comes in all the same, or nothing; `value` and `currency`
    are what was made of its properties, `keys` where the former may stand.
    """
    if value is None:
        for key in keys:
            if key in properties and is_meant_as_amount(key, properties[key]):
                problem = _no_amount(properties[key])
                return f"properties.{key}: {problem}, so the event has no value. {_AMOUNT_REMEDY}"
    if currency is None and properties.get("currency") not in (None, ""):
        return "properties.currency: not a currency code, so there is none. Send ISO 4217, e.g. EUR"
    return ""


def is_meant_as_amount(key: str, raw: object) -> bool:
    """Say whether it can only be a number gone wrong; a word or a truth is a value of another kind."""
    if key == "revenue":
        return raw is not None and raw != ""
    return type(raw) in (int, float) or (type(raw) is str and any(map(str.isdigit, raw)))


def require_plain(value: dict[str, Any], field: str) -> None:
    """Raise IngestError unless the object is of bounded depth and size and the log's format can carry its numbers."""
    if not value or (len(value) <= MAX_NODES and _PLAIN_TYPES.issuperset(map(type, value.values()))):
        return
    waiting: list[tuple[Any, str, int]] = [(value, field, 1)]
    nodes = 0
    while waiting:
        parent, path, depth = waiting.pop()
        nodes += len(parent)
        if nodes > MAX_NODES:
            raise IngestError("too_large", field, f"holds more than {MAX_NODES} values", "Send fewer")
        if depth > MAX_DEPTH:
            raise IngestError("too_deep", field, f"is nested more than {MAX_DEPTH} deep", "Flatten it")
        for key, item in parent.items() if type(parent) is dict else enumerate(parent):
            kind = type(item)
            if kind is dict or kind is list:
                waiting.append((item, f"{path}.{key}"[:200], depth + 1))
            elif item is not None and kind is not str and kind is not bool:
                _require_number(item, f"{path}.{key}")


def _require_number(value: object, field: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise IngestError("invalid_field", field, "is NaN or infinite", "Send null instead")
    elif not isinstance(value, int):
        raise wrong_type(field, value, "a JSON value")
    elif not _INT_MIN <= value < _INT_END:
        raise IngestError("invalid_field", field, "exceeds 64 bits", "Send it as a string")
