"""Which records of the state topic have to leave Kafka's disks."""

import pytest

from infra.erasure.kafka import _state_names
from streams.log import topics
from streams.model.events import ProfileKeys
from streams.model.facts import FactsState
from streams.model.profile import ProfileState
from streams.operators.erasing import Person
from streams.ports import LogRecord
from streams.state import codec

EVE = Person("shop", ("user:7", "email:eve@example.com"), spared=("steve@example.com",))


def record(name: str, value: bytes | None, workspace: str = "shop") -> LogRecord:
    return LogRecord(topics.STATE, 0, 0, codec.profile_key(workspace, name), value, 1)


def state(name: str, **keys: str) -> bytes:
    return codec.encode_profile(ProfileState("shop", name, FactsState(ProfileKeys(**keys))))


@pytest.mark.parametrize(
    "found",
    [
        record("user:7", None),
        record("group:eve@example.com", None),
        record("user:8", state("user:8", email="eve@example.com")),
        record("user:8", b"\x63 from the future: eve@example.com"),
    ],
    ids=["deleted", "called so", "says so", "unreadable"],
)
def test_what_names_the_person_has_to_go(found):
    assert _state_names(found, EVE)


@pytest.mark.parametrize(
    "found",
    [
        record("user:8", None),
        record("email:steve@example.com", None),
        record("user:8", state("user:8", email="steve@example.com")),
        record("user:8", b"\x63 from the future: 7"),
        record("user:7", None, "other"),
        record("user:9", state("user:9", email="eve@example.com"), "other"),
    ],
    ids=["deleted", "called so", "says so", "unreadable", "elsewhere", "says so elsewhere"],
)
def test_what_others_have_may_stay(found):
    assert not _state_names(found, EVE)
