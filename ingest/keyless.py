"""What can't be used is kept and shown without write keys, whichever way JSON and addresses can spell them."""

import re
from collections.abc import Callable
from functools import lru_cache

from ingest.bodies import GZIP, unpackable

BLANK = b"***"
_MAX_UNPACKED_BYTES = 4_194_304
_KEY = re.compile(rb"wk_[A-Za-z0-9_-]+")


def without_keys(raw: bytes, keys: tuple[str, ...], is_key: Callable[[str], bool]) -> bytes:
    """Return the bytes with BLANK in place of these keys, and of what looks like one and is one of any source.

    What was JSON or a query before is so after. Packed bytes with a key in them are unpacked, as far as that goes.
    """
    if raw.startswith(GZIP):
        whole = unpackable(raw, _MAX_UNPACKED_BYTES)
        blanked = without_keys(whole, keys, is_key) if not whole.startswith(GZIP) else whole
        return raw if blanked == whole else blanked
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
