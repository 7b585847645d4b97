"""Which events, states and moves are a person's, and what is left of others' without that person. Pure.

What is the person's own goes as a whole. What is somebody else's stays, without the person's ids: in places that hold
ids each is taken out by its kind; what names the person anywhere (e-mail, phone, long ids) goes wherever it stands, but
for where it is part of somebody else's longer id. A long id that somebody else has under another kind names nobody.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from streams.model.control import Control, ControlKind
from streams.model.erasure import Erase
from streams.model.errors import FrameError
from streams.model.events import Event, ProfileKeys
from streams.model.facts import FactsState
from streams.model.identity import IdentityState
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.triggers import Trigger
from streams.operators.history import without_key
from streams.operators.history_keys import KEY_FIELDS, keys_without
from streams.operators.identity.named import kind_and_value, previous_ids
from streams.operators.identity.parcels import packed, unpacked
from streams.operators.product_news import profile_of
from streams.operators.written_ids import written_pattern

LEAST_TELLING_CHARS = 8
"""An id of so many characters is nobody else's count or order; shorter ones are looked for where ids stand."""
MOST_SPARED = 100
"""An id that is part of more of other people's ids tells nobody."""
ERASED = "erased"
_OF_ONE_PERSON = re.compile(r"[^@\s]+@[^@\s]+|\+[0-9]{7,15}")
"""E-mails and phone numbers: whoever is called so, be it as a user or as a custom id, is the same person."""
_ID_KEY = re.compile("(?:id|key|user|mail|phone|contact|customer|recipient|to)$", re.IGNORECASE)
_SEPARATOR = "\x1f"
_encode = msgspec.msgpack.Encoder().encode
_decode_any = msgspec.msgpack.Decoder().decode
_decode_state = msgspec.msgpack.Decoder(ProfileState).decode
_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_erase = msgspec.msgpack.Decoder(Erase).decode


class Person:
    """Somebody who is to be erased, known by all of their `ids`; `aliases` stand for them in others' labels. `spared`
    are values of other people's ids that contain one of the person's, or are the same under another kind.
    """

    def __init__(
        self,
        workspace: str,
        ids: Iterable[str],
        aliases: Mapping[str, str] | None = None,
        spared: Iterable[str] = (),
    ) -> None:
        self.workspace = workspace
        self.ids = frozenset(ids)
        self.aliases = dict(aliases or {})
        self.values = frozenset(kind_and_value(name)[1] for name in self.ids)
        self.spared = frozenset(spared)
        folded = {value.casefold() for value in self.spared}
        self.telling = frozenset(value for value in telling_values(self.ids) if value.casefold() not in folded)
        self._called = {value.casefold() for value in self.telling}
        telling = f"{_any_of(self.spared)}|({_any_of(self.telling)})"
        self._in_text = re.compile(telling, re.IGNORECASE)
        self._in_bytes = re.compile(telling.encode(), re.IGNORECASE)
        self._perhaps = re.compile(_any_of(self.values).encode(), re.IGNORECASE)
        self._written = written_pattern(self.ids)

    def owns(self, event: Event) -> bool:
        """Say whether the event is the person's own."""
        return event.workspace == self.workspace and (event.profile in self.ids or self.is_called(event.profile))

    def is_called(self, name: str) -> bool:
        """Say whether an id, of whatever kind, has a value that names the person anywhere."""
        return kind_and_value(name)[1].casefold() in self._called

    def has(self, name: str) -> bool:
        """Say whether an id is the person's, or contains what names them anywhere."""
        return name in self.ids or self.tells(kind_and_value(name)[1])

    def must_be(self, name: str) -> bool:
        """Say whether an id, of whatever kind, is an e-mail or a phone number of the person."""
        return self.is_called(name) and is_of_one_person(kind_and_value(name)[1])

    def near(self, ids: Iterable[str], told: ProfileKeys) -> set[str]:
        """Return values that the person's stand in, of ids that are somebody else's, or that these have told and that
        are longer: those to spare.
        """
        own = set(ids) - self.ids
        longer = (name for name in _named(told) - own - self.ids if not self.is_called(name))
        return {value for name in (*own, *longer) if self.tells(value := kind_and_value(name)[1])}

    def tells(self, text: str) -> bool:
        """Say whether a text contains what names the person anywhere."""
        return any(found[1] for found in self._in_text.finditer(text))

    def may_be_in(self, raw: bytes) -> bool:
        """Say whether packed bytes may name the person; a short id may stand there by chance."""
        return self._perhaps.search(raw) is not None

    def is_in(self, raw: bytes) -> bool:
        """Say whether bytes contain what names the person anywhere."""
        return any(found[1] for found in self._in_bytes.finditer(raw))

    def told_in(self, raw: bytes) -> frozenset[str]:
        """Return which of the values that name the person anywhere stand in the bytes."""
        found = {one[1].decode().casefold() for one in self._in_bytes.finditer(raw) if one[1]}
        return frozenset(value for value in self.telling if value.casefold() in found)

    def is_written_in(self, raw: bytes) -> bool:
        """Say whether bytes that somebody sent name the person: also by a phone number in another way of writing it,
        and by a short id behind the name of an id.
        """
        return self.is_in(raw) or self._written.search(raw) is not None

    def names(self, value: Any) -> bool:
        """Say whether a document of builtin types names the person, be it inside of a text."""
        if isinstance(value, str):
            return not self.ids.isdisjoint(_ids_in(value)) or self.tells(value)
        if isinstance(value, Mapping):
            return any(self.names(key) or self.names(one) for key, one in value.items())
        if isinstance(value, list | tuple):
            return any(map(self.names, value))
        return isinstance(value, bytes) and self.is_in(value)

    def may_mean(self, value: Any, key: str = "") -> bool:
        """Say whether a document that somebody sent names the person: also by a short id, where an id stands."""
        if isinstance(value, Mapping):
            return any(self.may_mean(one, str(name)) for name, one in value.items())
        if isinstance(value, list | tuple):
            return any(self.may_mean(one, key) for one in value)
        if isinstance(value, str | int) and not isinstance(value, bool) and _ID_KEY.search(key):
            return str(value) in self.values or self.names(str(value))
        return self.names(value)

    def is_told_by(self, event: Event) -> bool:
        """Say whether an event is the person's own or names them."""
        return self.owns(event) or self.event_without(event) is not event

    def event_without(self, event: Event) -> Event:
        """Return somebody else's event without the person's ids; the same when it has none, or is of elsewhere."""
        if event.workspace != self.workspace:
            return event
        keys = self._keys_without(event.keys)
        properties, traits = self._document(event.properties), self._document(event.traits)
        if not self.ids.isdisjoint(previous_ids(event)):
            properties = {name: one for name, one in properties.items() if name != "previous_id"}
        after = event
        if keys is not event.keys or properties is not event.properties or traits is not event.traits:
            after = replace(event, keys=keys, properties=properties, traits=traits)
        packed_event = _encode(after)
        return _decode_event(self._filled(packed_event)) if self.is_in(packed_event) else after

    def state_without(self, state: ProfileState) -> ProfileState:
        """Return somebody else's state without the person's ids; the same when it has none."""
        facts = self._facts_without(state.facts)
        identity = self._identity_without(state.identity)
        product = state.product
        if product is not None and any(self._is_interest_of(key) for key in product.interested):
            kept = {key: one for key, one in product.interested.items() if not self._is_interest_of(key)}
            product = replace(product, interested=kept)
        account = state.account
        if account is not None and not self.ids.isdisjoint(account.members):
            kept_members = {name: one for name, one in account.members.items() if name not in self.ids}
            account = replace(account, members=kept_members)
        after = state
        parts = (facts, identity, product, account)
        if any(new is not old for new, old in zip(parts, _parts(state), strict=True)):
            after = replace(state, facts=facts, identity=identity, product=product, account=account)
        return self._labels_without(after)

    def move_without(self, move: Move) -> Move:
        """Return a move without the person: nothing of one from or to them, others' without their ids."""
        if move.workspace != self.workspace:
            return move
        if any(name in self.ids or self.is_called(name) for name in (move.source, move.target)):
            return Move(MoveKind.ERASED, "", "", "", move.at_ms)
        if move.kind is MoveKind.FORWARD:
            event = _decode_event(move.body)
            if self.owns(event):
                return Move(MoveKind.ERASED, "", "", "", move.at_ms)
            body = self.event_without(event)
            return move if body is event else replace(move, body=_encode(body))
        if move.kind in (MoveKind.ABSORB, MoveKind.RESTORE):
            state = unpacked(move.body)
            after = self.state_without(state)
            return move if after is state else replace(move, body=packed(after))
        return replace(move, body=self._filled(move.body)) if self.is_in(move.body) else move

    def control_without(self, control: Control) -> Control:
        """Return a control record without the person's ids: that of an erasure keeps its number only."""
        if control.kind is not ControlKind.ERASE or control.workspace != self.workspace:
            return control
        erase = _decode_erase(control.body)
        if self.ids.isdisjoint(erase.ids) and not self.names([*erase.others, *erase.spared]):
            return control
        return replace(control, body=_encode(Erase(erase.erasure)))

    def is_of(self, trigger: Trigger) -> bool:
        """Say whether a trigger is about the person, or names them."""
        if trigger.workspace != self.workspace:
            return False
        named = trigger.profile in self.ids or any(map(self.has, _named(trigger.keys)))
        return named or self.names([trigger.occurrence, trigger.traits, trigger.data])

    def _keys_without(self, keys: ProfileKeys) -> ProfileKeys:
        for name in filter(self.has, _named(keys)):
            keys = keys_without(keys, *kind_and_value(name))
        return keys

    def _facts_without(self, facts: FactsState) -> FactsState:
        for name in filter(self.has, _named(facts.keys)):
            facts = without_key(facts, *kind_and_value(name))
        telling = [name for name, trait in facts.traits.items() if self._scrubbed(trait.value) is not trait.value]
        if telling:
            facts = replace(facts, traits={n: t for n, t in facts.traits.items() if n not in telling})
        if self.is_in(facts.lines) or self.is_in(facts.older):
            facts = replace(facts, lines=self._filled(facts.lines), older=self._filled(facts.older))
        return facts

    def _identity_without(self, identity: IdentityState) -> IdentityState:
        named = {*identity.ids, *identity.claimed_by, *identity.detached, *identity.joins, identity.moved_to}
        if self.ids.isdisjoint(named):
            return identity
        return replace(
            identity,
            moved_to="" if identity.moved_to in self.ids else identity.moved_to,
            ids=self._less(identity.ids),
            claimed_by=self._less(identity.claimed_by),
            detached=self._less(identity.detached),
            joins={name: join for name, join in identity.joins.items() if name not in self.ids},
        )

    def _labels_without(self, state: ProfileState) -> ProfileState:
        """Put aliases where what the person's ids had brought stands under their names, and fill what else tells."""
        data = _encode(state)
        tree = _decode_any(data)
        changed = self._aliased(tree)
        after = data if changed is tree else _encode(changed)
        filled = self._filled(after) if self.is_in(after) else after
        return state if filled is data else _decode_state(filled)

    def _aliased(self, value: Any) -> Any:
        if isinstance(value, str):
            name, separator, join = value.partition(_SEPARATOR)
            return f"{self.aliases.get(name, ERASED)}{separator}{join}" if name in self.ids else value
        if isinstance(value, dict):
            changed = {self._aliased(key): self._aliased(one) for key, one in value.items()}
            return value if changed == value else changed
        if isinstance(value, list):
            items = [self._aliased(one) for one in value]
            return value if items == value else items
        return value

    def _document(self, document: dict[str, Any]) -> dict[str, Any]:
        after: dict[str, Any] = self._scrubbed(document)
        return after

    def _scrubbed(self, value: Any) -> Any:
        """Return a document with `erased` in place of what names the person; the same when nothing does."""
        if isinstance(value, str):
            if value in self.ids:
                return ERASED
            after = self._in_text.sub(lambda found: ERASED if found[1] else found[0], value)
            return value if after == value else after
        if isinstance(value, dict):
            changed = {self._scrubbed(key): self._scrubbed(one) for key, one in value.items()}
            return value if changed == value else changed
        if isinstance(value, list):
            items = [self._scrubbed(one) for one in value]
            return value if items == value else items
        return value

    def _filled(self, data: bytes) -> bytes:
        """Return packed bytes with as many other characters in place of what names the person."""
        return self._in_bytes.sub(lambda found: b"x" * len(found[1]) if found[1] else found[0], data)

    def _less(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name not in self.ids)

    def _is_interest_of(self, key: str) -> bool:
        return profile_of(key) in self.ids


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern that finds any of the words, and nothing when there is none."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or "(?!)"


def is_of_one_person(value: str) -> bool:
    """Say whether an id's value is an e-mail address or a phone number."""
    return _OF_ONE_PERSON.fullmatch(value) is not None


def telling_values(ids: Iterable[str]) -> frozenset[str]:
    """Return the values of the ids that name the person wherever they stand."""
    told = (kind_and_value(name)[1] for name in ids)
    return frozenset(value for value in told if "@" in value or len(value) >= LEAST_TELLING_CHARS)


def spared_of(telling: Iterable[str], near: Iterable[str]) -> frozenset[str]:
    """Return what is to be spared of what is near, a bounded number: what is part of too many is spared itself."""
    found: set[str] = set()
    for value in telling:
        longer = {one for one in near if value.casefold() in one.casefold()}
        found |= longer if len(longer) <= MOST_SPARED else {value}
    return frozenset(found)


def erase_of(control: Control) -> Erase:
    """Return the body of an ERASE control record. Raises FrameError."""
    try:
        return _decode_erase(control.body)
    except msgspec.MsgspecError as error:
        raise FrameError(f"the body of an erasure does not decode: {error}") from error


def _named(keys: ProfileKeys) -> set[str]:
    """Return the ids that the keys name, placeholders, too."""
    named = {f"{kind}:{value}" for kind, field in KEY_FIELDS.items() if (value := getattr(keys, field))}
    return named | {f"custom:{kind}:{value}" for kind, value in keys.custom}


def _parts(state: ProfileState) -> tuple[object, ...]:
    return state.facts, state.identity, state.product, state.account


def _ids_in(text: str) -> tuple[str, ...]:
    """Return the ids that a text may be or begin with: a label, or an occurrence such as "user:7:1700000000000:2"."""
    words = text.partition(_SEPARATOR)[0].split(":")
    return tuple(":".join(words[:count]) for count in range(2, min(len(words), 5) + 1))
