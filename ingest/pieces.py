"""JSON cut into the values it is made of, each with its own bytes, whatever stands in its strings and numbers.

For bodies that no strict parser reads as a whole. It does not say whether the pieces are sound.
"""

import json
import re

_space_at = re.compile(r"[ \t\n\r]*").match
_value_at = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False).raw_decode


def members(raw: bytes) -> dict[str, bytes]:
    """Return the values of an object by key, the last where a key stands twice. Raises ValueError, RecursionError."""
    text, found = _text(raw), {}
    place = _opened(text, "{}")
    while place >= 0:
        if not text.startswith('"', place):
            raise ValueError(f"no key at character {place}")
        key, behind = _value_at(text, place)
        start = _behind(text, behind, ":")
        _, end = _value_at(text, start)
        found[key] = _bytes(text[start:end])
        place = _next(text, end, "}")
    return found


def items(raw: bytes) -> list[bytes]:
    """Return the values of a list. Raises ValueError, RecursionError."""
    text, found = _text(raw), []
    place = _opened(text, "[]")
    while place >= 0:
        _, end = _value_at(text, place)
        found.append(_bytes(text[place:end]))
        place = _next(text, end, "]")
    return found


def _opened(text: str, brackets: str) -> int:
    """Return where the first value, or key, begins; -1 when there is none."""
    place = _behind(text, 0, brackets[0])
    return _next(text, place, brackets[1]) if text.startswith(brackets[1], place) else place


def _next(text: str, place: int, closing: str) -> int:
    """Return where the next value, or key, begins; -1 at the end of all."""
    place = _skip(text, place)
    if not text.startswith(closing, place):
        return _behind(text, place, ",")
    if _skip(text, place + 1) < len(text):
        raise ValueError(f"something behind the end, at character {place + 1}")
    return -1


def _behind(text: str, place: int, mark: str) -> int:
    place = _skip(text, place)
    if not text.startswith(mark, place):
        raise ValueError(f"no {mark} at character {place}")
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    found = _space_at(text, place)
    assert found is not None, "it matches nothing, too"
    return found.end()


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
