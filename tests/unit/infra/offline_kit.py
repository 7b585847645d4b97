"""A small platform over any log: its partitions take frames, flush and send moves, until there is nothing left."""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import orjson

from infra.offline.run import Listeners
from streams.agents.place import Place
from streams.frames import decode, encode_control, encode_events, encode_tick
from streams.log import topics
from streams.model.control import Control, ControlKind
from streams.model.events import Event, ProfileKeys
from streams.model.ids import partition_for
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.standard import default_rules
from streams.model.triggers import Trigger
from streams.ports import EventLog, NewRecord
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape
from tests.strategies import DAY_MS

# Some days ago, at the same time of every day: Kafka would remove what is older than its topics keep.
START_MS = (time.time_ns() // 1_000_000 // DAY_MS - 5) * DAY_MS + 46_400_000
PARTITIONS = 3
RULES = default_rules()


class Platform:
    def __init__(self, log: EventLog, rules: RuleSet = RULES) -> None:
        self.log = log
        shape = Shape(PARTITIONS, rules)
        self.places = [Place(log, number, MemoryCopy(), shape) for number in range(PARTITIONS)]

    async def start(self) -> "Platform":
        for place in self.places:
            await place.open()
        return self

    async def send(self, *events: Event) -> None:
        for event in events:
            number = partition_for(event.workspace, event.profile, PARTITIONS)
            frame = encode_events([event], event.received_ms)
            await self.log.append([NewRecord(topics.EVENTS, number, None, frame, event.received_ms)])

    async def tick(self, now_ms: int) -> None:
        records = [NewRecord(topics.EVENTS, n, None, encode_tick(now_ms), now_ms) for n in range(PARTITIONS)]
        await self.log.append(records)

    async def adopt(self, rules: RuleSet, revision: int, now_ms: int) -> None:
        control = Control(ControlKind.RULES, "default", revision, msgspec.json.encode(rules))
        frame = encode_control(control, now_ms)
        await self.log.append([NewRecord(topics.EVENTS, n, None, frame, now_ms) for n in range(PARTITIONS)])

    async def settle(self) -> None:
        """Apply and flush until no frame is left, moves among them."""
        busy = True
        while busy:
            busy = False
            for number, place in enumerate(self.places):
                for record in await self.log.read(topics.EVENTS, number, place.partition.offset + 1, 1_000):
                    place.partition.apply(record.offset, decode(record.value or b""), record.timestamp_ms)
                    busy = True
                await place.flush()

    async def close(self) -> None:
        for place in self.places:
            await place.close()

    async def triggers(self) -> dict[str, Trigger]:
        records = [r for n in range(PARTITIONS) for r in await self.log.read(topics.TRIGGERS, n, 0, 10_000)]
        return {t.id: t for t in (msgspec.msgpack.decode(r.value, type=Trigger) for r in records)}

    def states(self) -> dict[str, ProfileState]:
        return {state.id: state for place in self.places for state in place.partition.profiles}


class Heard:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.triggers: list[Trigger] = []
        self.letters: list[str] = []

    def listeners(self) -> Listeners:
        return Listeners(self.triggers.append, lambda letter: self.letters.append(letter.reason), lambda _: None)


def by(keys: ProfileKeys, name: str, at_ms: int, message_id: str, **more: object) -> Event:
    profile = keys.canonical()
    assert profile
    return Event(message_id, "default", "web", profile, name, at_ms, at_ms, keys, **more)


def shopping(people: int = 6) -> list[Event]:
    """Browsers that put things into carts, sign in (two browsers a person), open mails, belong to companies."""
    events = []
    now_ms = START_MS
    for number in range(people * 12):
        now_ms += 7_000 + number % 5
        who = number % people
        anonymous, user = f"b{who}", f"u{who // 2}"
        keys = ProfileKeys(anonymous_id=anonymous)
        step = number // people
        if step in {4, 5}:
            keys = ProfileKeys(user_id=user, anonymous_id=anonymous, email=f"{user}@example.com")
        name, more = (
            ("product_added", {"properties": {"product_id": "kettle", "price": 40.0, "quantity": 1}, "value": 40.0}),
            ("email_clicked", {}),
            ("form_submitted", {}),
            ("page_viewed", {"properties": {"path": "/pricing"}}),
            ("identified", {"traits": {"first_name": "Ada"}}),
            ("grouped", {"properties": {"group_id": f"g{who % 2}", "group_traits": {"name": "Acme"}}}),
        )[step % 6]
        events.append(by(keys, name, now_ms, f"m{number}", **more))
    return events


def own_lines(events: Sequence[Event]) -> bytes:
    """The engine's own form of events, one JSON object a line."""
    names = Event.__struct_fields__
    lines = []
    for event in events:
        fields = {name: getattr(event, name) for name in names}
        fields["keys"] = {name: getattr(event.keys, name) for name in ProfileKeys.__struct_fields__}
        if event.provenance:
            fields["provenance"] = msgspec.structs.asdict(event.provenance)
        lines.append(orjson.dumps(fields))
    return b"\n".join(lines) + b"\n"


def written(path: Path) -> list[dict]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
