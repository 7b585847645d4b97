"""The outbox keeps each message once and shows it again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sinks.channels.outbox import OutboxChannel
from tests.unit.sinks.fakes_sinks import NOW, cart_delivery, renderer


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[OutboxChannel]:
    made = OutboxChannel(f"sqlite:///{tmp_path}/outbox.db", "Nordlys <shop@shop.io>")
    yield made
    await made.close()


async def test_a_message_sent_many_times_is_there_once(outbox: OutboxChannel) -> None:
    delivery = cart_delivery()
    message = renderer().render(delivery)
    await asyncio.gather(*(outbox.send(delivery, message, NOW + i) for i in range(5)))
    assert len(await outbox.list("w", 9)) == 1


async def test_a_message_reads_as_it_was_sent(outbox: OutboxChannel) -> None:
    delivery = cart_delivery()
    message = renderer().render(delivery)
    await outbox.send(delivery, message, NOW)
    kept = await outbox.get("w", delivery.id)
    assert kept is not None
    assert (kept["from"], kept["to"]) == ("Nordlys <shop@shop.io>", "ann@shop.io")
    assert (kept["subject"], kept["html"], kept["text"]) == (message.subject, message.html, message.text)


async def test_messages_are_listed_newest_first_and_only_to_their_workspace(outbox: OutboxChannel) -> None:
    for name in ("a", "b", "c"):
        await outbox.send(cart_delivery(name), renderer().render(cart_delivery(name)), NOW)
    newest, *_ = page = await outbox.list("w", 2)
    assert [m["delivery_id"] for m in page] == [cart_delivery("c").id, cart_delivery("b").id]
    assert [m["delivery_id"] for m in await outbox.list("w", 9, before=newest["seq"])][-1] == cart_delivery("a").id
    assert (await outbox.list("v", 9), await outbox.get("v", cart_delivery("a").id)) == ([], None)


async def test_messages_of_long_ago_are_pruned_in_batches(outbox: OutboxChannel) -> None:
    for at, name in enumerate("abcd"):
        await outbox.send(cart_delivery(name), renderer().render(cart_delivery(name)), NOW + at)
    assert [await outbox.prune(NOW + 3, 2) for _ in range(3)] == [2, 1, 0]
    assert [m["delivery_id"] for m in await outbox.list("w", 9)] == [cart_delivery("d").id]
