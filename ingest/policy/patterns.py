"""Long lists of patterns, of which a text can match few: the others are never compiled, which takes megabytes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ingest.policy.needles import needles_of

_KEY_CHARS = 3
Row = Sequence[Any]


class Extractor(Protocol):
    """One of `ua_parser_rs`."""

    def extract(self, text: str, /) -> Any: ...


class Sought:
    """A text in which several lists are looked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Not lower(): a pattern without regard to case also takes the long s for an s.
        self.folded = folded = text.casefold()
        self.keys = {folded[at : at + _KEY_CHARS] for at in range(len(folded) - _KEY_CHARS + 1)}
        self.keys.update(map(str.__add__, folded, folded[1:]))


class Patterns:
    """Finds what one extractor of all rows, which begin with a pattern, would find: what the first that matches says.

    `compiled` makes an extractor of some rows. A row gets its own, which takes 0.1 ms and 16 KiB, when the first text
    comes that it could match.
    """

    def __init__(self, compiled: Callable[[list[Any]], Extractor], rows: Iterable[Row]) -> None:
        self._compiled = compiled
        self._rows = list(rows)
        self._extractors: dict[int, Extractor] = {}
        self._anywhere: set[int] = set()
        self._by_key: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for number, row in enumerate(self._rows):
            needles = needles_of(row[0])
            if not needles:
                self._anywhere.add(number)
            for needle in needles:
                self._by_key[needle[:_KEY_CHARS]].append((needle, number))

    def find(self, sought: Sought) -> Any:
        """Return what its extractor says of the first row that matches, or None."""
        folded, by_key = sought.folded, self._by_key
        possible = {number for key in by_key.keys() & sought.keys for needle, number in by_key[key] if needle in folded}
        for number in sorted(possible | self._anywhere):
            found = (self._extractors.get(number) or self._compile(number)).extract(sought.text)
            if found is not None:
                return found
        return None

    def _compile(self, number: int) -> Extractor:
        made = self._extractors[number] = self._compiled([self._rows[number]])
        return made
