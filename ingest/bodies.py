"""Request bodies: read within a limit, unpacked without falling for bombs, parsed. It knows nothing of events."""

import re
import zlib
from typing import Any

import msgspec
import orjson
from starlette.requests import Request

from ingest.errors import DeclaredTooLargeError, EncodingError, IngestError, TooLargeError
from ingest.pieces import items, members
from ingest.values import wrong_type

GZIP = b"\x1f\x8b"
_GZIP_WBITS = 31
_MAX_MEMBERS = 100
_MAX_STEPS = 4_096
_MAX_DIGITS = 18
_LEAST_KEPT_BYTES = 16 << 10
_BOM = b"\xef\xbb\xbf"
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")


class BatchBody(msgspec.Struct, rename="camel"):
    """A batch request, its items still JSON so that each is judged, and kept if bad, on its own."""

    batch: list[msgspec.Raw]
    context: Any = None
    sent_at: Any = None
    write_key: Any = None


_decode_batch = msgspec.json.Decoder(BatchBody).decode


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the whole body, unpacked. Raises IngestError, having held no more than the limit, packed or unpacked, and
    having read nothing when the head declares more.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > _MAX_DIGITS or int(declared) > limit_bytes):
        raise DeclaredTooLargeError("body", *_too_much(limit_bytes))
    chunks, size_bytes = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            break
    raw = b"".join(chunks)[: limit_bytes + 1]
    encoding = request.headers.get("content-encoding")
    try:
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        return _decoded(raw, encoding.strip().lower(), limit_bytes) if encoding else raw
    except IngestError as error:
        error.raw = _to_keep(raw, encoding.strip().lower() if encoding else "", limit_bytes)
        raise


def _to_keep(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return what is kept of a body that can't be used: nothing that can't be searched for who is in it.

    Of gzip that is what comes out of it, at most as much as went in or a few KiB; nothing of what else is no text.
    """
    if encoding in ("", "identity"):
        return raw
    if encoding in ("gzip", "x-gzip") and (kept := unpackable(raw, min(limit_bytes, max(len(raw), _LEAST_KEPT_BYTES)))):
        return kept
    try:
        raw.decode()
    except UnicodeDecodeError:
        return b""
    return raw


def unpackable(packed: bytes, limit_bytes: int) -> bytes:
    """Return what comes out of gzip up to its fault or the limit, in small steps: a fault costs all of its step."""
    kept, step, members = bytearray(), 1 + len(packed) // _MAX_STEPS, 1
    unpacker = zlib.decompressobj(_GZIP_WBITS)
    try:
        for start in range(0, len(packed), step):
            rest = packed[start : start + step]
            while rest and len(kept) < limit_bytes and members <= _MAX_MEMBERS:
                kept += unpacker.decompress(rest, limit_bytes - len(kept))
                rest = unpacker.unused_data
                if unpacker.eof:
                    unpacker = zlib.decompressobj(_GZIP_WBITS)
                    members += 1
    except zlib.error:
        pass  # what came before it is what there is
    return bytes(kept)


def _decoded(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    if encoding in ("gzip", "x-gzip"):
        return gunzip(raw, limit_bytes)
    if encoding in ("", "identity"):
        return raw
    raise EncodingError(encoding)


def gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """Return the unpacked bytes of a gzip file of one or some members; unpacking stops at the limit.

    Raises IngestError.
    """
    parts, size_bytes = [], 0
    for _ in range(_MAX_MEMBERS):
        unpacker = zlib.decompressobj(_GZIP_WBITS)
        try:
            parts.append(unpacker.decompress(packed, limit_bytes + 1 - size_bytes))
        except zlib.error:
            raise _bad_gzip("has something behind its end" if parts else "is not gzip") from None
        size_bytes += len(parts[-1])
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        if not unpacker.eof:
            raise _bad_gzip("is cut off")
        packed = unpacker.unused_data
        if not packed:
            return b"".join(parts)
    raise _bad_gzip(f"has more than {_MAX_MEMBERS} gzip members")


def parse_json(raw: bytes, what: str = "body") -> Any:
    """Return the JSON value in `raw`, which an error calls `what`. Raises IngestError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if _has_bom(raw):
            return parse_json(raw[len(_BOM) :], what)
        if _has_nan(raw):
            raise IngestError(
                "invalid_json", "", f"the {what} holds NaN or Infinity, which JSON has not", "Send null instead"
            ) from None
        raise _bad_json(str(error), what) from None


def parse_batch(raw: bytes) -> BatchBody:
    """Return the batch in `raw`. Raises IngestError when no item of it can be told from the others."""
    try:
        return _decode_batch(raw)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        field = re.split(r"[.\[]", place[1])[0] if place else "batch"
        raise IngestError("invalid_field", field, str(error), 'Send {"batch": [message, ...]}') from None
    except UnicodeDecodeError as error:
        raise _bad_json(f"{error.reason} for UTF-8") from None
    except RecursionError:
        raise IngestError("too_deep", "", "the body is nested too deep", "Flatten it") from None
    except msgspec.DecodeError as error:
        if _has_bom(raw):
            return parse_batch(raw[len(_BOM) :])
        return _parse_apart(raw, str(error))


def _parse_apart(raw: bytes, strict_error: str) -> BatchBody:
    """Read a batch piece by piece, so that NaN, text that is no UTF-8 and the like spoil only their own message."""
    try:
        body = members(raw)
        batch = body.get("batch", b"null")
        batch_items = items(batch) if batch.startswith(b"[") else None
    except (ValueError, RecursionError):
        raise _bad_json(strict_error) from None
    if batch_items is None:
        raise wrong_type("batch", parse_json(batch), "a list of messages")
    rest = (parse_json(body.get(name, b"null")) for name in ("context", "sentAt", "writeKey"))
    return BatchBody([msgspec.Raw(item) for item in batch_items], *rest)


def _has_bom(raw: bytes) -> bool:
    """Say whether one byte order mark stands before the text, which some encoders write and JSON forbids."""
    return raw.startswith(_BOM) and not raw.startswith(_BOM, len(_BOM))


def _has_nan(raw: bytes) -> bool:
    return b"NaN" in raw or b"Infinity" in raw


def _bad_json(problem: str, what: str = "body") -> IngestError:
    return IngestError("invalid_json", "", f"the {what} is not JSON ({problem})", "Send one JSON object in UTF-8")


def _bad_gzip(problem: str) -> IngestError:
    return IngestError("invalid_gzip", "", f"the body {problem}", "Send it plain or as one whole gzip stream")


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError("body", *_too_much(limit_bytes))


def _too_much(limit_bytes: int) -> tuple[str, str]:
    return f"has more than {limit_bytes} bytes", "Send less at once"
