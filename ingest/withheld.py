"""What comes of somebody who was erased, and has passed the door's question: from the spool it goes no further; of what
can't be used the reason is kept, and its bytes are not.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from ingest.caller import Caller
from ingest.door import Watch
from streams import frames
from streams.log import topics
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.model.events import Event
from streams.ports import DeadLetterSink, NewRecord
from streams.store.suppression import Suppressions

_encode = msgspec.msgpack.Encoder().encode
_decode_letter = msgspec.msgpack.Decoder(DeadLetter).decode

Hides = Callable[[str, bytes], bool]
"""Says whether bytes that came to a workspace name somebody who was erased."""


class LettersWithoutErased:
    """A DeadLetterSink before another."""

    def __init__(self, sink: DeadLetterSink, hides: Hides) -> None:
        self._sink = sink
        self._hides = hides

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self._sink.put([_letter_without(letter, self._hides) for letter in letters])


def _letter_without(letter: DeadLetter, hides: Hides) -> DeadLetter:
    if hides(letter.workspace, letter.reason.encode()):
        letter = replace(letter, reason=letter.code)
    if hides(letter.workspace, letter.raw) or hides(letter.workspace, letter.head.encode()):
        return replace(letter, raw=b"", head="")
    return letter


def spooled_without_erased(suppressions: Suppressions, record: NewRecord) -> NewRecord:
    """Return what has lain in a spool without those who were erased since; itself when they are not in it."""
    value = record.value
    if suppressions.is_empty or value is None:
        return record
    try:
        if record.topic == topics.DEAD_LETTERS:
            letter = _decode_letter(value)
            left = _letter_without(letter, suppressions.hides)
            return record if left is letter else record._replace(value=_encode(left))
        frame = frames.decode(value)
    except (FrameError, msgspec.MsgspecError):
        return record
    kept = [event for event in frame.events if not suppressions.is_suppressed(event)]
    if len(kept) == len(frame.events):
        return record
    return record._replace(value=frames.encode_events(kept, frame.clock_ms))


class WatchWithoutErased:
    """A Watch before another."""

    def __init__(self, watch: Watch, hides: Hides) -> None:
        self._watch = watch
        self._hides = hides

    def note(self, caller: Caller, verdict: str, event: Event | None, reason: str, raw: bytes) -> None:
        if raw and self._hides(caller.source.workspace, raw):
            raw = b""
        if reason and event is None and self._hides(caller.source.workspace, reason.encode()):
            reason = ""
        self._watch.note(caller, verdict, event, reason, raw)
