"""What can't be used and names somebody who was erased: its reason is kept, its bytes are not."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ingest.caller import Caller
from ingest.door import Watch
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.ports import DeadLetterSink

Hides = Callable[[str, bytes], bool]
"""Says whether bytes that came to a workspace name somebody who was erased."""


class LettersWithoutErased:
    """A DeadLetterSink before another."""

    def __init__(self, sink: DeadLetterSink, hides: Hides) -> None:
        self._sink = sink
        self._hides = hides

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self._sink.put([self._without(letter) for letter in letters])

    def _without(self, letter: DeadLetter) -> DeadLetter:
        hides = self._hides
        if hides(letter.workspace, letter.reason.encode()):
            letter = replace(letter, reason=letter.code)
        if hides(letter.workspace, letter.raw) or hides(letter.workspace, letter.head.encode()):
            return replace(letter, raw=b"", head="")
        return letter


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
