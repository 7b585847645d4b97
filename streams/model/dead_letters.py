"""DeadLetter: bytes that could not be used, kept with the stage and reason so that they can be repaired."""

from msgspec import Struct


class DeadLetter(Struct, frozen=True, array_like=True, gc=False):
    """Raw bytes that `stage` (ingest, engine, ...) refused, and why; `field` names the faulty part when one does.

    `via` says by which way they came in, so that they can be taken in again: a kind of call ("track", ..., "batch" for
    one message of a batch), "gif", "link", "webhook", or nothing where that is not known. `code` is the error's.
    `head` is what that way needs to know beside the bytes, a JSON object or nothing (ingest/redelivery.py has the
    names).
    """

    workspace: str
    source: str
    stage: str
    reason: str
    field: str
    raw: bytes
    at_ms: int
    via: str = ""
    code: str = ""
    head: str = ""
