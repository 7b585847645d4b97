"""Dead letters, events and what is noted of sources, in the shapes of letter_schemas.py."""

from base64 import b64encode
from typing import Any

import msgspec
import orjson

from streams.model.events import Event, ProfileKeys
from streams.model.letters import LetterAttempt, LetterNote, StoredLetter
from streams.model.noted import Noted

_EVENTS_OF_A_LETTER = 10
_KINDS = ("user_id", "anonymous_id", "email", "phone", "device_id")
_size_of = msgspec.msgpack.Encoder().encode


def letter(note: LetterNote) -> dict[str, Any]:
    told = note._asdict()
    del told["workspace"]
    return told | {"state_ms": note.state_ms or None}


def letter_detail(stored: StoredLetter, max_bytes: int) -> dict[str, Any]:
    raw = stored.raw[:max_bytes]
    is_cut = len(raw) < len(stored.raw)
    try:
        text, encoding = _text(raw, is_cut=is_cut), "utf-8"
    except UnicodeDecodeError:
        text, encoding = b64encode(raw).decode(), "base64"
    return letter(stored.note) | {"raw": text, "encoding": encoding, "is_cut": is_cut, "head": _head(stored.head)}


def verdicts(attempts: list[LetterAttempt], room_bytes: int) -> list[dict[str, Any]]:
    """Return the attempts, with events as long as there is room for them."""
    told = []
    for attempt in attempts:
        shown = []
        for found in attempt.events[:_EVENTS_OF_A_LETTER]:
            room_bytes -= len(_size_of(found))
            if room_bytes < 0:
                break
            shown.append(event(found))
        told.append(attempt._asdict() | {"events": shown, "event_count": len(attempt.events)})
    return told


def event(found: Event) -> dict[str, Any]:
    known = found.provenance
    provenance = msgspec.structs.asdict(known) if known else {}
    return {
        "id": found.id,
        "name": found.name,
        "profile": found.profile,
        "source": found.source,
        "at_ms": found.at_ms,
        "received_ms": found.received_ms,
        "value": found.value,
        "currency": found.currency,
        "campaign": found.campaign,
        "flags": list(known.flags) if known else [],
        "keys": _keys(found.keys),
        "properties": found.properties,
        "traits": found.traits,
        "provenance": {
            key: value for key, value in provenance.items() if key != "flags" and value not in (None, "", ())
        },
    }


def noted(one: Noted) -> dict[str, Any]:
    return {
        "seq": one.seq,
        "at_ms": one.at_ms,
        "via": one.via,
        "verdict": one.verdict,
        "reason": one.reason or _fault(one.event),
        "times": one.times,
        "event": event(one.event) if one.event else None,
        "raw": one.raw.decode(errors="replace") if one.raw else None,
    }


def _fault(found: Event | None) -> str:
    return found.provenance.fault if found and found.provenance else ""


def is_wanted(shown: dict[str, Any], verdicts: frozenset[str], text: str) -> bool:
    """Say whether somebody who looks for `text` (in lower case) and these verdicts, or any, wants to see it."""
    if verdicts and shown["verdict"] not in verdicts:
        return False
    return not text or text in orjson.dumps(shown, default=str).decode().lower()


def _keys(keys: ProfileKeys) -> dict[str, str]:
    known = {kind: value for kind in _KINDS if (value := getattr(keys, kind))}
    return known | {f"custom:{kind}": value for kind, value in keys.custom}


def _head(text: str) -> dict[str, Any]:
    try:
        head = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        head = {}
    return head if isinstance(head, dict) else {}


def _text(raw: bytes, *, is_cut: bool) -> str:
    """Return the bytes as text, without the character that the cut went through. Raises UnicodeDecodeError."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if is_cut and error.start > len(raw) - 4:
            return raw[: error.start].decode()
        raise
