"""Who may send: sources, and how a request finds its own. Where they are kept is somebody else's business."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Protocol

from ingest.errors import IngestError
from streams.store.sources import PLAIN_KINDS, SERVER, WEB, Source

__all__ = [
    "PLAIN_KINDS",
    "WEB",
    "Source",
    "SourceDirectory",
    "StaticSources",
    "is_server",
    "key_hash",
    "require_server",
]


class SourceDirectory(Protocol):
    """Finds sources. Look-ups must take no time that tells how much of a key was right."""

    def by_write_key(self, key: str) -> Source | None:
        """Return the source with this key; never one without a key, nor one that is turned off."""
        ...

    def is_off(self, key: str) -> bool:
        """Say whether the key is one of a source that is turned off."""
        ...

    def by_id(self, source_id: str) -> Source | None: ...


def key_hash(key: str) -> bytes:
    """Return what a key is looked up by: a table of hashes tells nothing through its timing."""
    return sha256(key.encode()).digest()


def is_server(source: Source) -> bool:
    """Say whether only a server has the source's write key: that of a web page is known to all its visitors."""
    return source.kind == SERVER


def require_server(source: Source, name: str) -> None:
    """Raise IngestError unless the event of this name comes from a server."""
    if not is_server(source):
        raise IngestError(
            "not_trusted",
            "event",
            f"{name} is taken from a server only, and the write key of a {source.kind} source is no secret",
            "Send it from your server, with the key of a source of kind server",
        )


class StaticSources:
    """A fixed list of sources in memory."""

    def __init__(self, sources: Iterable[Source]) -> None:
        every = list(sources)
        self._by_id = {source.id: source for source in every if source.is_enabled}
        self._off_keys = frozenset(key_hash(key) for s in every if not s.is_enabled for key in s.write_keys)
        self._by_key = {key_hash(key): s for s in self._by_id.values() for key in s.write_keys}

    def by_write_key(self, key: str) -> Source | None:
        return self._by_key.get(key_hash(key))

    def is_off(self, key: str) -> bool:
        return key_hash(key) in self._off_keys

    def by_id(self, source_id: str) -> Source | None:
        return self._by_id.get(source_id)
