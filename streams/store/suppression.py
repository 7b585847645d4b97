"""Whose events are refused: keyed hashes of erased people's ids, in memory for the front door."""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeAlias

from streams.model.erasure import ids_named, ids_of
from streams.model.events import Event, ProfileKeys
from streams.operators.erasing import is_of_one_person
from streams.operators.identity.named import kind_and_value
from streams.operators.raw_forms import documents_in, forms_of
from streams.operators.written_ids import named_values, phones_in
from streams.store.erasures import Erasures

Put: TypeAlias = Callable[[Sequence[Event]], Awaitable[None]]
_HASH_BYTES = 16
_KINDS = ("user", "anon", "email", "phone", "device")
_ID_FIELD = re.compile(r"(?:id|key|user|mail|phone|contact|customer|recipient|to)$", re.IGNORECASE)
_EMAIL = re.compile(rb"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_MOST_SEARCHED_BYTES = 256 << 10
"""So much is searched while a sender waits; of what is larger no bytes are kept once somebody is refused."""
_MOST_LOOKED_AT = 2_000
_MOST_SEEN = 50_000
_CACHED_IDS = 10_000


class Suppressions:
    """Refreshed by its owner every few seconds; asked for every event."""

    def __init__(self, store: Erasures, secret: str) -> None:
        self._store = store
        self._key = secret.encode()[:64]
        self._hashes: frozenset[str] = frozenset()
        self._mark: tuple[int, int] = (0, 0)
        self._known = lru_cache(_CACHED_IDS)(self._is_known)
        self._known_keys = lru_cache(_CACHED_IDS)(self._are_known)

    async def refresh(self) -> None:
        """Learn what was added and lifted."""
        mark = await self._store.mark()
        if mark != self._mark:
            self._hashes = frozenset(await self._store.suppressed())
            self._mark = mark
            self._known.cache_clear()
            self._known_keys.cache_clear()

    @property
    def is_empty(self) -> bool:
        """Say whether nobody is refused."""
        return not self._hashes

    def hash_of(self, workspace: str, name: str) -> str:
        """Return what stands for an id ("user:7"); without the installation's secret it tells nothing.

        An e-mail address or phone number has one, whatever kind of id it is.
        """
        value = kind_and_value(name)[1]
        text = f"{workspace}\x1f{_one_name(value) if is_of_one_person(value) else name}".encode()
        return blake2b(text, key=self._key, digest_size=_HASH_BYTES).hexdigest()

    def refuses(self, workspace: str, name: str) -> bool:
        """Say whether an id ("user:7") is an erased person's."""
        return bool(self._hashes) and self._known(workspace, name)

    def is_suppressed(self, event: Event) -> bool:
        """Say whether one of the ids that the event names is an erased person's."""
        if not self._hashes:
            return False
        if "previous_id" in event.properties:
            return any(self._known(event.workspace, name) for name in ids_of(event))
        return self._known_keys(event.workspace, event.profile, event.keys)

    def unless(self, put: Put) -> Put:
        """Return what puts the platform's own events into the log, but for those about people who were erased."""

        async def put_others(events: Sequence[Event]) -> None:
            await put([event for event in events if not self.is_suppressed(event)])

        return put_others

    def hides(self, workspace: str, raw: bytes) -> bool:
        """Say whether bytes that can't be used name an erased person; what can't be read to its end may."""
        if not self._hashes or not raw:
            return False
        if len(raw) > _MOST_SEARCHED_BYTES:
            return True
        forms, is_whole = forms_of(raw)
        if not is_whole:
            return True
        values: set[str] = set()
        for number, value in enumerate(chain.from_iterable(map(_values_in, forms))):
            values.add(value)
            if len(values) > _MOST_LOOKED_AT or number > _MOST_SEEN:
                return True
        return any(self._known(workspace, f"{kind}:{value}") for value in values for kind in _KINDS)

    def _are_known(self, workspace: str, profile: str, keys: ProfileKeys) -> bool:
        return any(self._is_known(workspace, name) for name in {profile, *ids_named(keys)})

    def _is_known(self, workspace: str, name: str) -> bool:
        return self.hash_of(workspace, name) in self._hashes


def _one_name(value: str) -> str:
    return f"email:{value.lower()}" if "@" in value else f"phone:{value}"


def _values_in(form: bytes) -> Iterator[str]:
    """Yield what may be ids in bytes that somebody sent."""
    for found in _EMAIL.finditer(form):
        yield found[0].decode("ascii", "replace").lower()
    yield from phones_in(form)
    yield from named_values(form)
    for document in documents_in(form):
        yield from _ids_in(document, "")


def _ids_in(value: Any, field: str) -> Iterator[str]:
    """Yield what stands where ids stand."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _ids_in(one, str(name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _ids_in(one, field)
    elif isinstance(value, str | int) and not isinstance(value, bool) and _ID_FIELD.search(field):
        yield str(value)
