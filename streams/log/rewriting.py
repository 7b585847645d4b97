"""Records of the log without a person: what is left of each. Embedded and Kafka write it back each in their way."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from streams import frames
from streams.frames import FrameKind
from streams.log import topics
from streams.model.dead_letters import DeadLetter
from streams.model.errors import FrameError
from streams.model.events import Event
from streams.model.triggers import Trigger
from streams.operators.erasing import Person
from streams.operators.raw_forms import documents_in, forms_of

Rewriter: TypeAlias = Callable[[bytes], bytes | None]
"""Returns what is left of a record's value: itself, another, or None when nothing is."""

_decode_trigger = msgspec.msgpack.Decoder(Trigger).decode
_decode_letter = msgspec.msgpack.Decoder(DeadLetter).decode


def rewriter(topic: str, persons: Sequence[Person]) -> Rewriter:
    """Return what rewrites the topic's records without these people."""
    if topic in (topics.EVENTS, topics.KEPT):
        return lambda value: rewritten_frame(value, persons)
    if topic == topics.TRIGGERS:
        return lambda value: None if _is_trigger_of(value, persons) else value
    if topic == topics.DEAD_LETTERS:
        return lambda value: None if _is_letter_of(value, persons) else value
    raise ValueError(f"{topic} holds nothing that is rewritten")


def rewritten_frame(value: bytes, persons: Sequence[Person]) -> bytes:
    """Return the frame without the people; itself when they are not in it. What is no frame goes when it tells of one.

    A frame that loses all its events keeps its time.
    """
    # Frames hold texts as they are, so most need not be read.
    named = [person for person in persons if person.may_be_in(value)]
    return _rewritten(value, named) if named else value


def _rewritten(value: bytes, persons: Sequence[Person]) -> bytes:
    try:
        frame = frames.decode(value)
    except FrameError:
        return frames.SAYS_NOTHING if any(person.is_in(value) for person in persons) else value
    if frame.kind is FrameKind.EVENTS:
        kept = frame.events
        for person in persons:
            kept = [person.event_without(event) for event in kept if not person.owns(event)]
        same = len(kept) == len(frame.events) and all(a is b for a, b in zip(kept, frame.events, strict=True))
        return value if same else frames.encode_events(kept, frame.clock_ms)
    if frame.moves is not None:
        moves = frame.moves.moves
        for person in persons:
            moves = tuple(person.move_without(move) for move in moves)
        if all(a is b for a, b in zip(moves, frame.moves.moves, strict=True)):
            return value
        return frames.encode_moves(msgspec.structs.replace(frame.moves, moves=moves), frame.clock_ms)
    if frame.control is not None:
        control = frame.control
        for person in persons:
            control = person.control_without(control)
        return value if control is frame.control else frames.encode_control(control, frame.clock_ms)
    return value


def count_of(value: bytes, left: bytes | None) -> int:
    """Return how many events went between two versions of a frame."""
    return len(events_of(value)) - len(events_of(left or frames.SAYS_NOTHING))


def is_control(value: bytes) -> bool:
    """Say whether it is the frame of a control record: of those only erasures' own are rewritten."""
    try:
        return frames.decode(value).control is not None
    except FrameError:
        return False


def events_of(value: bytes) -> Sequence[Event]:
    """Return the events of a frame; none of what is no frame."""
    try:
        frame = frames.decode(value)
    except FrameError:
        return ()
    return frame.events


def names_person(raw: bytes, person: Person) -> bool:
    """Say whether bytes that somebody sent, in whatever form, name the person. Errs on the side of yes: what can't be
    read to its end may name anybody.
    """
    forms, is_whole = forms_of(raw)
    if not is_whole:
        return True
    return any(person.is_written_in(form) or any(map(person.may_mean, documents_in(form))) for form in forms)


def _is_trigger_of(value: bytes, persons: Sequence[Person]) -> bool:
    try:
        trigger = _decode_trigger(value)
    except msgspec.MsgspecError:
        return any(person.is_in(value) for person in persons)
    return any(person.is_of(trigger) for person in persons)


def _is_letter_of(value: bytes, persons: Sequence[Person]) -> bool:
    try:
        letter = _decode_letter(value)
    except msgspec.MsgspecError:
        return any(names_person(value, person) for person in persons)
    return any(is_letter_of(letter, person) for person in persons)


def is_letter_of(letter: DeadLetter, person: Person) -> bool:
    """Say whether a dead letter names the person."""
    if letter.workspace not in ("", person.workspace):
        return False
    return names_person(f"{letter.reason}\n{letter.head}".encode(), person) or names_person(letter.raw, person)


def is_note_of(person: Person, event: Event | None, reason: str, raw: bytes) -> bool:
    """Say whether what is told of a message at the door names the person."""
    is_told = event is not None and person.is_told_by(event)
    return is_told or names_person(reason.encode(), person) or names_person(raw, person)
