"""Ids as people and programs write them in bytes that are no document: phones with blanks, short ids behind a name."""

import re
from collections.abc import Iterable, Iterator

from streams.operators.identity.named import kind_and_value

_LEAST_PHONE_DIGITS = 5
_LEAST_LOCAL_DIGITS = 8
_MOST_PHONE_DIGITS = 17
_COUNTRY_DIGITS = (1, 2, 3)
_NOT_DIGITS = re.compile(r"[^0-9]")
_BETWEEN = rb"(?:\(0\)|[^0-9A-Za-z]){0,6}"
_BEHIND_NAME = rb"""(?:id|key|user|mail|phone|contact|customer|recipient|to)["'\\\]\s]{0,8}[:=>]+["'\\\s]{0,8}"""
_NAMED = re.compile(_BEHIND_NAME + rb"""([^"'\\\s,;&<>{}\[\]]{1,255})""", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]+")
_PHONE = re.compile(rb"[0-9](?:[ ()./\-]|\xc2\xa0|[0-9]){3,40}[0-9]")


def written_pattern(ids: Iterable[str]) -> re.Pattern[bytes]:
    """Return what finds the phones among the ids, however they are written, and any id behind the name of an id."""
    named = [kind_and_value(name) for name in ids]
    words = [_phone(value) for kind, value in named if kind == "phone"]
    if values := "|".join(re.escape(value) for _, value in named if value):
        words.append(_BEHIND_NAME + rb"(?:" + values.encode() + rb")(?![\w.@-])")
    return re.compile(b"|".join(word for word in words if word) or b"(?!)", re.IGNORECASE)


def _phone(value: str) -> bytes:
    """Return a pattern for a phone's digits with anything but letters and digits between them.

    The whole number may stand in a longer one (behind 00); without its country, which nobody can tell, it stands alone.
    """
    digits = _NOT_DIGITS.sub("", value)
    core = digits.lstrip("0")
    if len(core) < _LEAST_PHONE_DIGITS:
        return _spread(digits)
    if digits != core or len(core) >= _LEAST_LOCAL_DIGITS:
        forms = [_spread(core)]
    else:
        forms = [rb"(?<![0-9])" + _spread(core) + rb"(?![0-9])"]
    local = [core[count:] for count in _COUNTRY_DIGITS if len(core) - count >= _LEAST_LOCAL_DIGITS]
    forms += [rb"(?<![0-9])0?" + _BETWEEN + _spread(one) + rb"(?![0-9])" for one in local]
    return b"|".join(forms)


def _spread(digits: str) -> bytes:
    return _BETWEEN.join(digit.encode() for digit in digits)


def named_values(raw: bytes) -> Iterator[str]:
    """Yield what stands behind the names of ids."""
    for found in _NAMED.finditer(raw):
        yield found[1].decode("utf-8", "replace")


def phones_in(raw: bytes) -> Iterator[str]:
    """Yield what may be phone numbers, each in the ways in which one is kept: with + and 00, and without."""
    for found in _PHONE.finditer(raw):
        groups = [part.decode() for part in _DIGITS.findall(found[0].replace(b"(0)", b" "))]
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > _MOST_PHONE_DIGITS:
                    break
                if len(digits) >= _LEAST_PHONE_DIGITS:
                    core = digits.removeprefix("00")
                    yield from (digits, core, f"+{core}", f"00{core}")
