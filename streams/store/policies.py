"""Policies of sources as JSON: read, judged, written. What they do is the front door's business."""

import re
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import orjson

from streams.model.errors import SourceError
from streams.store.sources import SourcePolicy

MAX_ORIGINS = 200
MAX_FIELDS = 200
MIN_RATE, MAX_RATE = 0.001, 1_000_000.0
_ORIGIN = re.compile(r"(https?://)?(\*\.)?[a-z0-9_\-]+(\.[a-z0-9_\-]+)*(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?")
_FIELD = re.compile(r"[^.\s\x00-\x1f]+(\.[^.\x00-\x1f]+)*")
_MAX_CHARS = 300
# Who somebody is stands beside properties and traits: an event without it is nobody's.
_IDENTITIES = frozenset({"userid", "anonymousid"})
_CHOICES = {name: get_args(kind) for name, kind in get_type_hints(SourcePolicy).items() if get_origin(kind) is Literal}

_decode = msgspec.json.Decoder(SourcePolicy).decode
_encode = msgspec.json.Encoder().encode


def decode_policy(text: str) -> SourcePolicy:
    """Return a stored policy. Raises SourceError for one that another build has written and this one can't read."""
    try:
        return _decode(text)
    except msgspec.DecodeError as error:
        raise SourceError("policy", f"can't be read by this build ({error})", "Use the build that wrote it") from None


def encode_policy(policy: SourcePolicy) -> str:
    return _encode(policy).decode()


def changed_policy(policy: SourcePolicy, changes: dict[str, Any]) -> SourcePolicy:
    """Return the policy with some fields replaced, origins in their own spelling. Raises SourceError."""
    known = SourcePolicy.__struct_fields__
    for name in changes:
        if name not in known:
            raise SourceError(f"policy.{name[:60]}", "is not known", f"Choose among {', '.join(known)}")
    try:
        asked = msgspec.convert(orjson.loads(_encode(policy)) | changes, SourcePolicy)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`")
        remedy = f"Choose among {', '.join(_CHOICES[name])}" if name in _CHOICES else "See docs/sources.md"
        problem = problem[:1].lower() + problem[1:]
        raise SourceError(f"policy.{name}" if name else "policy", problem, remedy) from None
    asked = msgspec.structs.replace(
        asked, allowed_origins=tuple(dict.fromkeys(map(_plain_origin, asked.allowed_origins)))
    )
    _check(asked)
    for name in ("drop_fields", "hash_fields"):
        if name in changes:  # one that an earlier build took must not keep the source from being turned off
            _check_identities(name, getattr(asked, name))
    return asked


def _check(policy: SourcePolicy) -> None:
    if not MIN_RATE <= policy.rate_per_s <= MAX_RATE:
        problem = f"is not from {MIN_RATE:g} to {MAX_RATE:,.0f} a second"
        raise SourceError("policy.rate_per_s", problem, "To take nothing at all, turn the source off")
    if not 1 <= policy.burst <= MAX_RATE:
        raise SourceError("policy.burst", f"is not from 1 to {MAX_RATE:,.0f} messages", "Give e.g. ten times the rate")
    if len(policy.allowed_origins) > MAX_ORIGINS:
        raise SourceError("policy.allowed_origins", f"has more than {MAX_ORIGINS}", 'Use "*.example.com"')
    for name in ("drop_fields", "hash_fields"):
        fields: tuple[str, ...] = getattr(policy, name)
        if len(fields) > MAX_FIELDS:
            raise SourceError(f"policy.{name}", f"has more than {MAX_FIELDS}", "Name objects instead of their parts")
        for field in fields:
            if len(field) > _MAX_CHARS or not _FIELD.fullmatch(field):
                problem = f"{field[:60]!r} is no path of names"
                raise SourceError(f"policy.{name}", problem, 'Give e.g. "traits.ssn" or "address.street"')


def _check_identities(name: str, fields: tuple[str, ...]) -> None:
    for field in fields:
        if field.replace("_", "").casefold() in _IDENTITIES:
            raise SourceError(
                f"policy.{name}",
                f"{field!r} says whose an event is, which is neither dropped nor hashed here",
                f'Send another id, or name "properties.{field}" or "traits.{field}" if you mean a field of that name',
            )


def _plain_origin(origin: str) -> str:
    """Return the origin as browsers spell it. Raises SourceError."""
    text = origin.strip().lower().rstrip("/")
    if text == "null":
        return text  # what a sandboxed frame and a page from a file call themselves
    if len(text) > _MAX_CHARS or not _ORIGIN.fullmatch(text) or not ("://" in text or text.startswith("*.")):
        raise SourceError(
            "policy.allowed_origins",
            f"{origin[:100]!r} is no origin",
            'Give scheme and host, e.g. "https://shop.example.com", or "*.example.com"',
        )
    scheme, has_scheme, host = text.rpartition("://")
    default_port = {"https": ":443", "http": ":80"}.get(scheme, ":")
    return f"{scheme}{has_scheme}{host.removesuffix(default_port)}"
