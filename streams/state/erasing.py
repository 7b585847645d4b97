"""Erasure in a partition: a person's profiles go, others' lose the person's ids, and what was about to be told of the
person is not told. The local copy is purged by its owner.
"""

import struct
from typing import Protocol

import msgspec

from streams.model.control import Control
from streams.model.errors import FrameError, RuleFailedError
from streams.model.identity import Membership
from streams.model.moves import Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.triggers import Trigger
from streams.operators.erasing import Person, erase_of
from streams.operators.placeholders import goes_with
from streams.operators.rollups import Rollups
from streams.operators.rulebook import RuleBook
from streams.state import codec
from streams.state.outbox import Outbox
from streams.state.profile_store import ProfileStore
from streams.state.timers import Timers

_MARK = struct.Struct(">BQQ")
_NO_MEMBER = msgspec.msgpack.encode(Membership(None))


class Erasures:
    """How far erasures have come: `erased_at` is the frame after the last ERASE record, `purged_at` the same of the
    last one whose traces are gone from the local copy, too; 0 before the first.
    """

    def __init__(self) -> None:
        self.erased_at = 0
        self.purged_at = 0
        self.flushed_at = 0
        self.is_dirty = False

    def restore(self, value: bytes | None) -> None:
        """Take over what the state topic says. Raises FrameError."""
        if value is not None:
            self.erased_at, self.purged_at = read_mark(value)
        self.flushed_at = self.erased_at

    def note_erased(self, offset: int) -> None:
        """Note that the ERASE record at `offset` was applied."""
        self.erased_at = offset + 1
        self.is_dirty = True

    def note_purged(self, purged_at: int) -> None:
        """Note that the local copy holds nothing any more of what was erased up to there."""
        self.purged_at = purged_at
        self.is_dirty = True

    @property
    def must_purge(self) -> bool:
        """Say whether an erasure is durable, and the local copy still has traces of what it removed."""
        return self.flushed_at > self.purged_at

    def take_records(self) -> dict[bytes, bytes | None]:
        """Return what the next flush writes of this."""
        if not self.is_dirty:
            return {}
        self.is_dirty = False
        self.flushed_at = self.erased_at
        return {codec.ERASED_KEY: _MARK.pack(codec.VERSION, self.erased_at, self.purged_at)}


class Erasable(Protocol):
    """What a partition has that may name a person."""

    rules: RuleBook
    profiles: ProfileStore
    totals: Rollups
    outbox: Outbox
    timers: Timers
    erasures: Erasures
    triggers: list[Trigger]
    clock_ms: int


def read_mark(value: bytes) -> tuple[int, int]:
    """Return (erased at, purged at) of a partition's record. Raises FrameError."""
    if len(value) != _MARK.size or value[0] != codec.VERSION:
        raise FrameError(f"erasures: state version {value[:1]!r} is not known; this build reads {codec.VERSION}")
    _, erased_at, purged_at = _MARK.unpack(value)
    return erased_at, purged_at


def erase(partition: Erasable, control: Control, offset: int) -> None:
    """Apply an ERASE record; all before it is settled. Without ids it asks for a flush alone. Raises FrameError."""
    body = erase_of(control)
    if not body.ids:
        partition.erasures.is_dirty = True
        return
    person = Person(control.workspace, body.ids, body.aliases, body.spared)
    profiles = partition.profiles
    for name in body.ids:
        key = f"{control.workspace}\x1f{name}"
        partition.timers.forget(key)
        if profiles.holds(key):
            profiles.remove(key)
    for name in body.others:
        _take_out(partition, f"{control.workspace}\x1f{name}", person)
    partition.triggers = [trigger for trigger in partition.triggers if not person.is_of(trigger)]
    partition.outbox.keep(lambda move: person.move_without(move) is move)
    partition.totals.name_nobody()
    partition.erasures.note_erased(offset)


def _take_out(partition: Erasable, key: str, person: Person) -> None:
    """Let somebody else's profile lose the person's ids. One that can't be read is of no use to anybody, and goes; so
    does one of which nothing would be left but a key that may name the person.
    """
    profiles = partition.profiles
    if not profiles.holds(key):
        return
    try:
        before = profiles.get(key)
    except FrameError:
        profiles.remove(key)
        return
    if goes_with(before, person):
        profiles.remove(key)
        return
    after = person.state_without(_left_by(partition, before, person))
    if after is not before:
        profiles.put_all({key: codec.encode_profile(after)})


def _left_by(partition: Erasable, state: ProfileState, person: Person) -> ProfileState:
    """Return a company after the person's ids have left it: its score is judged anew, and nothing is announced."""
    if state.account is None:
        return state
    pipeline = partition.rules.pipeline(state.workspace)
    for name in sorted(person.ids.intersection(state.account.members)):
        move = Move(MoveKind.MEMBER, state.workspace, state.id, name, partition.clock_ms, _NO_MEMBER)
        try:
            state, _, _ = pipeline.on_move(state, move, partition.clock_ms)
        except RuleFailedError:
            # The members are taken out all the same, and the score is judged with the next word of a member.
            return state
    return state
