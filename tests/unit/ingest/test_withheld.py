"""What can't be used and names somebody who was erased leaves no trace of them, wherever in the letter they stand."""

import msgspec
import pytest

from ingest.withheld import LettersWithoutErased, spooled_without_erased
from streams import frames
from streams.log.topics import DEAD_LETTERS, EVENTS
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event, ProfileKeys
from streams.ports import NewRecord

LETTER = DeadLetter("shop", "web", "ingest", "bad", "userId", b"raw", 1, "track", "invalid_field", '{"a":1}')


class Kept:
    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def put(self, letters) -> None:
        self.letters += letters


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ({"raw": b"of ada"}, ("bad", b"", "")),
        ({"head": '{"query":"ada"}'}, ("bad", b"", "")),
        ({"reason": "'ada' is no time"}, ("invalid_field", b"raw", '{"a":1}')),
        ({}, ("bad", b"raw", '{"a":1}')),
    ],
    ids=["bytes", "head", "reason", "nothing"],
)
async def test_no_part_of_a_letter_names_them(changed, left):
    kept = Kept()
    letter = msgspec.structs.replace(LETTER, **changed)
    await LettersWithoutErased(kept, lambda workspace, raw: workspace == "shop" and b"ada" in raw).put([letter])
    assert (kept.letters[0].reason, kept.letters[0].raw, kept.letters[0].head) == left


class Refusing:
    """Refuses Ada."""

    is_empty = False

    def is_suppressed(self, event: Event) -> bool:
        return event.keys.user_id == "ada"

    def hides(self, _workspace: str, raw: bytes) -> bool:
        return b"ada" in raw


def of(user: str) -> Event:
    return Event(f"m-{user}", "shop", "web", f"user:{user}", "x", 1, 1, ProfileKeys(user_id=user))


def test_what_has_lain_in_the_spool_comes_without_those_who_were_erased_meanwhile():
    record = NewRecord(EVENTS, 0, None, frames.encode_events([of("ada"), of("bob")], 9), 1)
    left = frames.decode(spooled_without_erased(Refusing(), record).value)
    assert ([event.id for event in left.events], left.clock_ms) == (["m-bob"], 9)
    letter = msgspec.structs.replace(LETTER, raw=b"of ada")
    record = NewRecord(DEAD_LETTERS, 0, None, msgspec.msgpack.encode(letter), 1)
    left = spooled_without_erased(Refusing(), record)
    assert msgspec.msgpack.decode(left.value, type=DeadLetter).raw == b""


@pytest.mark.parametrize("value", [frames.encode_events([of("bob")], 9), b"no frame", frames.encode_tick(9)])
def test_what_has_lain_in_the_spool_and_names_nobody_stays_the_same(value):
    record = NewRecord(EVENTS, 0, None, value, 1)
    assert spooled_without_erased(Refusing(), record) is record
