"""The producer of a run: a thread that turns deeds into frames and appends them, at a pace, through every fault."""

import heapq
import threading
import time
from collections import Counter
from random import Random
from typing import Any

from confluent_kafka import Message, Producer

from streams.frames import encode_control, encode_events
from streams.log import topics
from streams.model.control import Control, ControlKind
from streams.model.events import Event, ProfileKeys, Utm
from streams.model.ids import partition_for
from tests.chaos.crowd import Crowd, Deed
from tests.chaos.journal import Journal
from tests.chaos.rules import encoded, rules

_SIZES = (1, 1, 5, 20, 50, 100, 200, 500)
_NEAR, _FAR = 0.03, 0.01
_JUNK_EVERY = 4_000
_PAUSE_S = 0.02
_MAX_WAITING_FRAMES = 2_000
_DAY_MS = 86_400_000

Row = tuple[Deed, str, int, int]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Sender:
    """Sends `events` different events. `allow(share)` lets it go on up to that share of them."""

    def __init__(self, bootstrap: str, journal: Journal, seed: int, events: int, partitions: int, rate: float) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 0,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": 8 << 20,
                "log_level": 0,
                "error_cb": lambda _error: None,
            }
        )
        self._journal = journal
        self._random = Random(f"sender {seed}")
        self._deeds = Crowd(seed, max(50, events // 50)).deeds()
        self._partitions = partitions
        self._rate = rate
        self._events = events
        self._share = 0.0
        self._batches: list[list[tuple[Event, Row]]] = [[] for _ in range(partitions)]
        self._sizes = [self._size() for _ in range(partitions)]
        self._later: list[tuple[int, int, Row]] = []
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._errors: list[str] = []
        self.sent = self.repeats = self.frames = 0
        self.junk: Counter[str] = Counter()

    def start(self) -> None:
        self._thread.start()

    def allow(self, share: float) -> None:
        self._share = max(self._share, share)

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def finish(self, limit_s: float) -> None:
        """Wait for the end, with everything confirmed."""
        self.allow(1.0)
        self._rate *= 4
        self._thread.join(limit_s)
        assert self.is_done, "the producer is not done"
        assert not self._errors, self._errors
        self._journal.close()

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001  `finish` tells it
            self._errors.append(repr(error))

    def _send_all(self) -> None:
        began_s, credit = time.monotonic(), 0.0
        while self.sent < self._events:
            time.sleep(_PAUSE_S)
            passed_s = time.monotonic() - began_s
            began_s += passed_s
            credit = min(credit + passed_s * self._rate, self._rate)
            self._producer.poll(0)
            while credit >= 1 and self.sent < self._events * self._share and len(self._producer) < _MAX_WAITING_FRAMES:
                credit -= 1
                self._step()
        for partition in range(self._partitions):
            self._pack(partition)
        while self._producer.flush(1):
            pass

    def _step(self) -> None:
        self.sent += 1
        deed = next(self._deeds)
        received_ms = now_ms()
        keys = ProfileKeys(**deed.keys)
        row = (deed, keys.canonical() or "", received_ms - deed.delay_ms, received_ms)
        self._put(row)
        draw = self._random.random()
        if draw < _NEAR:
            heapq.heappush(self._later, (self.sent + self._random.randint(0, 300), self.sent, row))
        elif draw < _NEAR + _FAR:
            far = self._random.randint(2_000, max(3_000, self._events // 2))
            heapq.heappush(self._later, (self.sent + far, self.sent, row))
        while self._later and self._later[0][0] <= self.sent:
            _, _, (again, profile, at_ms, _) = heapq.heappop(self._later)
            self.repeats += 1
            self._put((again, profile, at_ms, now_ms()))
        if self.sent % _JUNK_EVERY == 0:
            self._send_junk()
        if self.sent in {self._events // 3, 2 * self._events // 3}:
            self._change_rules(1 if self.sent < self._events // 2 else 2)

    def _put(self, row: Row) -> None:
        deed, profile, _, _ = row
        partition = partition_for(deed.workspace, profile, self._partitions)
        batch = self._batches[partition]
        batch.append((event_of(row), row))
        if len(batch) >= self._sizes[partition]:
            self._pack(partition)

    def _pack(self, partition: int) -> None:
        batch, self._batches[partition] = self._batches[partition], []
        self._sizes[partition] = self._size()
        if batch:
            rows = [row for _, row in batch]
            self._produce(partition, encode_events([event for event, _ in batch], now_ms()), rows)

    def _produce(self, partition: int, frame: bytes, rows: list[Row]) -> None:
        def confirmed(error: Any, _message: Message) -> None:
            assert error is None, error
            if rows:
                self._journal.note(partition, now_ms(), rows)

        self.frames += 1
        self._producer.produce(topics.EVENTS, frame, None, partition, confirmed, None, now_ms())

    def _change_rules(self, revision: int) -> None:
        body = encoded(rules(revision + 1, 5_000 * (revision + 1)))
        for partition in range(self._partitions):
            # What waits was received before.
            self._pack(partition)
            control = Control(ControlKind.RULES, "gamma", revision, body)
            self._produce(partition, encode_control(control, now_ms()), [])

    def _send_junk(self) -> None:
        partition = self._random.randrange(self._partitions)
        whole = encode_events([_odd(f"odd{self.sent}", now_ms())], now_ms())
        kind, frame = self._random.choice(
            (
                ("truncated", whole[:-3]),
                ("version", whole[:2] + b"\x63" + whole[3:]),
                ("not a frame", b"hello"),
                ("far future", encode_events([_odd(f"odd{self.sent}", now_ms() + 30 * _DAY_MS)], now_ms())),
                ("frame clock", encode_events([_odd(f"odd{self.sent}", now_ms())], now_ms() + 30 * _DAY_MS)),
                ("not finite", encode_events([_odd(f"odd{self.sent}", now_ms(), float("nan"))], now_ms())),
            )
        )
        self.junk[kind] += 1
        self._produce(partition, frame, [])

    def _size(self) -> int:
        return self._random.choice(_SIZES)


def event_of(row: Row) -> Event:
    deed, profile, at_ms, received_ms = row
    return Event(
        deed.id,
        deed.workspace,
        deed.source,
        profile,
        deed.name,
        at_ms,
        received_ms,
        ProfileKeys(**deed.keys),
        Utm(campaign=deed.campaign) if deed.campaign else None,
        deed.value,
        deed.currency,
        deed.properties,
        deed.traits,
    )


def _odd(message_id: str, received_ms: int, value: float | None = None) -> Event:
    now = now_ms()
    return Event(message_id, "alpha", "web", "user:odd", "odd", now, received_ms, ProfileKeys("odd"), value=value)
