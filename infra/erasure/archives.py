"""Archives without a person: each file is written anew beside the old one, searched, and takes its place."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from infra.erasure.search import count_in
from infra.offline.archive import ArchiveSource, ArchiveWriter
from streams.log.rewriting import count_of, events_of, rewritten_frame
from streams.model.errors import CampaignIqError, ConfigurationError
from streams.model.events import Event
from streams.operators.erasing import Person, spared_of

_ENDING = ".cqar"
_encode = msgspec.msgpack.Encoder().encode


def archives_in(paths: Sequence[Path]) -> list[Path]:
    """Return the archives that are named, or lie in folders that are. Raises ConfigurationError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.rglob(f"*{_ENDING}"))
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigurationError("--archive", f"{path} is not there", "Give an archive, or a folder of them")
    return found


def rewrite_archives(paths: Sequence[Path], person: Person) -> dict[Path, int]:
    """Take the person out of the archives; return how many events went, by file. Raises FrameError, CampaignIqError."""
    near: set[str] = set()
    elsewhere: set[str] = set()
    for event in _events_that_name(person, paths):
        if event.workspace != person.workspace:
            elsewhere |= person.told_in(_encode(event))
        else:
            near |= person.near(() if person.must_be(event.profile) else (event.profile,), event.keys)
    person = Person(person.workspace, person.ids, person.aliases, spared_of(person.telling, near))
    return {path: _rewrite(path, person, person.telling - elsewhere) for path in paths}


def _events_that_name(person: Person, paths: Sequence[Path]) -> Iterator[Event]:
    for path in paths:
        with closing(ArchiveSource([path])) as source:
            for record in source.records():
                if record.value and person.is_in(record.value):
                    yield from events_of(record.value)


def _rewrite(path: Path, person: Person, wanted: Iterable[str]) -> int:
    events, is_changed = 0, False
    fresh = path.with_name(f"{path.name}.erasing")
    source = ArchiveSource([path])
    try:
        with fresh.open("wb") as file:
            writer = ArchiveWriter(file, source.partitions)
            for record in source.records():
                value = record.value or b""
                left = rewritten_frame(value, (person,))
                is_changed = is_changed or left is not value
                events += count_of(value, left) if left is not value else 0
                writer.write(record._replace(value=left))
            file.flush()
            os.fsync(file.fileno())
        if not is_changed:
            return 0
        if count_in(fresh, wanted, person.spared):
            raise CampaignIqError(f"{path} names the person in a way that can't be taken out; it was left as it is")
        fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
        return events
    finally:
        source.close()
        fresh.unlink(missing_ok=True)
