"""What bytes that somebody sent may say, in whatever senders wrap it.

Undone, also within each other: % and +, JSON's escapes, entities of XML, quoted-printable, UTF-16, base64, gzip and
zlib. Documents are those of JSON and msgpack.
"""

import binascii
import html
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

_DEEPEST = 6
_LEAST_WRAPPED_BYTES = 16
_MOST_PARTS = 256
_BUDGET_BYTES = 4 << 20
_GZIP = b"\x1f\x8b\x08"
_ZLIB_OR_GZIP = 47
_HEADS = (0, 1, 9, 20)
"""Where msgpack may begin in what the engine buries: events, moves with a version, profiles with version and time,
frames."""
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_ESCAPES = re.compile(
    rb"\\++(?:(?P<units>u[0-9a-f]{4}(?:\\++u[0-9a-f]{4})*+)|u\{(?P<point>[0-9a-f]{1,5})\}|x(?P<byte>[0-9a-f]{2})"
    rb"|(?P<blank>[nrt])|(?P<itself>[^0-9a-z\\]))?",
    re.IGNORECASE,
)
_UNIT = re.compile(rb"u([0-9a-f]{4})", re.IGNORECASE)
_BLANKS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/_-]|\r?\n){16,}")
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode


class Forms(NamedTuple):
    """What bytes may say: `forms`, the bytes themselves first; `is_whole` is False when not all of it can be told."""

    forms: tuple[bytes, ...]
    is_whole: bool


def forms_of(raw: bytes) -> Forms:
    """Return the bytes as they are, and what is in them with the senders' wrappings undone.

    What is no text and no document, does not unpack to its end, or is wrapped too often, is not whole.
    """
    forms, fresh, is_whole = {raw: None}, [raw], _is_readable(raw)
    left_bytes = _BUDGET_BYTES + 4 * len(raw)
    for _ in range(_DEEPEST):
        found: list[bytes] = []
        for form in fresh:
            if _PACKED.match(form):
                unpacked, is_all = _unpacked(form, left_bytes)
                # Two bytes may look like the head of zlib by chance; then nothing comes out.
                is_by_chance = not unpacked and not form.startswith(_GZIP) and (form is not raw or _is_text(raw))
                is_whole = is_whole and (is_all or is_by_chance)
                left_bytes -= len(unpacked)
                if unpacked not in forms:
                    found.append(unpacked)
                if unpacked or form.startswith(_GZIP):
                    continue
            for undone in _undone(form):
                if undone in forms:
                    continue
                left_bytes -= len(undone)
                if left_bytes < 0:
                    return Forms(tuple(forms), is_whole=False)
                forms[undone] = None
                found.append(undone)
        fresh = [one for one in found if one]
        forms.update(dict.fromkeys(fresh))
        if not fresh:
            return Forms(tuple(forms), is_whole)
    return Forms(tuple(forms), is_whole=False)


def documents_in(raw: bytes) -> Iterator[Any]:
    """Yield the documents that the bytes are, in builtin types."""
    try:
        yield _decode_json(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
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


def _is_readable(raw: bytes) -> bool:
    """Say whether bytes are text, packed in a known way, or a document; a few bytes say nothing."""
    if len(raw) < _LEAST_WRAPPED_BYTES or _is_text(raw) or _PACKED.match(raw) or b"\0" in raw[:2]:
        return True
    return raw[:2] in (b"\xff\xfe", b"\xfe\xff") or any(True for _ in documents_in(raw))


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _unpacked(packed: bytes, limit_bytes: int) -> tuple[bytes, bool]:
    """Return what gzip or zlib hold, as far as it can be told, and whether that is all."""
    parts: list[bytes] = []
    while packed:
        unpacker = zlib.decompressobj(_ZLIB_OR_GZIP)
        try:
            parts.append(unpacker.decompress(packed, max(1, limit_bytes)))
        except zlib.error:
            return b"".join(parts), False
        limit_bytes -= len(parts[-1])
        if not unpacker.eof or limit_bytes <= 0:
            return b"".join(parts), False
        packed = unpacker.unused_data
    return b"".join(parts), True


def _undone(form: bytes) -> Iterator[bytes]:
    """Yield the bytes with one wrapping undone, for each that there may be."""
    for sign, undo in _WRAPPINGS:
        if sign in form:
            yield undo(form)
    if b"\0" in form:
        yield form.replace(b"\0", b"")
        for encoding in ("utf-16-le", "utf-16-be"):
            yield form.decode(encoding, "ignore").encode()
    yield from _in_base64(form)


def _without_escapes(form: bytes) -> bytes:
    return _ESCAPES.sub(_meant, form)


def _meant(found: re.Match[bytes]) -> bytes:
    """Return what an escape stands for, however many backslashes JSON in JSON has put before it."""
    if units := found["units"]:
        halves = bytes.fromhex(b"".join(_UNIT.findall(units)).decode())
        return halves.decode("utf-16-be", "replace").encode()
    if point := found["point"]:
        return chr(int(point, 16)).encode("utf-8", "replace")
    if byte := found["byte"]:
        return bytes.fromhex(byte.decode())
    return _BLANKS[found["blank"].lower()] if found["blank"] else found["itself"] or found[0]


def _without_entities(form: bytes) -> bytes:
    return html.unescape(form.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _with_blanks(form: bytes) -> bytes:
    return form.replace(b"+", b" ")


def _in_base64(form: bytes) -> Iterator[bytes]:
    """Yield each text that base64 in the bytes holds, and in one piece what is none: it may tell, and wraps nothing."""
    others: list[bytes] = []
    for number, found in enumerate(_BASE64.finditer(form)):
        run = found[0].replace(b"\r", b"").replace(b"\n", b"").translate(_TO_STANDARD)
        # What stands before, as in the path of an address, may be of any length.
        for start in range(4):
            part = run[start:]
            if len(part) % 4 == 1:
                part = part[:-1]
            try:
                decoded = binascii.a2b_base64(part + b"=" * (-len(part) % 4))
            except binascii.Error:
                continue
            if number < _MOST_PARTS and _wraps(decoded, is_aligned=not start):
                yield decoded
            else:
                others.append(decoded)
            if number < _MOST_PARTS and (at := decoded.find(b'{"')) > 0:
                yield decoded[at:]
    if others:
        yield b"\xff" + b"\xff".join(others)


def _wraps(decoded: bytes, *, is_aligned: bool) -> bool:
    """Say whether what was in base64 may hold more than it tells as it stands."""
    if _is_text(decoded) or _PACKED.match(decoded):
        return True
    return is_aligned and any(True for _ in documents_in(decoded))


_WRAPPINGS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"%", unquote_to_bytes),
    (b"+", _with_blanks),
    (b"\\", _without_escapes),
    (b"&", _without_entities),
    (b"=", binascii.a2b_qp),
)
