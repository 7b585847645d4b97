"""What the producer did: one line of JSON a frame, in the order of each partition. All that the reference reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.chaos.crowd import Deed


class Sent(NamedTuple):
    """An event as it went into the log: once more when it is a repeat. `acked_ms`: when Kafka had confirmed it."""

    id: str
    person: int
    kind: str
    workspace: str
    source: str
    profile: str
    name: str
    at_ms: int
    received_ms: int
    acked_ms: int
    campaign: str
    value: float | None
    currency: str
    properties: dict[str, Any]


class Journal:
    """Written while the producer runs, read afterwards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def note(self, partition: int, acked_ms: int, rows: list[tuple[Deed, str, int, int]]) -> None:
        """Note a confirmed frame: its deeds with profile, event time and time of receipt."""
        told = [
            [
                deed.id,
                deed.person,
                deed.kind,
                deed.workspace,
                deed.source,
                profile,
                deed.name,
                at_ms,
                received_ms,
                acked_ms,
                deed.campaign or "",
                deed.value,
                deed.currency or "",
                deed.properties,
            ]
            for deed, profile, at_ms, received_ms in rows
        ]
        self._file.write(orjson.dumps([partition, told], option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.close()

    def read(self) -> Iterator[Sent]:
        """Yield every event of every frame; those of one profile are in the order of the log."""
        with self._path.open("rb") as file:
            for line in file:
                for row in orjson.loads(line)[1]:
                    yield Sent(*row)
