"""Request bodies: read within a limit, unpacked without falling for bombs, parsed. It knows nothing of events."""

import json
import re
import zlib
from typing import Any

import msgspec
import orjson
from starlette.requests import Request

from ingest.errors import EncodingError, IngestError, TooLargeError
from ingest.values import wrong_type

_GZIP_WBITS = 31
_MAX_MEMBERS = 100
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
    """Return the whole body, unpacked. Raises IngestError, having held no more than the limit, packed or unpacked."""
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
        error.raw = raw
        raise


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


def parse_json(raw: bytes) -> Any:
    """Return the JSON value in `raw`. Raises IngestError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if _has_bom(raw):
            return parse_json(raw[len(_BOM) :])
        if _has_nan(raw):
            raise IngestError(
                "invalid_json", "", "the body holds NaN or Infinity, which JSON has not", "Send null instead"
            ) from None
        raise _bad_json(str(error)) from None


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
        if _has_nan(raw) or b"\\ud" in raw.lower():
            return _parse_lenient(raw)
        raise _bad_json(str(error)) from None


def _parse_lenient(raw: bytes) -> BatchBody:
    """Read the NaN and the halves of surrogate pairs that some encoders write, so that one bad item does not spoil its
    batch.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _bad_json(str(error)) from None
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise wrong_type("batch", body.get("batch") if isinstance(body, dict) else body, "a list of messages")
    try:
        items = [msgspec.Raw(json.dumps(item, separators=(",", ":")).encode()) for item in body["batch"]]
        rest = (body.get("context"), body.get("sentAt"), body.get("writeKey"))
        orjson.dumps(rest)  # refuses what is no UTF-8 (half a surrogate pair), as the strict way does
    except (ValueError, RecursionError, TypeError) as error:
        raise _bad_json(str(error)) from None
    return BatchBody(items, *rest)


def _has_bom(raw: bytes) -> bool:
    """Say whether one byte order mark stands before the text, which some encoders write and JSON forbids."""
    return raw.startswith(_BOM) and not raw.startswith(_BOM, len(_BOM))


def _has_nan(raw: bytes) -> bool:
    return b"NaN" in raw or b"Infinity" in raw


def _bad_json(problem: str) -> IngestError:
    return IngestError("invalid_json", "", f"the body is not JSON ({problem})", "Send one JSON object in UTF-8")


def _bad_gzip(problem: str) -> IngestError:
    return IngestError("invalid_gzip", "", f"the body {problem}", "Send it plain or as one whole gzip stream")


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError("body", f"has more than {limit_bytes} bytes", "Send less at once")
