"""The state topic's codec reads what every earlier release has written; samples of each lie in tests/vectors."""

import json
from base64 import b64decode
from pathlib import Path

import pytest

from streams.log import topics
from streams.model.errors import FrameError
from streams.model.profile import ProfileState
from streams.model.scores import points_at
from streams.ports import NewRecord
from streams.state import codec
from tests.laws.engine_kit import Run

VECTORS = Path(__file__).parents[2] / "vectors"


def sample(version: int) -> dict[bytes, bytes]:
    records = json.loads((VECTORS / f"state_v{version}.json").read_text())
    return {b64decode(record["key"]): b64decode(record["value"]) for record in records}


def profiles(version: int) -> list[ProfileState]:
    return [codec.decode_profile(value) for key, value in sample(version).items() if codec.is_profile_key(key)]


async def started_on(version: int) -> Run:
    run = Run()
    await run.log.append([NewRecord(topics.STATE, 0, key, value, 1) for key, value in sample(version).items()])
    await run.restart()
    return run


@pytest.mark.parametrize("version", [1, 2])
def test_a_profile_of_every_version_has_its_score(version):
    scored = max((p for p in profiles(version) if p.scores), key=lambda p: p.scores["lead"].total)
    lead = scored.scores["lead"]
    assert points_at(lead, lead.at_ms) == pytest.approx({1: 69.9999886574685, 2: 50}[version])


@pytest.mark.parametrize("version", [1, 2])
def test_a_profile_of_every_version_has_its_cart_and_its_timer(version):
    [key] = [key for key, value in sample(version).items() if codec.is_profile_key(key) and codec.due_ms_of(value)]
    profile = codec.decode_profile(sample(version)[key])
    assert (next(iter(profile.windows.windows.values())).rule, bool(profile.windows.due_ms)) == ("cart_abandoned", True)


@pytest.mark.parametrize("version", [1, 2])
async def test_a_partition_goes_on_from_every_version(version):
    run = await started_on(version)
    commit = codec.decode_commit(sample(version)[codec.COMMIT_KEY])
    assert (run.partition.offset, run.partition.clock_ms) == (commit.applied_offset, commit.clock_ms)


async def test_what_version_1_kept_in_another_form_is_removed_with_the_first_flush():
    run = await started_on(1)
    await run.flush()
    left = {r.key for r in await run.log.read(topics.STATE, 0, 0, 1_000) if r.value is not None}
    assert [key for key in left if key.startswith((b"r:", b"s:"))] == []


@pytest.mark.parametrize("decode", [codec.decode_profile, codec.decode_commit, codec.decode_unsent, codec.decode_book])
def test_a_version_of_the_future_is_refused_by_its_number(decode):
    with pytest.raises(FrameError, match="is not known; this build reads up to 2"):
        decode(b"\xffrest")
