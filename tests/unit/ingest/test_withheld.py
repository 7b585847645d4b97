"""What can't be used and names somebody who was erased leaves no trace of them, wherever in the letter they stand."""

import msgspec
import pytest

from ingest.withheld import LettersWithoutErased
from streams.model.dead_letters import DeadLetter

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
