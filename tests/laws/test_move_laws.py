"""Laws of what moves do: many at once do what they do one by one, whatever fails on the way and whoever else reads."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.frames import Frame, FrameKind
from streams.model.errors import RuleFailedError
from streams.model.identity import Member, Membership
from streams.model.moves import Claim, ClaimReason, Move, MoveBatch, MoveKind
from streams.model.products import Interest, Notice
from streams.model.rules.abandonment import EventMatch, ProductRule
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.scoring import ScoreRule
from streams.model.rules.standard import default_rules
from streams.operators import accounts, conditions, score_model
from streams.operators.product_moves import ProductMoves
from streams.state import codec, profile_store
from streams.state.copy import MemoryCopy
from streams.state.loading import Shape, new_partition
from tests.strategies import START_MS, events

NOW_MS = START_MS + 1_000
BRITTLE = Condition("properties.brittle", Op.EXISTS)
BASE = default_rules()
RULES = replace(
    BASE,
    scores=(
        replace(
            BASE.scores[0],
            rules=(*BASE.scores[0].rules, ScoreRule("brittle", "page_viewed", 3, (BRITTLE,))),
        ),
    ),
    products=tuple(
        ProductRule(name, "price_drop", (EventMatch("product_viewed"),), (EventMatch("sold"),))
        for name in ("drop", "weak")
    ),
)
TARGETS = ("group:acme", "product:hit", "anon:a", "anon:b", "user:0")
SOURCES = ("user:0", "user:1", "user:2", "anon:a", "anon:b", "product:hit")
times = st.integers(NOW_MS - 2, NOW_MS + 2)
members = st.builds(
    Member, times, st.sampled_from([0, 86_400_000]), st.just(78), st.sampled_from([1.0, 1e16, 1e308]), st.just(3.0)
)
BODIES: dict[MoveKind, st.SearchStrategy[object]] = {
    MoveKind.CLAIM: st.builds(Claim, st.sampled_from(ClaimReason), st.booleans()),
    MoveKind.FORWARD: events(NOW_MS),
    MoveKind.DETACH: st.integers(1, 2),
    MoveKind.MEMBER: st.builds(Membership, st.none() | members, st.sampled_from(["", "Acme"]), times),
    MoveKind.INTEREST: st.builds(
        Interest, st.sampled_from(["drop", "weak"]), st.just(9.0), st.just(0) | st.just(NOW_MS + 5_000), times
    ),
    MoveKind.NOTIFY: st.builds(Notice, st.just("drop"), st.sampled_from("ab"), st.just({"product_id": "hit"})),
    MoveKind.RESCORE: st.just(b"no parcel"),
    MoveKind.ERASED: st.just(b""),
}


@pytest.fixture(autouse=True)
def brittle(monkeypatch):
    """Let what a rule looks at fail, few profiles be unpacked at once, and companies be small."""

    def compile_when(when, *others):
        if BRITTLE not in when:
            return conditions.compile_when(when, *others)
        return lambda event, facts: 1 // (event.source != "app") > 0

    def on_move(self, state, move, now_ms):
        if move.source == "user:1" and "weak" in self._products._rules:
            raise RuleFailedError("weak")
        return original(self, state, move, now_ms)

    original = ProductMoves.on_move
    monkeypatch.setattr(score_model, "compile_when", compile_when)
    monkeypatch.setattr(ProductMoves, "on_move", on_move)
    monkeypatch.setattr(profile_store, "_MAX_UNPACKED", 2)
    monkeypatch.setattr(accounts, "MAX_MEMBERS", 2)
    monkeypatch.setattr(accounts, "_ROOM", 1)


@st.composite
def moves(draw: st.DrawFn) -> Move:
    kind = draw(st.sampled_from([*BODIES, *[MoveKind.MEMBER, MoveKind.INTEREST] * 3]))
    body = msgspec.msgpack.encode(draw(BODIES[kind]))
    if draw(st.integers(0, 9)) == 9:
        body = b"\xc1"
    return Move(kind, "default", draw(st.sampled_from(TARGETS)), draw(st.sampled_from(SOURCES)), NOW_MS, body)


def outcome(before: list, told: list[Move], ends: list[int]) -> dict[str, object]:
    partition = new_partition(0, MemoryCopy(), Shape(1, RULES))
    partition.apply(0, Frame(FrameKind.EVENTS, NOW_MS, before))
    for offset, (start, end) in enumerate(zip([0, *ends], [*ends, len(told)], strict=True), 1):
        batch = MoveBatch(0, start + 1, tuple(told[start:end]))
        partition.apply(offset, Frame(FrameKind.MOVES, NOW_MS, moves=batch))
    partition.settle()
    totals = partition.totals.take_changes(0).rollups
    return {
        "profiles": {key: codec.decode_profile(one or b"") for key, one in partition.profiles.take_dirty().items()},
        "told": (partition.triggers, partition.dead_letters, partition.alerts),
        "moves": partition.outbox.take_frames(0),
        "off": partition.rules.quarantined("default"),
        "timers": {key: partition.timers.pop_due(1 << 60) for key in range(len(partition.timers))},
        # Late totals are named by the frames they came in.
        "totals": {(total.series, total.bucket_ms): total.count for total in totals if not total.part},
    }


@settings(max_examples=200, deadline=None)
@given(
    before=st.lists(events(NOW_MS), max_size=4),
    told=st.lists(moves(), min_size=2, max_size=14),
    cuts=st.sets(st.integers(1, 13)),
)
def test_moves_together_do_what_they_do_one_by_one(before, told, cuts):
    alone = outcome(before, told, list(range(1, len(told))))
    assert outcome(before, told, sorted(cut for cut in cuts if cut < len(told))) == alone
    assert outcome(before, told, []) == alone


def test_a_company_and_a_product_are_unpacked_and_packed_once_for_all_that_many_tell_them(monkeypatch):
    calls = []
    for name in ("encode_profile", "decode_profile"):
        plain = getattr(codec, name)
        monkeypatch.setattr(codec, name, lambda value, plain=plain, name=name: calls.append(name) or plain(value))
    partition = new_partition(0, MemoryCopy(), Shape(1, RULES))
    for number in range(2):
        member, interest = Membership(Member(number, 0, 0, 0.0, 3.0)), Interest("drop", 9.0, NOW_MS + 5_000, number)
        told = [
            Move(kind, "default", target, f"user:{name}", NOW_MS, msgspec.msgpack.encode(body))
            for name in range(10, 30)
            for kind, target, body in (
                (MoveKind.MEMBER, "group:acme", member),
                (MoveKind.INTEREST, "product:hit", interest),
            )
        ]
        batch = MoveBatch(0, 1 + number * len(told), tuple(told))
        partition.apply(number, Frame(FrameKind.MOVES, NOW_MS, moves=batch))
    # The second word of interest adds nothing.
    assert calls == ["encode_profile"] * 2 + ["decode_profile"] * 2 + ["encode_profile"]
