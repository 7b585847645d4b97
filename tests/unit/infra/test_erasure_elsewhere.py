"""An erasure concerns one workspace: what another one's records say of the person neither hinders it nor hides more."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from infra.erasure.elsewhere import told_elsewhere
from infra.erasure.errors import NotErasedError
from infra.erasure.job import ErasureJob
from infra.erasure.places import Places
from ingest.letter_projector import read_letters
from streams.frames import encode_control, encode_events, encode_moves
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.control import Control, ControlKind
from streams.model.dead_letters import DeadLetter
from streams.model.events import Event, ProfileKeys
from streams.model.moves import Move, MoveBatch, MoveKind
from streams.model.profile import ProfileState
from streams.operators.erasing import Person
from streams.ports import NewRecord
from streams.state import codec
from streams.store.config import DEFAULT_WORKSPACE, ConfigStore
from streams.store.dead_letters import DeadLetterStore
from streams.store.erasures import Erasure, ErasureState, Subject
from tests.stores import open_config  # noqa: F401 - a fixture

EVE = Person("shop", ("anon:visitor-1", "email:eve@example.com"))
ASKED = Erasure("er_1", "shop", Subject(tuple(EVE.ids)), 2, True, 1, "me", ErasureState.RUNNING, (), None)


class StandingClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


class Empty:
    """Stands for places where there is nothing left to remove."""

    async def erase(self, *_: object) -> Sequence[str]:
        return ()

    async def purge(self, _person: Person) -> str:
        return ""

    async def count_of(self, _person: Person) -> int:
        return 0


def letter(workspace: str, raw: bytes = b"of eve@example.com") -> bytes:
    return msgspec.msgpack.encode(DeadLetter(workspace, "s1", "http", "unusable", "", raw, 1))


def event(workspace: str) -> bytes:
    friend = {"friend": "Eve@Example.com"}
    told = Event("m1", workspace, "s1", "user:9", "x", 1, 1, ProfileKeys(user_id="9"), properties=friend)
    return encode_events([told], 1)


def move(workspace: str) -> bytes:
    return encode_moves(MoveBatch(0, 1, (Move(MoveKind.CLAIM, workspace, "email:eve@example.com", "user:9", 1),)), 1)


def control(workspace: str) -> bytes:
    return encode_control(Control(ControlKind.RULES, workspace, 1, b'{"campaign": "eve@example.com"}'), 1)


async def log_with(topic: str, value: bytes, key: bytes | None = None) -> MemoryEventLog:
    log = MemoryEventLog(1)
    await log.append([NewRecord(topic, 0, key, value, 1)])
    return log


async def fill_with_letter(data: Path, workspace: str) -> None:
    """Put a letter into the store of dead letters that the log holds no more."""
    store = DeadLetterStore(f"sqlite:///{data / 'dead_letters.db'}")
    log = await log_with(topics.DEAD_LETTERS, letter(workspace))
    records = await log.read(topics.DEAD_LETTERS, 0, 0, 1)
    await store.project(log.identity(), 0, 1, read_letters(records, DEFAULT_WORKSPACE))
    await store.close()


async def run(config: ConfigStore, data: Path, log: MemoryEventLog, asked: Erasure = ASKED) -> Erasure:
    await config.erasures.add(asked, [])
    nothing = Empty()
    places = Places(log, nothing, nothing, nothing, nothing, data)
    job = ErasureJob(places, config.erasures, config.suppressions, StandingClock())
    job._steps = (("traces", job._traces),)
    # Nobody works on the partitions here, and nothing is in these places.
    job._state = job._log = job._deliveries = job._view
    return await job.run(asked)


async def test_a_profile_of_another_workspace_is_known():
    state = codec.encode_profile(ProfileState("other", "anon:Visitor-1"))
    log = await log_with(topics.STATE, state, codec.profile_key("other", "anon:Visitor-1"))
    assert await told_elsewhere(log, (), EVE) == {"visitor-1"}


@pytest.mark.parametrize(
    ("topic", "record_of"),
    [
        (topics.EVENTS, event),
        (topics.EVENTS, move),
        (topics.EVENTS, control),
        (topics.KEPT, event),
        (topics.DEAD_LETTERS, letter),
    ],
    ids=["event", "move", "control", "kept event", "dead letter"],
)
async def test_a_record_of_another_workspace_is_known_and_none_of_the_persons_own(topic, record_of):
    assert await told_elsewhere(await log_with(topic, record_of("other")), (), EVE) == {"eve@example.com"}
    assert await told_elsewhere(await log_with(topic, record_of("shop")), (), EVE) == frozenset()


@pytest.mark.parametrize("value", [letter(""), b"\xc1 eve@example.com"], ids=["the platform's own", "unreadable"])
async def test_what_is_nobodys_is_searched_for(value):
    assert await told_elsewhere(await log_with(topics.DEAD_LETTERS, value), (), EVE) == frozenset()


async def test_a_dead_letter_of_another_workspace_holds_no_erasure_up(config, tmp_path):
    await fill_with_letter(tmp_path, "other")
    done = await run(config, tmp_path, MemoryEventLog(1))
    assert done.state is ErasureState.DONE
    assert "not for 1 that another workspace knows" in done.steps[0].verified


async def test_an_event_of_another_workspace_holds_no_erasure_up(config, tmp_path):
    (tmp_path / "log.file").write_bytes(event("other"))
    done = await run(config, tmp_path, await log_with(topics.EVENTS, event("other")))
    assert done.state is ErasureState.DONE


async def test_what_the_persons_own_workspace_keeps_holds_the_erasure_up(config, tmp_path):
    await fill_with_letter(tmp_path, "shop")
    with pytest.raises(NotErasedError, match=r"named in dead_letters.db"):
        await run(config, tmp_path, MemoryEventLog(1))


async def test_only_the_persons_own_workspaces_configuration_holds_the_erasure_up(config, tmp_path):
    await config.bootstrap(1)
    await config.add_source(DEFAULT_WORKSPACE, "server", "Mails of eve@example.com")
    assert (await run(config, tmp_path, MemoryEventLog(1))).state is ErasureState.DONE
    again = ASKED._replace(id="er_2", workspace=DEFAULT_WORKSPACE)
    with pytest.raises(NotErasedError, match=r"config.db names the person"):
        await run(config, tmp_path, MemoryEventLog(1), again)
