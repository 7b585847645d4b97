"""What the log holds against what clients were told: each event arrives, and each person's in order."""

import asyncio
from collections import Counter, defaultdict
from typing import NamedTuple

from streams.frames import FrameKind, decode
from streams.log.kafka import KafkaEventLog
from streams.log.topics import EVENTS
from streams.settings import LogSettings
from tests.faults.clients import Client


class Books(NamedTuple):
    """`kept` counts events in the log, less repeats; `repeats` are those. `lost` and `misplaced` must be none."""

    accepted: int
    kept: int
    repeats: int
    lost: list[str]
    misplaced: list[str]


def compared(clients: list[Client], settings: LogSettings) -> Books:
    arrived, repeats = asyncio.run(_arrived(settings))
    accepted = [one for client in clients for one in client.accepted]
    assert len(accepted) == len(set(accepted))
    kept = {one for ids in arrived.values() for one in ids}
    misplaced = [
        profile
        for profile, ids in arrived.items()
        if (numbers := [int(one.rsplit("-", 1)[1]) for one in ids]) != sorted(numbers)
    ]
    return Books(len(accepted), len(kept), repeats, sorted(set(accepted) - kept), misplaced)


def report(title: str, clients: list[Client], books: Books, more: str = "") -> None:
    answers = sum((client.answers for client in clients), Counter())
    slowest_s = max(client.slowest_s for client in clients)
    print(  # noqa: T201  the run's result
        f"\n{title}: {books.accepted} events answered with 2xx, {len(books.lost)} of them missing, "
        f"{len(books.misplaced)} people out of order; the log holds {books.kept} and {books.repeats} repeats; "
        f"answers {dict(answers)} (0: none), the slowest after {slowest_s:.1f} s{more}"
    )


async def _arrived(settings: LogSettings) -> tuple[dict[str, list[str]], int]:
    log = await KafkaEventLog(settings).open()
    arrived: defaultdict[str, dict[str, None]] = defaultdict(dict)
    repeats = 0
    try:
        for partition in range(settings.partitions):
            _, end = await log.bounds(EVENTS, partition)
            at = 0
            while at < end and (records := await log.read(EVENTS, partition, at, 500)):
                at = records[-1].offset + 1
                for record in records:
                    frame = decode(record.value)
                    for event in frame.events if frame.kind is FrameKind.EVENTS else ():
                        repeats += event.id in arrived[event.profile]
                        arrived[event.profile][event.id] = None
    finally:
        await log.close()
    return {profile: list(ids) for profile, ids in arrived.items()}, repeats
