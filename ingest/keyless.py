"""What can't be used is kept and shown without write keys, whichever way JSON and addresses can spell them."""

import re
from collections.abc import Callable
from functools import lru_cache

BLANK = b"***"
_KEY = re.compile(rb"wk_[A-Za-z0-9_-]+")


def without_keys(raw: bytes, keys: tuple[str, ...], is_key: Callable[[str], bool]) -> bytes:
    """Return the bytes with BLANK in place of these keys, and of what looks like one and is one of any source.

    What was JSON or a query before is so after.
    """
    if keys:
        raw = _pattern(keys).sub(BLANK, raw)
    return _KEY.sub(lambda found: BLANK if is_key(found[0].decode()) else found[0], raw)


@lru_cache(maxsize=1_024)
def _pattern(keys: tuple[str, ...]) -> re.Pattern[bytes]:
    # The longest first: one key may begin another.
    return re.compile(b"|".join(b"".join(map(_spellings, key)) for key in sorted(keys, key=len, reverse=True)))


def _spellings(char: str) -> bytes:
    told = char.encode()
    json, address = rb"(?i:\\u%04x)" % ord(char), rb"(?i:%b)" % b"".join(b"%%%02x" % byte for byte in told)
    return rb"(?:%b|%b|%b)" % (re.escape(told), json, address)
