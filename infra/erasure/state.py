"""The engine's state: who in it is the person, who else names them, and whether every worker has let go of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from streams.frames import encode_control
from streams.log import topics
from streams.log.reading import batches
from streams.model.control import Control, ControlKind
from streams.model.erasure import Erase
from streams.model.errors import CampaignIqError, FrameError
from streams.operators.erasing import Person
from streams.operators.placeholders import goes_with, is_persons_own
from streams.ports import Clock, EventLog, LogRecord, NewRecord
from streams.state import codec
from streams.state.erasing import read_mark
from streams.state.record_sizes import parts

_READ_RECORDS = 1_000
_WAIT_S = 1.0


class Found(NamedTuple):
    """`own` are profiles of the person's ids that are there, `others` profiles that name them. `joined` are ids that
    were not known and have moved to the person's, are their e-mail or phone, or that nobody but the person claims;
    `taken` are ids of theirs that another profile has by now. `near` are values of others' ids that one of theirs is
    part of, but for those that are known.
    """

    own: frozenset[str]
    others: frozenset[str]
    joined: frozenset[str]
    taken: frozenset[str]
    near: frozenset[str]


async def find_in_state(log: EventLog, person: Person) -> Found:
    """Look through the newest record of every profile of the workspace."""
    own: set[str] = set()
    others: set[str] = set()
    joined: set[str] = set()
    taken: set[str] = set()
    near: set[str] = set()
    for partition in range(log.partitions(topics.STATE)):
        newest: dict[str, _Seen] = {}
        async for records in batches(log, topics.STATE, partition):
            for name, seen in (await asyncio.to_thread(_seen_in, records, person)).items():
                if name in person.ids or seen != _NOTHING:
                    newest[name] = seen
                else:
                    newest.pop(name, None)
        for name, seen in newest.items():
            if not seen.is_there:
                continue
            if name in person.ids:
                own.add(name)
            elif seen.is_persons:
                joined.add(name)
            else:
                near |= seen.near
                if seen.names_person:
                    others.add(name)
                    taken |= seen.holds
    return Found(*map(frozenset, (own, others, joined, taken, near)))


class EraseSender:
    """Puts ERASE records into the log and waits until the engine has done what they say."""

    def __init__(self, log: EventLog, clock: Clock, patience_s: float = 600.0) -> None:
        self._log = log
        self._clock = clock
        self._patience_s = patience_s

    async def send(self, person: Person, erasure: str, others: frozenset[str]) -> None:
        """Return once every partition has committed the erasure, purged its local copy, and then taken what others
        had told it before. Raises CampaignIqError when one does not answer.
        """
        ids, aliases, spared = tuple(sorted(person.ids)), dict(person.aliases), tuple(sorted(person.spared))
        some = [tuple(part) for part in parts(sorted(others), len)] or [()]
        records = [Erase(erasure, ids, part, aliases, spared) for part in some]
        await self._done(person.workspace, records, _says_purged)
        # Moves that a partition had on its way by then are in the log now, before these.
        await self._done(person.workspace, [Erase(erasure)], _says_applied)

    async def _done(self, workspace: str, bodies: Sequence[Erase], says: Callable[[LogRecord, int], bool]) -> None:
        """Append the records to every partition; return when each says so of the last."""
        log, now_ms = self._log, self._clock.now_ms()
        controls = [Control(ControlKind.ERASE, workspace, 0, msgspec.msgpack.encode(body)) for body in bodies]
        frames = [encode_control(control, now_ms) for control in controls]
        wanted: dict[int, int] = {}
        # What a partition says of it comes after this.
        places = {
            number: (await log.bounds(topics.STATE, number))[1] for number in range(log.partitions(topics.EVENTS))
        }
        for number in places:
            new = [NewRecord(topics.EVENTS, number, None, frame, now_ms) for frame in frames]
            wanted[number] = (await log.append(new))[-1]
        try:
            async with asyncio.timeout(self._patience_s):
                await self._said(wanted, places, says)
        except TimeoutError:
            missing = ", ".join(map(str, wanted))
            raise CampaignIqError(f"nobody works on partition {missing}: is every worker running?") from None

    async def _said(
        self, wanted: dict[int, int], places: dict[int, int], says: Callable[[LogRecord, int], bool]
    ) -> None:
        while wanted:
            for number in list(wanted):
                records = await self._log.read(topics.STATE, number, places[number], _READ_RECORDS)
                if records:
                    places[number] = records[-1].offset + 1
                if any(says(record, wanted[number]) for record in records):
                    del wanted[number]
            if wanted:
                await self._log.wait({(topics.STATE, number): places[number] for number in wanted}, _WAIT_S)


class _Seen(NamedTuple):
    is_there: bool
    is_persons: bool = False
    names_person: bool = False
    holds: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()


_NOTHING = _Seen(is_there=True)


def _seen_in(records: list[LogRecord], person: Person) -> dict[str, _Seen]:
    """Return what the last record of each profile says; in order, so that a later one corrects an earlier."""
    prefix = codec.profile_key(person.workspace, "")
    seen = {}
    for record in records:
        if record.key is None or not record.key.startswith(prefix):
            continue
        name = record.key[len(prefix) :].decode()
        seen[name] = _Seen(is_there=False) if record.value is None else _seen_of(record.value, person)
    return seen


def _seen_of(value: bytes, person: Person) -> _Seen:
    if not person.may_be_in(value):
        return _NOTHING
    try:
        state = codec.decode_profile(value)
    except FrameError:
        return _Seen(is_there=True, names_person=person.is_in(value))
    if state.identity.moved_to in person.ids or is_persons_own(state, person):
        return _Seen(True, is_persons=True)
    if goes_with(state, person):
        return _Seen(True, names_person=True)
    holds = person.ids.intersection(state.identity.ids)
    names = bool(holds) or person.state_without(state) is not state
    near = person.near((state.id, *state.identity.ids), state.facts.keys)
    return _Seen(True, False, names, holds, frozenset(near))


def _says_purged(record: LogRecord, offset: int) -> bool:
    if record.key != codec.ERASED_KEY or record.value is None:
        return False
    _, purged_at = read_mark(record.value)
    return purged_at > offset


def _says_applied(record: LogRecord, offset: int) -> bool:
    if record.key != codec.COMMIT_KEY or record.value is None:
        return False
    return codec.decode_commit(record.value).applied_offset >= offset
