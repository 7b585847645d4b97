"""The store of dead letters without a person: their workspace's letters, and the platform's own, which name none."""

from functools import partial

import msgspec

from infra.erasure.places import KeepsLetters
from streams.log.rewriting import names_person
from streams.log.topics import DEAD_LETTERS
from streams.model.dead_letters import DeadLetter
from streams.model.letters import place_of_letter
from streams.operators.erasing import Person
from streams.ports import EventLog
from streams.store.config import DEFAULT_WORKSPACE

_decode = msgspec.msgpack.Decoder(DeadLetter).decode


async def forget_letters(letters: KeepsLetters, log: EventLog, person: Person) -> int:
    """Delete the letters that name the person, once the log's are rewritten; return how many that were."""
    named = await letters.find(person.workspace, partial(_names, person))
    gone = await letters.forget(person.workspace, named)
    if person.workspace != DEFAULT_WORKSPACE:
        # The store shows the platform's letters as those of the first workspace.
        named = await letters.find(DEFAULT_WORKSPACE, partial(_names, person))
        gone += await letters.forget(DEFAULT_WORKSPACE, [one for one in named if await _is_of_platform(log, one)])
    return gone


def _names(person: Person, raw: bytes, told: str) -> bool:
    return names_person(told.encode(), person) or names_person(raw, person)


async def _is_of_platform(log: EventLog, letter: str) -> bool:
    """Say whether a letter names no workspace in the log, or is there no more: then nobody can tell whose it was."""
    place = place_of_letter(letter)
    assert place is not None, "a stored letter has the id of its place"
    records = await log.read(DEAD_LETTERS, *place, 1)
    if not records or records[0].offset != place[1] or records[0].value is None:
        return True
    try:
        return not _decode(records[0].value).workspace
    except msgspec.MsgspecError:
        return True
