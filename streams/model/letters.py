"""Dead letters as they are kept and looked at: their states, how they are chosen, mended and taken in again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from streams.model.events import Event

MAX_FIXES = 50
"""Of one letter at once."""


class LetterState(StrEnum):
    """What became of a dead letter."""

    NEW = "new"
    REPLAYED = "replayed"
    DROPPED = "dropped"


class LetterNote(NamedTuple):
    """What is told of a letter. `id` is its place in the log ("partition:offset").

    `reason`, `field` and `code` are of the letter as it is, by the last attempt without fixes; `attempts` counts those
    that failed after the first.
    `size_bytes` is of what came.
    `state_ms`, `state_by` and `outcome` say when, by whom and with what result the state was reached.
    """

    id: str
    workspace: str
    source: str
    stage: str
    via: str
    code: str
    reason: str
    field: str
    at_ms: int
    size_bytes: int
    state: LetterState = LetterState.NEW
    state_ms: int = 0
    state_by: str = ""
    outcome: str = ""
    attempts: int = 0


class Fix(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change of a JSON document. `path` is "a.b.0.c" or a JSON pointer ("/a/b/0/c").

    `set` puts `value` at `path` and makes the objects on the way ("" replaces the whole document); `remove` takes out
    what is there, if anything is; `rename` moves it to `to`.
    """

    op: Literal["set", "remove", "rename"]
    path: str
    value: Any = None
    to: str = ""


class Claim(NamedTuple):
    """An attempt to take a letter in that is begun and not known to be finished, and the fixes it was begun with."""

    at_ms: int
    fixes: tuple[Fix, ...]


class StoredLetter(NamedTuple):
    """A letter with its bytes; `head` is what its way in needs to know beside them, JSON or nothing."""

    note: LetterNote
    raw: bytes
    head: str = ""
    claim: Claim | None = None

    @property
    def cost_bytes(self) -> int:
        """What it takes of the store's room."""
        return len(self.raw) + len(self.head) + _ROW_BYTES


_ROW_BYTES = 512  # what a letter costs beside its bytes, so that the limit on bytes bounds their number, too


class LetterFilter(NamedTuple):
    """Which letters are meant; what is empty or None asks for nothing. `text` is looked for in the reason."""

    source: str = ""
    stage: str = ""
    via: str = ""
    code: str = ""
    field: str = ""
    text: str = ""
    state: LetterState | None = None
    from_ms: int | None = None
    to_ms: int | None = None


class LetterPlace(NamedTuple):
    """Where a page of letters ended: the order is that of time, then of the log."""

    at_ms: int
    partition: int
    offset: int


class LetterGroup(NamedTuple):
    """How many letters have these in common, and when the first and the last of them came."""

    source: str
    stage: str
    via: str
    code: str
    state: LetterState
    letters: int
    first_ms: int
    last_ms: int


class LetterVerdict(StrEnum):
    """What an attempt to take a letter in, or to drop it, has come to."""

    REPLAYED = "replayed"
    WOULD_REPLAY = "would_replay"
    FAILED = "failed"
    ALREADY_REPLAYED = "already_replayed"
    SUPPRESSED = "suppressed"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


class LetterAttempt(NamedTuple):
    """The verdict on one letter: with its events when it can be used, else with the error that holds."""

    id: str
    verdict: LetterVerdict
    events: Sequence[Event] = ()
    code: str = ""
    reason: str = ""
    field: str = ""


def letter_id(partition: int, offset: int) -> str:
    return f"{partition}:{offset}"


def place_of_letter(letter: str) -> tuple[int, int] | None:
    """Return partition and offset of a letter's id, None for what is none."""
    partition, _, offset = letter.partition(":")
    is_id = all(part.isascii() and part.isdigit() and len(part) < _MAX_DIGITS for part in (partition, offset))
    return (int(partition), int(offset)) if is_id else None


_MAX_DIGITS = 19  # 64 bits hold every number with fewer
