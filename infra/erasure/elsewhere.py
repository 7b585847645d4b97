"""What records of other workspaces say of a person. That is theirs to erase, so no search must find fault with it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import msgspec

from infra.erasure.files import read_only, tables_of, where_elsewhere
from streams import frames
from streams.log import topics
from streams.log.reading import batches
from streams.model.alerts import Alert
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.model.triggers import Trigger
from streams.operators.erasing import Person
from streams.ports import EventLog, LogRecord
from streams.state import codec

_encode = msgspec.msgpack.Encoder().encode
_Told: TypeAlias = frozenset[str]
_NOTHING: _Told = frozenset()
_Parts: TypeAlias = Callable[[bytes], Iterable[tuple[str, bytes]]]
"""Takes a record's value apart into (workspace, bytes); of what is nobody's, or can't be read, there is none."""


async def told_elsewhere(log: EventLog, databases: Iterable[Path], person: Person) -> frozenset[str]:
    """Return which of the values that name the person records of other workspaces hold as well."""
    if not person.telling:
        return _NOTHING
    told = [*await _told_by_states(log, person)]
    for topic, parts in _PARTS.items():
        for partition in range(log.partitions(topic)):
            async for records in batches(log, topic, partition):
                told += await asyncio.to_thread(_told_by_records, records, parts, person)
    for path in databases:
        told += await asyncio.to_thread(told_by_database, path, person)
    return frozenset(told)


def told_by_database(path: Path, person: Person) -> frozenset[str]:
    """Return the same for one database: its tables say whose their rows are. Blocks."""
    if not path.is_file() or not person.telling:
        return _NOTHING
    with closing(read_only(path)) as db:
        rows = (_text_of(row) for table in tables_of(db) for row in _rows_elsewhere(db, table, person.workspace))
        return _NOTHING.union(*map(person.told_in, rows))


def _rows_elsewhere(db: sqlite3.Connection, table: str, workspace: str) -> Iterable[tuple[object, ...]]:
    query = f'SELECT * FROM "{table}" WHERE {where_elsewhere(db, table)}'  # noqa: S608  its own names
    return db.execute(query, {"workspace": workspace})


def _text_of(row: tuple[object, ...]) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else str(one).encode() for one in row)


async def _told_by_states(log: EventLog, person: Person) -> Iterable[str]:
    """Return the same of profiles, each by its newest record."""
    found: dict[bytes, _Told] = {}
    mine = codec.profile_key(person.workspace, "")
    for partition in range(log.partitions(topics.STATE)):
        async for records in batches(log, topics.STATE, partition):
            theirs = [
                one for one in records if one.key and codec.is_profile_key(one.key) and one.key[: len(mine)] != mine
            ]
            told = await asyncio.to_thread(lambda some: [person.told_in(one.value or b"") for one in some], theirs)
            found |= {one.key: values for one, values in zip(theirs, told, strict=True) if one.key}
    return _NOTHING.union(*found.values())


def _told_by_records(records: list[LogRecord], parts: _Parts, person: Person) -> _Told:
    values = (one.value for one in records if one.value is not None and person.is_in(one.value))
    texts = (raw for value in values for workspace, raw in parts(value) if workspace not in ("", person.workspace))
    return _NOTHING.union(*map(person.told_in, texts))


def _parts_of_frame(value: bytes) -> list[tuple[str, bytes]]:
    try:
        frame = frames.decode(value)
    except FrameError:
        return []
    moves = frame.moves.moves if frame.moves is not None else ()
    control = () if frame.control is None else (frame.control,)
    return [(one.workspace, _encode(one)) for one in (*frame.events, *moves, *control)]


def _parts_by(kind: type[Alert | DeadLetter | Trigger]) -> _Parts:
    decode = msgspec.msgpack.Decoder(kind).decode

    def parts(value: bytes) -> list[tuple[str, bytes]]:
        try:
            return [(decode(value).workspace, value)]
        except msgspec.MsgspecError:
            return []

    return parts


_PARTS: dict[str, _Parts] = {
    topics.EVENTS: _parts_of_frame,
    topics.KEPT: _parts_of_frame,
    topics.TRIGGERS: _parts_by(Trigger),
    topics.DEAD_LETTERS: _parts_by(DeadLetter),
    topics.ALERTS: _parts_by(Alert),
}
