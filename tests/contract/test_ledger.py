"""What every ledger promises, checked on each implementation."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite as sqlite_dialect

from sinks.ledger.base import Claim, DeliveryRow, Finish, Ledger
from sinks.ledger.sql import _PRUNE, SqlLedger
from streams.model.deliveries import Delivery, DeliveryStatus
from tests.unit.sinks.memory_ledger import MemoryLedger

S = DeliveryStatus


@pytest.fixture(params=["memory", "sql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    made = MemoryLedger() if request.param == "memory" else SqlLedger(f"sqlite:///{tmp_path}/ledger.db")
    yield made
    await made.close()


def row(name: str, due_ms: int = 0, **fields: Any) -> DeliveryRow:
    names = ("workspace", "profile", "channel", "recipient", "created_ms")
    own = {k: fields.pop(k) for k in names if k in fields}
    place = {"workspace": "w", "profile": "user:1", "channel": "email", "recipient": "a@b.io", "created_ms": 5} | own
    delivery = Delivery(
        id=name, trigger_id="t", campaign="c", template="x", due_ms=due_ms,
        data={"name": "Zoë", "n": [1, 2.5]}, **place,
    )  # fmt: skip
    return DeliveryRow(delivery, next_attempt_ms=due_ms, **fields)


def claim(owner: str = "me", limit: int = 10, now_ms: int = 100, **fields: Any) -> Claim:
    return Claim(fields.get("channel", "email"), fields.get("transport", "smtp"), owner, limit, now_ms, now_ms + 50)


async def names(ledger: Ledger, **filters: Any) -> list[str]:
    return [r.delivery.id for r in await ledger.list("w", 100, **filters)]


async def test_a_row_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    [added] = await ledger.record([row("a", subject="Hé", reason="r")])
    assert await ledger.get("w", "a") == added
    assert added.delivery == row("a").delivery


async def test_recording_twice_inserts_once(ledger: Ledger) -> None:
    first = await ledger.record([row("a"), row("b")])
    second = await ledger.record([row("b", subject="other"), row("c")])
    assert [r.delivery.id for r in first + second] == ["a", "b", "c"]
    assert (await ledger.get("w", "b")) == first[1]


async def test_the_same_delivery_twice_in_one_batch_is_inserted_once(ledger: Ledger) -> None:
    assert len(await ledger.record([row("a"), row("a")])) == 1


async def test_a_claim_takes_the_oldest_due_rows_of_its_channel(ledger: Ledger) -> None:
    await ledger.record([row("late", 90), row("early", 10), row("future", 101), row("hook", 1, channel="webhook")])
    assert [r.delivery.id for r in await ledger.claim(claim(limit=5))] == ["early", "late"]
    assert [r.delivery.id for r in await ledger.claim(claim(channel="webhook"))] == ["hook"]


async def test_a_claimed_row_says_by_whom_and_until_when(ledger: Ledger) -> None:
    await ledger.record([row("a")])
    [taken] = await ledger.claim(claim())
    assert (taken.status, taken.owner, taken.transport) == (S.CLAIMED, "me", "smtp")
    assert (taken.attempts, taken.lease_until_ms) == (1, 150)


async def test_two_claimers_never_get_the_same_row(ledger: Ledger) -> None:
    await ledger.record([row(f"d{i}") for i in range(60)])
    taken = await asyncio.gather(*(ledger.claim(claim(owner=f"o{i}", limit=7)) for i in range(12)))
    ids = [r.delivery.id for rows in taken for r in rows]
    assert len(ids) == len(set(ids)) == 60


async def test_two_ledgers_on_one_file_share_the_queue_without_overlap(tmp_path: Path) -> None:
    one, two = (SqlLedger(f"sqlite:///{tmp_path}/shared.db") for _ in range(2))
    await one.record([row(f"d{i}") for i in range(40)])
    taken = await asyncio.gather(*(x.claim(claim(limit=3)) for _ in range(10) for x in (one, two)))
    await asyncio.gather(one.close(), two.close())
    ids = [r.delivery.id for rows in taken for r in rows]
    assert len(ids) == len(set(ids)) == 40


async def test_finishing_sets_the_final_status_and_frees_the_claim(ledger: Ledger) -> None:
    await ledger.record([row("a")])
    await ledger.claim(claim())
    done = await ledger.finish("me", Finish("a", S.SENT, 130, provider_id="p1"))
    assert done is not None
    assert (done.status, done.finished_ms, done.provider_id, done.owner) == (S.SENT, 130, "p1", "")


async def test_only_the_owner_of_a_claim_can_finish_it(ledger: Ledger) -> None:
    await ledger.record([row("a")])
    await ledger.claim(claim())
    assert await ledger.finish("other", Finish("a", S.SENT, 130)) is None
    assert (await names(ledger, status=S.CLAIMED)) == ["a"]


async def test_a_retrying_row_is_claimed_again_when_its_time_has_come(ledger: Ledger) -> None:
    await ledger.record([row("a")])
    await ledger.claim(claim())
    await ledger.finish("me", Finish("a", S.RETRYING, 130, "busy", next_attempt_ms=500))
    assert await ledger.claim(claim(now_ms=499)) == []
    assert [r.attempts for r in await ledger.claim(claim(now_ms=500))] == [2]


async def test_next_due_names_the_earliest_waiting_row_of_a_channel(ledger: Ledger) -> None:
    assert await ledger.next_due_ms("email") is None
    await ledger.record([row("a", 700), row("b", 600), row("c", 5, channel="webhook"), row("d", 1, status=S.SKIPPED)])
    assert await ledger.next_due_ms("email") == 600


async def test_recovery_frees_idempotent_rows_and_marks_the_others_uncertain(ledger: Ledger) -> None:
    await ledger.record([row("mail"), row("hook", channel="webhook")])
    await ledger.claim(claim(owner="dead"))
    await ledger.claim(claim(owner="dead", channel="webhook", transport="webhook"))
    changed = await ledger.recover(120, "me", {"webhook"}, sole_owner=True)
    assert {r.delivery.id: r.status for r in changed} == {"mail": S.UNCERTAIN, "hook": S.PENDING}
    assert (await ledger.get("w", "mail")) in await ledger.unlogged(10)


async def test_recovery_leaves_running_leases_and_own_claims_alone(ledger: Ledger) -> None:
    await ledger.record([row("theirs"), row("mine")])
    await ledger.claim(claim(owner="other", limit=1))
    await ledger.claim(claim(owner="me"))
    assert await ledger.recover(150, "me", {"smtp"}, sole_owner=False) == []
    freed = await ledger.recover(151, "me", {"smtp"}, sole_owner=False)
    assert [r.delivery.id for r in freed] == ["theirs"]


async def test_recovery_without_idempotent_transports_marks_all_uncertain(ledger: Ledger) -> None:
    await ledger.record([row("a")])
    await ledger.claim(claim(owner="dead"))
    [changed] = await ledger.recover(120, "me", (), sole_owner=True)
    assert changed.status == S.UNCERTAIN
    assert "sent again" in changed.reason


async def test_final_rows_stay_unlogged_until_marked(ledger: Ledger) -> None:
    await ledger.record([row("a"), row("quiet", outcome_logged=True), row("no", status=S.SKIPPED)])
    await ledger.claim(claim())
    for name in ("a", "quiet"):
        await ledger.finish("me", Finish(name, S.FAILED, 130, "no such address"))
    assert [r.delivery.id for r in await ledger.unlogged(10)] == ["a"]
    await ledger.mark_logged(["a"])
    assert await ledger.unlogged(10) == []


async def test_listing_filters_and_pages_newest_first(ledger: Ledger) -> None:
    await ledger.record([row("a"), row("b", profile="user:2"), row("c", status=S.SKIPPED), row("x", workspace="v")])
    assert await names(ledger) == ["c", "b", "a"]
    assert await names(ledger, profile="user:2") == ["b"]
    newest = (await ledger.list("w", 1))[0]
    assert await names(ledger, before=newest.seq) == ["b", "a"]


async def test_rows_of_another_workspace_are_not_found(ledger: Ledger) -> None:
    await ledger.record([row("x", workspace="v")])
    assert await ledger.get("w", "x") is None
    assert await ledger.counts("w") == {}


async def test_counts_are_by_status(ledger: Ledger) -> None:
    await ledger.record([row("a"), row("b"), row("c", status=S.SKIPPED)])
    assert await ledger.counts("w") == {"pending": 2, "skipped": 1}


async def test_suppression_ignores_case_and_belongs_to_a_workspace(ledger: Ledger) -> None:
    assert await ledger.suppress("w", "Ann@Shop.io", "unsubscribed", 5)
    assert not await ledger.suppress("w", "ann@shop.io ", "bounced", 6)
    assert await ledger.suppressed("w", ["ANN@shop.io", "bo@shop.io"]) == {"ANN@shop.io": "unsubscribed"}
    assert await ledger.suppressed("v", ["ann@shop.io"]) == {}


async def test_mails_to_an_address_are_counted_since_a_time_unless_none_went_out(ledger: Ledger) -> None:
    await ledger.record([
        row("old", created_ms=100), row("a", created_ms=101), row("b", created_ms=300, status=S.SENT),
        row("no", created_ms=300, status=S.SKIPPED), row("failed", created_ms=300, status=S.FAILED),
        row("hook", created_ms=300, channel="webhook"), row("other", created_ms=300, recipient="c@b.io"),
        row("elsewhere", created_ms=300, workspace="v"),
    ])  # fmt: skip
    assert await ledger.mails_since("w", ["a@b.io", "nobody@b.io"], 100) == {"a@b.io": 2}
    assert await ledger.mails_since("w", [], 100) == {}


async def test_pruning_drops_finished_rows_of_long_ago_in_batches(ledger: Ledger) -> None:
    done = {"status": S.SENT, "outcome_logged": True}
    await ledger.record([
        row("a", finished_ms=10, **done), row("b", finished_ms=20, status=S.SKIPPED, outcome_logged=True),
        row("c", finished_ms=30, status=S.UNCERTAIN, outcome_logged=True), row("late", finished_ms=100, **done),
        row("untold", finished_ms=10, status=S.SENT), row("waits"),
    ])  # fmt: skip
    assert [await ledger.prune(100, 2) for _ in range(3)] == [2, 1, 0]
    assert await names(ledger) == ["waits", "untold", "late"]


async def test_finding_what_to_prune_does_not_walk_through_the_ledger(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path}/l.db")
    await ledger.record([row("a")])
    sql = _PRUNE.compile(dialect=sqlite_dialect.dialect(paramstyle="named"))
    with closing(sqlite3.connect(tmp_path / "l.db")) as file:
        plan = file.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(sql.params, 5)).fetchall()
    assert any("INDEX deliveries_finished (finished_ms<?)" in step[3] for step in plan)
    await ledger.close()


async def test_rows_recorded_after_pruning_come_after_all_others(ledger: Ledger) -> None:
    await ledger.record([row("a", finished_ms=1, status=S.SENT, outcome_logged=True), row("b")])
    await ledger.prune(10, 10)
    await ledger.record([row("c"), row("d")])
    assert await names(ledger) == ["d", "c", "b"]
    assert len({r.seq for r in await ledger.list("w", 9)}) == 3


async def test_the_suppression_list_is_kept_when_rows_are_pruned(ledger: Ledger) -> None:
    await ledger.suppress("w", "ann@shop.io", "unsubscribed", 1)
    await ledger.prune(10**15, 10)
    assert await ledger.suppressed("w", ["ann@shop.io"]) == {"ann@shop.io": "unsubscribed"}


async def test_a_file_of_an_earlier_version_gets_the_indexes_it_lacks(tmp_path: Path) -> None:
    first = SqlLedger(f"sqlite:///{tmp_path}/l.db")
    await first.record([row("a")])
    await first.close()
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name"
    with closing(sqlite3.connect(tmp_path / "l.db")) as file:
        before = file.execute(indexes).fetchall()
        file.execute("DROP INDEX deliveries_finished")
    again = SqlLedger(f"sqlite:///{tmp_path}/l.db")
    await again.get("w", "a")
    await again.close()
    with closing(sqlite3.connect(tmp_path / "l.db")) as file:
        assert file.execute(indexes).fetchall() == before


async def test_rows_survive_closing_the_file(tmp_path: Path) -> None:
    first = SqlLedger(f"sqlite:///{tmp_path}/l.db")
    [added] = await first.record([row("a")])
    await first.close()
    again = SqlLedger(f"sqlite:///{tmp_path}/l.db")
    assert await again.get("w", "a") == added
    await again.close()
