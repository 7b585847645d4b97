"""Named fields dropped, or replaced by a keyed hash, before anything is stored. Doing it twice is doing it once.

A hash (HMAC-SHA256 with the workspace's key) tells nobody what it was of, and is the same for the same value, so people
stay told apart. E-mail and phone are keys of a person, too: they leave the keys with the field. What is hashed comes
back as a custom id ("email_hash"), which joins the person's events and which nobody takes for an address to write to.
Names are the same in capitals and small letters, and what is said of traits holds for those of groups as well.
"""

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import orjson
from msgspec.structs import replace

from ingest.caller import Caller
from ingest.errors import IngestError
from ingest.values import email_or_none, phone_or_none
from streams.model.events import Event, ProfileKeys

MARK = "hmac-sha256:"
_HASH_CHARS = len(MARK) + 64
_PROPERTIES, _TRAITS, _GROUP_TRAITS = "properties", "traits", "group_traits"
_KEPT_PLANS = 1_024
Treats = Literal["", "drop", "hash"]
_Path = tuple[str, ...]


class _Plan(NamedTuple):
    """What is done where; `email` and `phone` say what becomes of these keys."""

    in_properties: tuple[tuple[_Path, bool], ...]
    in_traits: tuple[tuple[_Path, bool], ...]
    email: Treats
    phone: Treats


class PrivateFields:
    """The treatment. Each workspace's key is made of the installation's secret: equal values differ between them."""

    def __init__(self, secret: str) -> None:
        self._key_of = lru_cache(maxsize=_KEPT_PLANS)(
            lambda workspace: hmac.digest(secret.encode(), f"pii:{workspace}".encode(), sha256)
        )

    def __call__(self, event: Event, caller: Caller) -> Event:
        """Return the event without what the source wants kept secret. Raises IngestError when that leaves nobody."""
        policy = caller.source.policy
        if not policy.drop_fields and not policy.hash_fields:
            return event
        plan, key = _plan(policy.drop_fields, policy.hash_fields), self._key_of(event.workspace)
        properties: Any = event.properties
        for path, is_dropped in plan.in_properties:
            properties = _changed(properties, path, None if is_dropped else key)
        traits: Any = event.traits
        for path, is_dropped in plan.in_traits:
            traits = _changed(traits, path, None if is_dropped else key)
        keys = _keys(event.keys, plan, key)
        if keys is event.keys:
            return replace(event, properties=properties, traits=traits)
        profile = event.profile
        if profile == event.keys.canonical():
            known = keys.canonical()
            if known is None:
                raise IngestError(
                    "missing_field",
                    "userId",
                    "nobody is identified once the fields are gone that the source's policy drops",
                    "Send userId or anonymousId, or let the source hash the field instead",
                )
            profile = known
        return replace(event, properties=properties, traits=traits, keys=keys, profile=profile)


def hashed(value: Any, key: bytes, name: str = "") -> Any:
    """Return what stands for the value; null stays null, and what is a hash already stays as it is."""
    if value is None:
        return None
    if isinstance(value, str):
        if len(value) == _HASH_CHARS and value.startswith(MARK):
            return value
        text = (email_or_none(value) if "email" in name else phone_or_none(value) if "phone" in name else None) or value
    else:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return MARK + hmac.new(key, text.encode(errors="surrogatepass"), sha256).hexdigest()


def _changed(node: Any, path: _Path, key: bytes | None) -> Any:
    """Return the node with what is at the path (of folded names) hashed, or dropped without a key; in each item of a
    list.
    """
    if isinstance(node, list):
        return [_changed(item, path, key) for item in node]
    if not isinstance(node, dict):
        return node
    wanted, rest = path[0], path[1:]
    names = [name for name in node if name == wanted or name.casefold() == wanted]
    if not names:
        return node
    if rest:
        return node | {name: _changed(node[name], rest, key) for name in names}
    if key is None:
        return {name: value for name, value in node.items() if name not in names}
    return node | {name: hashed(node[name], key, wanted) for name in names}


def _keys(keys: ProfileKeys, plan: _Plan, key: bytes) -> ProfileKeys:
    email, phone, custom = keys.email, keys.phone, keys.custom
    if plan.email and email:
        custom, email = custom if plan.email == "drop" else (*custom, _pair("email", email, key)), None
    if plan.phone and phone:
        custom, phone = custom if plan.phone == "drop" else (*custom, _pair("phone", phone, key)), None
    if email == keys.email and phone == keys.phone:
        return keys
    return replace(keys, email=email, phone=phone, custom=custom)


def _pair(name: str, value: str, key: bytes) -> tuple[str, str]:
    return f"{name}_hash", hashed(value, key, name).removeprefix(MARK)


@lru_cache(maxsize=_KEPT_PLANS)
def _plan(drop: tuple[str, ...], hashes: tuple[str, ...]) -> _Plan:
    roots: dict[str, list[tuple[_Path, bool]]] = {_PROPERTIES: [], _TRAITS: []}
    treats: dict[str, Treats] = {}
    # Hashed first: what is to be dropped is, also when it is named in both.
    for field, is_dropped in (*((one, False) for one in hashes), *((one, True) for one in drop)):
        folded = field.casefold()
        root, _, rest = folded.partition(".")
        path = tuple((rest if root in roots and rest else folded).split("."))
        for name in (root,) if root in roots and rest else roots:
            roots[name].append((path, is_dropped))
            if name == _TRAITS:
                roots[_PROPERTIES].append(((_GROUP_TRAITS, *path), is_dropped))
        if len(path) == 1:
            treats[path[0]] = "drop" if is_dropped else "hash"
    return _Plan(tuple(roots[_PROPERTIES]), tuple(roots[_TRAITS]), treats.get("email", ""), treats.get("phone", ""))
