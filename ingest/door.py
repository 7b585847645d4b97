"""What every way in shares: finding the source, judging and taking events, keeping what could not be used. It knows no
protocol.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import Any, Protocol

import orjson
from starlette.types import Scope

from ingest.batcher import Batcher, Done
from ingest.call import Call, Head
from ingest.caller import Caller, caller_of
from ingest.errors import IngestError, PlatformKeyError, SourceOffError, UnknownKeyError
from ingest.keyless import without_keys
from ingest.normalise import events_of
from ingest.provenance import Arrival, as_history_when_old, in_client_order
from ingest.settings import IngestSettings
from ingest.sources import PLAIN_KINDS, Source, SourceDirectory
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event
from streams.ports import Clock, DeadLetterSink

STAGE = "ingest"
IMPORT = "import"
"""The kind of call (`Caller.via`) by which senders hand in history."""
_MAX_REASON_CHARS = 500
_MAX_KEPT_CHARS = 512

Treatment = Callable[[Event, Caller], Event]
"""Returns the event as the source's policy wants it. Raises IngestError when it must not come in."""


Sight = Callable[[list[Event], object, Caller], list[Event]]
"""Returns the events with what their message's context and the caller tell of the sender in their provenance."""

Namer = Callable[[object, Caller], object]
"""Returns the message with an id for its visitor, where the page keeps none on the device."""


class Gate(Protocol):
    """Says who may knock, and how often."""

    def admit(self, request: Head, source: Source) -> None:
        """Raise IngestError (403) for a request that comes from a page which the source does not allow."""
        ...

    def spend(self, source: Source, messages: int, *, is_webhook: bool = False) -> None:
        """Count the messages. Raises RateLimitedError when the source has sent too many of late."""
        ...

    def owe(self, source: Source, events: int) -> None:
        """Count so many events more of messages that were let in."""
        ...


class Watch(Protocol):
    """Is told what became of each message, for people who look on. Must cost next to nothing."""

    def note(self, caller: Caller, verdict: str, event: Event | None, reason: str, raw: bytes) -> None:
        """`verdict` is one of VERDICTS; `event` is None for what could not be read, of which `raw` is there."""
        ...


ACCEPTED, REJECTED, DECLINED, SUPPRESSED = "accepted", "rejected", "declined", "suppressed"
REFUSED, IGNORED = "refused", "ignored"
VERDICTS = (ACCEPTED, REJECTED, DECLINED, SUPPRESSED, REFUSED, IGNORED)
"""Declined: the visitor does not want to be recorded. Suppressed: the person was erased, and must not come back.
Refused: nothing was read, since of its sender. Ignored: a webhook that has no use here.
"""


class OpenGate:
    """Lets everybody in."""

    def admit(self, request: Head, source: Source) -> None:
        pass

    def spend(self, source: Source, messages: int, *, is_webhook: bool = False) -> None:
        pass

    def owe(self, source: Source, events: int) -> None:
        pass


class NobodyWatches:
    """A watch without anybody."""

    def note(self, caller: Caller, verdict: str, event: Event | None, reason: str, raw: bytes) -> None:
        pass


def naming_nobody(message: object, _caller: Caller) -> object:
    return message


def seeing_nothing(events: list[Event], _message: object, _caller: Caller) -> list[Event]:
    return events


def nobody_suppressed(_: Event) -> bool:
    return False


@dataclass(slots=True)
class DoorCounts:
    """Since start: messages taken, messages and bodies kept as dead letters, messages not recorded since their visitors
    don't want it, events of erased people, webhooks acknowledged without use.
    """

    accepted: int = 0
    dead_lettered: int = 0
    declined: int = 0
    suppressed: int = 0
    webhooks_ignored: int = 0


class Door:
    """One front door; its counters tell what came of all that knocked."""

    def __init__(
        self,
        batcher: Batcher,
        sources: SourceDirectory,
        dead_letters: DeadLetterSink,
        clock: Clock,
        settings: IngestSettings,
        *,
        gate: Gate | None = None,
        namer: Namer = naming_nobody,
        sight: Sight = seeing_nothing,
        treatments: Sequence[Treatment] = (),
        is_suppressed: Callable[[Event], bool] = nobody_suppressed,
        watch: Watch | None = None,
    ) -> None:
        self.counts = DoorCounts()
        self.settings = settings
        # Asked for each message, and Pydantic takes its time to tell them.
        self._future_clamp_ms, self._late_after_ms = settings.future_clamp_ms, settings.late_after_ms
        self.clock = clock
        self.sources = sources
        self._batcher = batcher
        self._dead_letters = dead_letters
        self._gate = gate or OpenGate()
        self._namer = namer
        self._sight = sight
        self._treatments = tuple(treatments)
        self._is_suppressed = is_suppressed
        self._watch = watch or NobodyWatches()

    def snapshot(self) -> dict[str, int]:
        return asdict(self.counts)

    def source_of(self, request: Head) -> Source | None:
        """Return the source whose key the request's head carries, None when it carries none.

        Raises UnknownKeyError.
        """
        key = _basic_user(request.headers.get("authorization", ""))
        if not key:
            key = request.query_params.get("k", "")
        return self.source_with(key) if key else None

    def source_id_of(self, scope: Scope) -> str:
        """Return the id of the source that a head names by its key or its webhook's address, or nothing."""
        path: str = scope["path"]
        if path.startswith("/webhooks/"):
            found = self.sources.by_id(path.rpartition("/")[2])
            return found.id if found else ""
        try:
            source = self.source_of(Call(scope["method"], path, scope["query_string"], scope["headers"], ""))
        except (UnknownKeyError, ValueError):
            return ""
        return source.id if source else ""

    def source_with(self, key: object) -> Source:
        """Return the website or server with this write key. Raises UnknownKeyError, SourceOffError for one turned off,
        or PlatformKeyError.
        """
        source = self.sources.by_write_key(key) if isinstance(key, str) else None
        if source is None:
            raise SourceOffError if isinstance(key, str) and self.sources.is_off(key) else UnknownKeyError
        if source.kind not in PLAIN_KINDS:
            raise PlatformKeyError(source.kind)
        return source

    def caller(self, request: Head, source: Source, via: str, messages: int = 1) -> Caller:
        """Return who sends these many messages. Raises IngestError when the source allows it to no such caller, or not
        so many.
        """
        try:
            self._gate.admit(request, source)
            self._gate.spend(source, messages)
        except IngestError as error:
            self.turn_away(Caller(source, via), error, messages or 1)
            raise
        return caller_of(request, source, via)

    def owe(self, caller: Caller, events: int, messages: int) -> None:
        """Count what became of so many messages beyond one event each, which nobody knew when they were let in."""
        if events > messages:
            self._gate.owe(caller.source, events - messages)

    def spend_webhook(self, caller: Caller, events: int) -> None:
        """Count the events of a webhook whose vendor is proved. Raises RateLimitedError."""
        try:
            self._gate.spend(caller.source, events, is_webhook=True)
        except IngestError as error:
            self.turn_away(caller, error, events or 1)
            raise

    def turn_away(self, caller: Caller, error: IngestError, messages: int = 1) -> None:
        """Count messages that are refused for their sender, and tell those who look on."""
        self._batcher.tallies.of(caller.source.id).turn_away(error.code, messages)
        self.note(caller, REFUSED, error)

    def note(self, caller: Caller, verdict: str, error: IngestError) -> None:
        """Tell those who look on about a request of which nothing is kept."""
        self._watch.note(caller, verdict, None, str(error), b"")

    def judge(self, message: object, caller: Caller, at_ms: int | None = None) -> list[Event]:
        """Return the events of a Segment message that came at `at_ms` (now), as the source wants them.

        Raises IngestError.
        """
        now_ms = self.clock.now_ms() if at_ms is None else at_ms
        arrival = Arrival(now_ms, self._future_clamp_ms, self._late_after_ms, caller.via == IMPORT)
        message = self._namer(message, caller)
        found = events_of(message, caller.source, arrival)
        return self.treat(self._sight(found, message, caller), caller)

    def see(self, events: list[Event], message: object, caller: Caller) -> list[Event]:
        """Return the events with what is known of their sender."""
        return self._sight(events, message, caller)

    def treat(self, events: list[Event], caller: Caller) -> list[Event]:
        """Return the events as the source wants them. Raises IngestError."""
        treated = []
        for event in events:
            for treatment in self._treatments:
                event = treatment(event, caller)  # noqa: PLW2901  each takes what the one before has left
            treated.append(event)
        return treated

    def suppressed(self, events: Sequence[Event]) -> list[Event]:
        """Return those events that are of erased people."""
        return [event for event in events if self._is_suppressed(event)]

    async def take(self, caller: Caller, events: Sequence[Event], messages: int = 1) -> None:
        """Make the events of `messages` messages durable, but those that must not be recorded."""
        events = self.in_order(events)
        tally = self._batcher.tallies.of(caller.source.id)
        if caller.opts_out:
            tally.accepted += len(events)
            tally.declined += len(events)
            self.counts.declined += messages
            self._note_unseen(caller, DECLINED, events)
            return
        suppressed = self.suppressed(events)
        if suppressed:
            events = [event for event in events if event not in suppressed]
            tally.accepted += len(suppressed)
            tally.suppressed += len(suppressed)
            self.counts.suppressed += len(suppressed)
            self._note_unseen(caller, SUPPRESSED, suppressed)
        await self._batcher.put(events)
        self._took(caller, events, messages)

    def in_order(self, events: Sequence[Event]) -> Sequence[Event]:
        """Return the events of one request in their sender's order, old ones as history."""
        return as_history_when_old(in_client_order(events), self.settings.late_after_ms)

    def take_soon(self, request: Head, caller: Caller, events: Sequence[Event], messages: int, done: Done) -> bool:
        """As `caller` and `take`, without waiting; or return False, having done nothing, where one of them would do
        anything but make the events durable. Raises what the batcher knows at once.
        """
        if caller.opts_out or any(map(self._is_suppressed, events)):
            return False
        try:
            self._gate.admit(request, caller.source)
            self._gate.spend(caller.source, len(events))
        except IngestError:
            return False
        ordered = in_client_order(events)  # of messages, which are flagged as history where they are old
        self._batcher.put_soon(ordered, partial(self._told, caller, ordered, messages, done))
        return True

    def _told(
        self, caller: Caller, events: Sequence[Event], messages: int, done: Done, error: Exception | None
    ) -> None:
        if error is None:
            self._took(caller, events, messages)
        done(error)

    def _took(self, caller: Caller, events: Sequence[Event], messages: int) -> None:
        self.counts.accepted += messages
        for event in events:
            self._watch.note(caller, ACCEPTED, event, "", b"")

    async def bury(
        self, caller: Caller, unusable: Sequence[tuple[IngestError, bytes]], head: Mapping[str, Any] | None = None
    ) -> None:
        """Keep bytes that can't be used, without write keys, each with its reason; of those who don't want to be
        recorded the reason alone.

        `head` is what their way in needs to know beside them.
        """
        now_ms, source = self.clock.now_ms(), caller.source
        if caller.opts_out:
            head, unusable = None, [(error, b"") for error, _ in unusable]
        elif caller.user_agent:
            head = {"user_agent": caller.user_agent, **(head or {})}
        unusable = [(error, self._without_keys(raw, source)) for error, raw in unusable]
        told = self._without_keys(orjson.dumps(head), source).decode() if head else ""
        letters = [
            DeadLetter(
                source.workspace,
                source.id,
                STAGE,
                str(error)[:_MAX_REASON_CHARS],
                error.field,
                raw,
                now_ms,
                caller.via,
                error.code,
                told,
            )
            for error, raw in unusable
        ]
        with self._batcher.tallies.rejecting(source.id, len(letters)):
            await self._dead_letters.put(letters)
        self.counts.dead_lettered += len(unusable)
        for error, raw in unusable:
            self._watch.note(caller, REJECTED, None, str(error), raw)

    def _without_keys(self, raw: bytes, source: Source) -> bytes:
        known = self.sources
        return without_keys(
            raw, source.write_keys, lambda key: known.by_write_key(key) is not None or known.is_off(key)
        )

    def _note_unseen(self, caller: Caller, verdict: str, events: Sequence[Event]) -> None:
        """Tell of events that nobody may look at any more than that they were there."""
        for event in events:
            self._watch.note(caller, verdict, None, event.name, b"")


def _basic_user(authorization: str) -> str:
    # Sources are few, so their headers are kept; what strangers send may be long.
    return (_kept_user_in if len(authorization) <= _MAX_KEPT_CHARS else _user_in)(authorization)


def _user_in(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        raise UnknownKeyError from None


_kept_user_in = lru_cache(maxsize=1_024)(_user_in)
