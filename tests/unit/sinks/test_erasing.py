"""A person is taken out of ledger and outbox, and the wish for no mail holds on."""

import hashlib

import pytest

from infra.erasure.files import empty_write_ahead_logs
from sinks.channels.outbox import OutboxChannel
from sinks.ledger.base import DeliveryRow
from sinks.ledger.sql import SqlLedger
from streams.operators.erasing import Person
from tests.unit.sinks.fakes_sinks import NOW, cart_delivery, renderer


def pseudonym(workspace: str, name: str) -> str:
    return hashlib.sha256(f"{workspace} {name}".encode()).hexdigest()


def person_of(delivery) -> Person:
    return Person("w", (delivery.profile, f"email:{delivery.recipient}"))


@pytest.fixture
async def ledger(tmp_path):
    made = SqlLedger(f"sqlite:///{tmp_path}/ledger.db", pseudonym)
    yield made
    await made.close()


async def test_deliveries_of_the_person_go_and_leave_no_bytes(ledger, tmp_path):
    mine = cart_delivery()
    await ledger.record([DeliveryRow(mine, subject="A kettle for analytical-engine")])
    assert await ledger.erase(person_of(mine)) == [mine.id]
    assert await ledger.erase(person_of(mine)) == []
    empty_write_ahead_logs(tmp_path)
    assert b"analytical-engine" not in (tmp_path / "ledger.db").read_bytes()


async def test_deliveries_of_others_stay(ledger):
    mine = cart_delivery()
    await ledger.record([DeliveryRow(mine)])
    assert await ledger.erase(Person("w", ("user:somebody-else", "email:else@example.com"))) == []
    assert await ledger.erase(Person("v", (mine.profile, f"email:{mine.recipient}"))) == []
    assert await ledger.get("w", mine.id) is not None


async def test_a_delivery_that_is_being_sent_ends_without_a_trace(ledger):
    from sinks.ledger.base import Claim, Finish
    from streams.model.deliveries import DeliveryStatus

    mine = cart_delivery()
    await ledger.record([DeliveryRow(mine)])
    [claimed] = await ledger.claim(Claim("email", "smtp", "me", 9, NOW * 2, NOW * 3))
    await ledger.erase(person_of(mine))
    assert await ledger.finish("me", Finish(claimed.delivery.id, DeliveryStatus.SENT, NOW)) is None
    assert await ledger.unlogged(9) == []


async def test_an_address_that_wants_no_mail_stays_suppressed_as_a_hash(ledger, tmp_path):
    address = "ada.lovelace@example.com"
    await ledger.suppress("w", address, "unsubscribed", NOW)
    for _ in range(2):
        await ledger.erase(Person("w", (f"email:{address}",)))
    assert await ledger.suppressed("w", [address, "else@example.com"]) == {address: "unsubscribed"}
    empty_write_ahead_logs(tmp_path)
    assert address.encode() not in (tmp_path / "ledger.db").read_bytes()


async def test_who_was_erased_and_unsubscribes_by_an_old_mail_is_kept_as_a_hash(tmp_path):
    address = "ada.lovelace@example.com"
    ledger = SqlLedger(f"sqlite:///{tmp_path}/ledger.db", pseudonym, lambda *who: who == ("w", f"email:{address}"))
    assert await ledger.suppress("w", address.title(), "unsubscribed", NOW)
    assert not await ledger.suppress("w", address, "unsubscribed", NOW)
    assert await ledger.suppressed("w", [address]) == {address: "unsubscribed"}
    await ledger.close()
    assert address.encode() not in (tmp_path / "ledger.db").read_bytes().lower()


async def test_messages_of_the_deliveries_and_those_that_name_the_person_go(tmp_path):
    outbox = OutboxChannel(f"sqlite:///{tmp_path}/outbox.db", "shop@shop.io")
    for name in ("a", "b"):
        await outbox.send(cart_delivery(name), renderer().render(cart_delivery(name)), NOW)
    assert await outbox.erase(Person("w", ("user:nobody-here",)), [cart_delivery("a").id]) == 1
    assert await outbox.erase(Person("w", (f"email:{cart_delivery('b').recipient}",)), []) == 1
    assert await outbox.list("w", 9) == []
    await outbox.close()
