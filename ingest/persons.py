"""Who an event is about: the keys that a message names. Placeholders of devices and custom ids are no keys."""

import re
from collections.abc import Callable
from typing import Any

from ingest.errors import IngestError
from ingest.values import MAX_ID_CHARS, SEPARATOR, email_or_none, optional_id, phone_or_none, wrong_type
from streams.model.events import ProfileKeys
from streams.model.identity import KINDS
from streams.model.junk import is_junk

MAX_CUSTOM_IDS = 10
_EXTERNAL_IDS = "context.externalIds"
_ID_TYPE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")  # no colon: it ends the type in a profile id
_DEVICE_IDS = ("id", "advertisingId")
_PEOPLE = "users"
_KNOWN_OTHERWISE = ("email", "phone")
_CUSTOM = "custom"

_Pairs = tuple[tuple[str, str], ...]


def keys_of(
    message: dict[str, Any], context: dict[str, Any], properties: dict[str, Any], traits: dict[str, Any]
) -> ProfileKeys:
    """Return who acted, by every key that the message names. Raises IngestError."""
    email = phone = None
    # Most messages have none of these, and asking each is not for nothing.
    for told in (traits, properties):
        if "email" in told:
            email = email or email_or_none(told["email"])
        if "phone" in told:
            phone = phone or phone_or_none(told["phone"])
    custom: _Pairs = ()
    external = context.get("externalIds")
    if external is not None:
        pairs = _external_ids(external)
        email = email or _first(email_or_none, pairs, "email")
        phone = phone or _first(phone_or_none, pairs, "phone")
        custom = tuple(pair for pair in pairs if pair[0] not in _KNOWN_OTHERWISE)
    device = context.get("device")
    return ProfileKeys(
        optional_id(message, "userId"),
        optional_id(message, "anonymousId"),
        email,
        phone,
        _device_id(device) if isinstance(device, dict) else None,
        custom,
    )


def custom_pair(kind: str, value: object) -> _Pairs:
    """Return the custom id as the one of a profile's, none when there is none or it is a placeholder."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ()
    text = str(value).strip()
    return ((kind, text),) if _is_id(text) else ()


def unmerged_id(properties: dict[str, Any]) -> str:
    """Return the profile id that is to be taken out of its person. Raises IngestError."""
    field = "properties.id"
    value = properties.get("id")
    if value is None or value == "":
        raise IngestError("missing_field", field, "is missing", 'Say which id is to be taken out, e.g. "anon:a1"')
    if not isinstance(value, str):
        raise wrong_type(field, value, "a string")
    kind, _, rest = value.partition(":")
    if kind not in KINDS or not rest or (kind == _CUSTOM and not all(rest.partition(":"))):
        raise IngestError("invalid_field", field, "is not kind:id", f'Send e.g. "anon:a1"; kinds: {", ".join(KINDS)}')
    if len(rest) > 2 * MAX_ID_CHARS:
        raise IngestError("too_large", field, f"has {len(value)} characters", "Send an id that the profile shows")
    return value


def _device_id(device: dict[str, Any]) -> str | None:
    """Return the device's id; an advertising id is all zeros where its owner wants no tracking."""
    for key in _DEVICE_IDS:
        value = device.get(key)
        if isinstance(value, str):
            text = value.strip()
            if _is_id(text):
                return text
    return None


def _is_id(text: str) -> bool:
    return len(text) <= MAX_ID_CHARS and SEPARATOR not in text and not is_junk(text)


def _first(clean: Callable[[object], str | None], told: _Pairs, kind: str) -> str | None:
    return next((text for name, value in told if name == kind and (text := clean(value))), None)


def _external_ids(external: object) -> _Pairs:
    """Return the (type, id) pairs of Segment's externalIds, each once. Raises IngestError."""
    if not isinstance(external, list):
        raise wrong_type(_EXTERNAL_IDS, external, "a list of objects")
    if len(external) > MAX_CUSTOM_IDS:
        raise IngestError("too_large", _EXTERNAL_IDS, f"has {len(external)} ids", f"Send at most {MAX_CUSTOM_IDS}")
    pairs: dict[tuple[str, str], None] = {}
    for index, one in enumerate(external):
        field = f"{_EXTERNAL_IDS}.{index}"
        if not isinstance(one, dict):
            raise wrong_type(field, one, "an object")
        pair = _external_id(one, field)
        if one.get("collection") in (None, "", _PEOPLE) and not is_junk(pair[1]):
            pairs[pair] = None
    return tuple(pairs)


def _external_id(one: dict[str, Any], field: str) -> tuple[str, str]:
    kind = one.get("type")
    if kind is None:
        raise IngestError("missing_field", f"{field}.type", "is missing", 'Say what kind of id it is, e.g. "crm"')
    if not isinstance(kind, str):
        raise wrong_type(f"{field}.type", kind, "a string")
    if not _ID_TYPE.fullmatch(kind):
        problem = "is not 1 to 64 letters, digits, dots, hyphens or underscores"
        raise IngestError("invalid_field", f"{field}.type", problem, 'Send e.g. "crm"')
    value = optional_id(one, "id", f"{field}.")
    if value is None:
        raise IngestError("missing_field", f"{field}.id", "is missing", "Send the id")
    return kind, value
