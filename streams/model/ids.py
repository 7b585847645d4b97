"""Deterministic identifiers and the one partitioning function; nothing here may draw a random number."""

from hashlib import blake2b
from zlib import crc32

OWN_MARK = "~"
"""What the ids begin with that `own_id` makes: they can be foretold, and an id counts once, whoever sends it first."""


def stable_id(*parts: str) -> str:
    """Return a 128-bit hex id that depends on the parts alone.

    Each part is length-prefixed, so ("ab", "c") and ("a", "bc") differ.
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    return digest.hexdigest()


def own_id(*parts: str) -> str:
    """Return the id of an event that the platform or a verified webhook tells of; no browser may claim one."""
    return OWN_MARK + stable_id(*parts)


def partition_for(workspace: str, key: str, partitions: int) -> int:
    """Return the partition (0..partitions-1) that owns `key` of `workspace`; equal in ingest and engine."""
    return crc32(f"{workspace}\x1f{key}".encode()) % partitions
