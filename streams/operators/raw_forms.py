"""What bytes that somebody sent may say, in whatever senders wrap it: % and +, base64, JSON, msgpack."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

_MOST_PARTS = 16
_LEAST_WRAPPED_BYTES = 16
_HEADS = (0, 1, 9)
"""Where msgpack may begin in what the engine buries: events, moves with a version, profiles with version and time."""
_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode


def forms_of(raw: bytes) -> Iterator[bytes]:
    """Yield the bytes as they are, with % and + undone, and what base64 in them holds."""
    yield raw
    if b"%" in raw or b"+" in raw:
        yield unquote_to_bytes(raw.replace(b"+", b" "))
    parts = raw.replace(b"=", b"&").replace(b"?", b"&").split(b"&")[:_MOST_PARTS]
    for part in parts:
        if len(part) >= _LEAST_WRAPPED_BYTES:
            try:
                yield base64.b64decode(unquote_to_bytes(part) + b"==", altchars=b"-_")
            except (binascii.Error, ValueError):
                continue


def documents_in(raw: bytes) -> Iterator[Any]:
    """Yield the documents that the bytes are, in builtin types."""
    try:
        yield _decode_json(raw)
    except (msgspec.MsgspecError, RecursionError):
        pass
    else:
        return
    for head in _HEADS:
        try:
            found = _decode_msgpack(raw[head:])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
        if isinstance(found, list | dict):
            yield found
