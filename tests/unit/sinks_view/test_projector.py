"""ViewProjector: the view holds what the state topic holds, also after restarts, gaps and damage."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from sinks.view.projector import LeadChange, ViewProjector
from sinks.view.sqlite import SqliteProfileView
from streams.log.embedded import EmbeddedEventLog
from streams.log.memory import MemoryEventLog
from streams.log.topics import STATE
from streams.model.dead_letters import DeadLetter
from streams.model.identity import AccountState, IdentityState, Member
from streams.model.products import ProductState
from streams.model.profile import ProfileState
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.standard import default_rules
from streams.ports import NewRecord
from streams.state.codec import encode_profile, profile_key
from tests.unit.sinks_view.fakes_view import T0, scored
from tests.unit.sinks_view.plain_view import PlainProfileView

HALF_LIFE_MS = 1000
RULES = default_rules(half_life_ms=HALF_LIFE_MS)


class Letters:
    def __init__(self) -> None:
        self.all: list[DeadLetter] = []

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        self.all += letters


def profile(name: str, points: float, partition: int = 0) -> NewRecord:
    return record(ProfileState("w", name, scores={"lead": scored(points, T0, HALF_LIFE_MS)}), partition)


def record(state: ProfileState, partition: int = 0) -> NewRecord:
    return NewRecord(STATE, partition, profile_key("w", state.id), encode_profile(state), 7)


def moved(name: str, to: str) -> NewRecord:
    return record(ProfileState("w", name, identity=IdentityState(moved_to=to)))


def rules(_workspace: str) -> RuleSet:
    return RULES


def raw(key: bytes, value: bytes | None) -> NewRecord:
    return NewRecord(STATE, 0, key, value, 7)


COMMIT = raw(b"c:commit", b"not a profile")


class Bench:
    """A view and its projector over a memory log; `changes` is what the listener was told."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(2)
        self.view = PlainProfileView()
        self.letters = Letters()
        self.changes: asyncio.Queue[LeadChange] = asyncio.Queue()

    def _tell(self, changes: list[LeadChange]) -> None:
        for change in changes:
            self.changes.put_nowait(change)

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[ViewProjector]:
        """Run a projector; what the log held before is in the view when the block begins."""
        projector = ViewProjector(self.log, self.view, self.letters, rules, self._tell)
        task = asyncio.create_task(projector.run())
        await projector.caught_up.wait()
        try:
            yield projector
        finally:
            projector.stop()
            await task

    async def scores(self) -> dict[str, float]:
        return {r.profile: round(r.score, 6) for r in (await self.view.page("w", T0, 500, 0)).leads}


async def test_the_view_holds_the_newest_state_of_every_profile():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 2, partition=1), profile("a", 3), COMMIT])
    async with bench.projecting() as projector:
        assert await bench.scores() == {"a": 3, "b": 2}
        assert await projector.lag() == 0


async def test_what_was_there_before_is_not_announced():
    bench = Bench()
    await bench.log.append([profile("a", 1)])
    async with bench.projecting():
        await bench.log.append([profile("a", 30)])
        change = await bench.changes.get()
    assert (round(change.row.score, 6), change.state.id) == (30, "a")
    assert change.previous is not None
    assert round(change.previous.score, 6) == 1
    assert bench.changes.empty()


async def test_a_restart_goes_on_where_the_view_stands():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 1)])
    async with bench.projecting():
        pass
    await bench.view.apply([(await bench.view.get("w", "a"))._replace(score=99)])
    await bench.log.append([profile("b", 2)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 99, "b": 2}
    assert await bench.view.positions() == {0: 3}


async def test_a_view_of_another_log_is_projected_anew():
    bench = Bench()
    await bench.view.apply([], {0: 1000})
    await bench.log.append([profile("a", 1)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 1}
    assert await bench.view.positions() == {0: 1}


async def test_a_deleted_profile_leaves_the_view():
    bench = Bench()
    await bench.log.append([profile("a", 1), profile("b", 2)])
    async with bench.projecting():
        await bench.log.append([raw(profile_key("w", "a"), None), profile("b", 3)])
        await bench.changes.get()
        assert await bench.scores() == {"b": 3}


async def test_an_id_that_moved_to_another_is_no_lead_and_leads_there():
    bench = Bench()
    await bench.log.append([profile("anon:a", 1)])
    async with bench.projecting():
        await bench.log.append([moved("anon:a", "email:e"), moved("email:e", "user:7"), profile("user:7", 5)])
        await bench.changes.get()
        assert await bench.scores() == {"user:7": 5}
        found = await bench.view.get("w", "anon:a")
    assert found is not None
    assert found.profile == "user:7"
    assert bench.changes.empty()


async def test_a_user_whom_nobody_has_seen_leads_to_whoever_says_that_they_were_that():
    bench = Bench()
    claimed = {"user:before": ("a",), "user:two": ("a", "b"), "anon:before": ("a",)}
    nodes = [record(ProfileState("w", name, identity=IdentityState(claimed_by=by))) for name, by in claimed.items()]
    await bench.log.append([profile("a", 1), *nodes])
    async with bench.projecting():
        found = {name: await bench.view.get("w", name) for name in claimed}
    assert [name for name, row in found.items() if row is not None and row.profile == "a"] == ["user:before"]


async def test_an_id_that_is_free_again_is_a_lead_again():
    bench = Bench()
    await bench.log.append([profile("user:7", 5), moved("anon:a", "user:7")])
    async with bench.projecting():
        await bench.log.append([profile("anon:a", 2)])
        await bench.changes.get()
        assert await bench.scores() == {"user:7": 5, "anon:a": 2}
        assert (await bench.view.get("w", "anon:a")).profile == "anon:a"


async def test_products_companies_and_ids_that_were_only_named_are_no_leads():
    bench = Bench()
    company = AccountState("Acme", {"user:7": Member(T0, 0, 0, 0.0, 12.0)})
    await bench.log.append(
        [
            record(ProfileState("w", "product:p1", product=ProductState(9.5, updated_ms=T0))),
            record(ProfileState("w", "group:acme", account=company)),
            record(ProfileState("w", "email:x", identity=IdentityState(claimed_by=("anon:a",), is_shared=True))),
            profile("user:7", 5),
        ]
    )
    async with bench.projecting():
        assert await bench.scores() == {"user:7": 5}
        (account,) = (await bench.view.accounts("w", T0, 10, 0)).accounts
    assert (account.id, account.name, account.fit, account.members) == ("group:acme", "Acme", 12.0, 1)


async def test_a_record_of_version_1_is_shown():
    bench = Bench()
    score = (50.0, T0, "hot", True, [("demo_requested", 1, 50.0, T0)])
    facts = (("7", None, "a@b.c"), {"name": "Ada"}, T0 - 5, T0, 3, ())
    old = b"\x01" + msgspec.msgpack.encode(("w", "user:7", 4, facts, score))
    await bench.log.append([raw(profile_key("w", "user:7"), old)])
    async with bench.projecting():
        row = await bench.view.get("w", "a@b.c")
    assert row is not None
    assert (row.name, round(row.score, 6), row.half_life_ms, row.is_mql) == ("Ada", 50.0, 30 * 86_400_000, True)


async def test_damaged_records_become_dead_letters_and_the_rest_is_shown():
    bench = Bench()
    damaged = [raw(b"p:w\x1fx", b"\x01junk"), raw(b"p:w\x1fy", b"\x09"), raw(b"p:nobody", None)]
    await bench.log.append([*damaged, profile("a", 1)])
    async with bench.projecting():
        assert await bench.scores() == {"a": 1}
    assert [(letter.stage, letter.raw) for letter in bench.letters.all] == [
        ("view", b"\x01junk"), ("view", b"\x09"), ("view", b""),
    ]  # fmt: skip
    assert "version" in bench.letters.all[1].reason


async def test_more_records_than_a_batch_are_all_projected():
    bench = Bench()
    await bench.log.append([profile(f"p{n}", n) for n in range(2_500)])
    async with bench.projecting():
        assert (await bench.view.page("w", T0, 1, 0)).total == 2_500


async def test_offsets_that_were_compacted_away_do_not_hold_it_up():
    class Gappy(MemoryEventLog):
        """Its last record is gone, as a deleted key's is after a while."""

        async def read(self, topic_name, partition, offset, max_records):
            found = await super().read(topic_name, partition, offset, max_records)
            return [r for r in found if r.key != b"c:gone"]

    bench = Bench()
    bench.log = Gappy(2)
    await bench.log.append([profile("a", 1), raw(b"c:gone", None)])
    async with bench.projecting() as projector:
        assert await projector.lag() == 0
        await bench.log.append([profile("a", 2)])
        assert round((await bench.changes.get()).row.score, 6) == 2


async def test_a_fault_of_the_listener_surfaces():
    bench = Bench()

    def broken(_: list[LeadChange]) -> None:
        raise RuntimeError("listener")

    projector = ViewProjector(bench.log, bench.view, bench.letters, rules, broken)
    task = asyncio.create_task(projector.run())
    await projector.caught_up.wait()
    await bench.log.append([profile("a", 1)])
    with pytest.raises(RuntimeError, match="listener"):
        await task


async def test_file_to_file_the_view_follows_a_compacted_log_over_restarts(tmp_path):
    bench = Bench()
    bench.log = await EmbeddedEventLog(tmp_path / "log.db", 2).open()
    for at in range(3):
        bench.view = SqliteProfileView(tmp_path / "view.db")
        await bench.log.append(
            [profile("a", at), profile("b", at, partition=1), profile(f"c{at}", at), profile("a", 9 + at)]
        )
        async with bench.projecting():
            assert await bench.scores() == {"a": 9 + at, "b": at} | {f"c{n}": n for n in range(at + 1)}
        assert await bench.view.positions() == {0: 3 * (at + 1), 1: at + 1}
        await bench.view.close()
    await bench.log.close()
