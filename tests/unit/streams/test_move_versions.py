"""State on its way between partitions is read in every form that was ever written; samples lie in tests/vectors.

Frames of `moves_v0.json` are from before such bodies had a version.
"""

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest

from streams.frames import Frame, decode, encode_control, encode_events
from streams.model.control import Control, ControlKind
from streams.model.errors import FrameError
from streams.model.moves import MoveKind
from streams.model.profile import ProfileState
from streams.operators.identity.parcels import SCORES, VERSION, packed, unpacked
from tests.laws.engine_kit import Run
from tests.unit.streams.builders import NOW_MS, event

VECTORS = Path(__file__).parents[2] / "vectors"
VERSIONS = range(VERSION + 1)
CARRIED = ProfileState("default", "anon:x")


def sample(version: int, kind: MoveKind) -> Frame:
    frames = {one["kind"]: one["frame"] for one in json.loads((VECTORS / f"moves_v{version}.json").read_text())}
    return decode(b64decode(frames[kind.name.lower()]))


def body(frame: Frame) -> bytes:
    assert frame.moves is not None
    return frame.moves.moves[0].body


def profile_after(frame: Frame, profile: str) -> ProfileState:
    run = Run()
    run.partition.apply(0, frame)
    assert run.partition.dead_letters == []
    return run.partition.profiles.get(f"default\x1f{profile}")


@pytest.mark.parametrize("version", VERSIONS)
def test_who_absorbs_state_of_any_version_has_its_cart_and_its_score(version):
    ada = profile_after(sample(version, MoveKind.ABSORB), "user:ada")
    assert [window.rule for window in ada.windows.windows.values()] == ["cart_abandoned"]
    assert [list(rules) for rules in ada.scores["lead"].moved.values()] == [["demo_requested"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_given_back_in_any_version_counts_again(version):
    browser = profile_after(sample(version, MoveKind.RESTORE), "anon:x")
    assert (browser.identity.detached, list(browser.facts.moved)) == (("user:ada",), ["anon:x"])


@pytest.mark.parametrize("version", VERSIONS)
def test_scores_computed_anew_of_any_version_take_the_place_of_what_was_earned(version):
    run = Run()
    recompute = encode_control(Control(ControlKind.RECOMPUTE, "default", 7, b"lead"), 0)
    run.apply([decode(encode_events([event("demo_requested")], NOW_MS)), decode(recompute)])
    run.partition.apply(2, sample(version, MoveKind.RESCORE))
    assert run.partition.dead_letters == []
    ada = run.partition.profiles.get("default\x1fuser:ada")
    assert ada.scores["lead"].parts["demo_requested"].count == 3


def test_scores_are_sent_in_the_newest_version():
    sent = body(sample(VERSION, MoveKind.RESCORE))
    assert SCORES.packed(SCORES.unpacked(sent)) == sent
    assert SCORES.unpacked(body(sample(0, MoveKind.RESCORE))) == SCORES.unpacked(sent)


@pytest.mark.parametrize("kind", [MoveKind.ABSORB, MoveKind.RESTORE])
def test_state_is_sent_in_the_newest_version(kind):
    sent = body(sample(VERSION, kind))
    assert packed(unpacked(sent)) == sent


@pytest.mark.parametrize("kind", [MoveKind.ABSORB, MoveKind.RESTORE])
def test_every_version_of_a_sample_says_the_same(kind):
    assert len({packed(unpacked(body(sample(version, kind)))) for version in VERSIONS}) == 1


@pytest.mark.parametrize("unknown", [b"", b"\x02\x99", b"\xff"])
def test_a_version_of_the_future_is_refused_by_its_number(unknown):
    for read in (unpacked, SCORES.unpacked):
        with pytest.raises(FrameError, match="is not known; this build reads up to 1"):
            read(unknown)


@pytest.mark.parametrize("damaged", [packed(CARRIED)[:-1], msgspec.msgpack.encode(CARRIED)[:-1]])
def test_damaged_state_is_told_from_an_unknown_version(damaged):
    with pytest.raises(FrameError, match="does not decode"):
        unpacked(damaged)
