"""Request bodies: read within a limit, unpacked without falling for bombs, parsed. It knows nothing of events."""

import json
import zlib
from typing import Any

import msgspec
import orjson
from starlette.requests import Request

from ingest.errors import EncodingError, IngestError, TooLargeError

_GZIP_WBITS = 31


class BatchBody(msgspec.Struct, rename="camel"):
    """A batch request, its items still JSON so that each is judged, and kept if bad, on its own."""

    batch: list[msgspec.Raw]
    context: Any = None
    sent_at: Any = None
    write_key: Any = None


_decode_batch = msgspec.json.Decoder(BatchBody).decode


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the whole body, unpacked. Raises IngestError, never having held more than the limit."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise EncodingError(encoding)
    chunks, size_bytes = [], 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            break
    raw = b"".join(chunks)[: limit_bytes + 1]
    try:
        if size_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        return gunzip(raw, limit_bytes) if "gzip" in encoding else raw
    except IngestError as error:
        error.raw = raw
        raise


def gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """Return the unpacked bytes; unpacking stops at the limit. Raises IngestError."""
    unpacker = zlib.decompressobj(_GZIP_WBITS)
    try:
        raw = unpacker.decompress(packed, limit_bytes + 1)
    except zlib.error:
        raise _bad_gzip("is not gzip") from None
    if len(raw) > limit_bytes:
        raise _too_large(limit_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise _bad_gzip("is cut off or has something behind its end")
    return raw


def parse_json(raw: bytes) -> Any:
    """Return the JSON value in `raw`. Raises IngestError."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
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
        raise IngestError("invalid_field", "batch", str(error), 'Send {"batch": [message, ...]}') from None
    except RecursionError:
        raise IngestError("too_deep", "", "the body is nested too deep", "Flatten it") from None
    except msgspec.DecodeError as error:
        if _has_nan(raw):
            return _parse_lenient(raw)
        raise _bad_json(str(error)) from None


def _parse_lenient(raw: bytes) -> BatchBody:
    """Read the NaN that Python's and some other encoders write, so that one bad item does not spoil its batch."""
    try:
        body = json.loads(raw)
        items = [msgspec.Raw(json.dumps(item).encode()) for item in body["batch"]]
        rest = (body.get("context"), body.get("sentAt"), body.get("writeKey"))
        orjson.dumps(rest)  # refuses what is no UTF-8 (half a surrogate pair), as the strict way does
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise _bad_json(str(error)) from None
    return BatchBody(items, *rest)


def _has_nan(raw: bytes) -> bool:
    return b"NaN" in raw or b"Infinity" in raw


def _bad_json(problem: str) -> IngestError:
    return IngestError("invalid_json", "", f"the body is not JSON ({problem})", "Send one JSON object in UTF-8")


def _bad_gzip(problem: str) -> IngestError:
    return IngestError("invalid_gzip", "", f"the body {problem}", "Send it plain or as one whole gzip stream")


def _too_large(limit_bytes: int) -> TooLargeError:
    return TooLargeError("body", f"has more than {limit_bytes} bytes", "Send less at once")
