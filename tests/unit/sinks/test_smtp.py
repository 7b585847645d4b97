"""SMTP against a real server: sent once, refused, put off, cut off."""

import asyncio
import email
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd import smtp as smtp_server

from sinks.channels.smtp import SmtpChannel
from sinks.settings import SmtpSettings
from streams.model.deliveries import Delivery, Outcome, Rejected, Retry, Sent, Unknown
from tests.unit.sinks.fakes_sinks import NOW, cart_delivery, renderer


class MailServer:
    """Keeps what it gets; answers RCPT and DATA as told. `cut` closes the connection instead of answering DATA."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.connections: list[Any] = []
        self.rcpt_answers: list[str] = []
        self.data_answers: list[str] = []
        self.cut = False
        self.stall: asyncio.Event | None = None

    async def handle_RCPT(self, server, session, envelope, address, options) -> bytes:  # noqa: N802 - aiosmtpd's name
        answer = self.rcpt_answers.pop(0) if self.rcpt_answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer.encode("utf-8", "surrogateescape")

    async def handle_DATA(self, server, session, envelope) -> bytes:  # noqa: N802 - aiosmtpd's name
        if self.stall is not None:
            await self.stall.wait()
        if self.cut:
            server.transport.abort()
            return b"250 never seen"
        answer = self.data_answers.pop(0) if self.data_answers else "250 kept"
        if answer.startswith("250"):
            self.mails.append(envelope.content)
            self.recipients += envelope.rcpt_tos
        return answer.encode("utf-8", "surrogateescape")

    def new_connection(self) -> smtp_server.SMTP:
        made = smtp_server.SMTP(self, hostname="mail.test", loop=asyncio.get_running_loop())
        self.connections.append(made)
        return made

    def drop_all(self) -> None:
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.abort()


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[MailServer, SmtpChannel]]:
    keeper = MailServer()
    server = await asyncio.get_running_loop().create_server(keeper.new_connection, "127.0.0.1", 0)
    async with server:
        channel = SmtpChannel(settings_for(server.sockets[0].getsockname()[1]))
        yield keeper, channel
        await channel.close()
        keeper.drop_all()
        await asyncio.sleep(0)


def settings_for(port: int, **fields: Any) -> SmtpSettings:
    values = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_s": 5, "ehlo_name": "ciq.test"}
    return SmtpSettings(**(values | {"from_address": "Nordlys <shop@shop.io>", "reply_to": "help@shop.io"} | fields))


async def send(channel: SmtpChannel, delivery: Delivery | None = None) -> Outcome:
    delivery = delivery or cart_delivery()
    return await channel.send(delivery, renderer().render(delivery), NOW)


async def test_a_mail_arrives_with_text_html_and_the_headers_receivers_want() -> None:
    async with mail_server() as (server, channel):
        outcome = await send(channel)
    mail = email.message_from_bytes(server.mails[0], policy=default)
    delivery_id = cart_delivery().id
    assert outcome == Sent(f"<{delivery_id}@shop.io>")
    assert {
        h: mail[h] for h in ("From", "To", "Reply-To", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
    } == {
        "From": "Nordlys <shop@shop.io>",
        "To": "ann@shop.io",
        "Reply-To": "help@shop.io",
        "Message-ID": f"<{delivery_id}@shop.io>",
        "List-Unsubscribe": "<https://ciq.io/u/ann@shop.io>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


async def test_the_mail_reads_as_it_was_rendered() -> None:
    async with mail_server() as (server, channel):
        await send(channel)
    mail = email.message_from_bytes(server.mails[0], policy=default)
    assert isinstance(mail, EmailMessage)
    message = renderer().render(cart_delivery())
    bodies = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
    assert mail["Subject"] == message.subject
    assert {k: b.get_content().splitlines() for k, b in bodies.items() if b} == {
        "plain": message.text.splitlines(),
        "html": message.html.splitlines(),
    }


async def test_the_connection_is_used_again() -> None:
    async with mail_server() as (server, channel):
        outcomes = [await send(channel, cart_delivery(f"t{i}")) for i in range(5)]
    assert all(isinstance(o, Sent) for o in outcomes)
    assert (len(server.mails), len(server.connections)) == (5, 1)


async def test_many_mails_at_once_share_a_few_connections() -> None:
    async with mail_server() as (server, channel):
        await asyncio.gather(*(send(channel, cart_delivery(f"t{i}")) for i in range(30)))
    assert (len(server.mails), len(server.connections)) == (30, 4)


async def test_a_connection_that_the_server_dropped_is_replaced() -> None:
    async with mail_server() as (server, channel):
        await send(channel)
        server.drop_all()
        assert isinstance(await send(channel, cart_delivery("t2")), Sent)
    assert (len(server.mails), len(server.connections)) == (2, 2)


@pytest.mark.parametrize("phase", ["rcpt_answers", "data_answers"])
async def test_a_temporary_refusal_is_tried_again_later(phase: str) -> None:
    async with mail_server() as (server, channel):
        setattr(server, phase, ["451 greylisted"])
        assert await send(channel) == Retry("The mail server can't take the message now: 451 greylisted")
        assert isinstance(await send(channel), Sent)
    assert (len(server.mails), len(server.connections)) == (1, 1)


@pytest.mark.parametrize("phase", ["rcpt_answers", "data_answers"])
async def test_a_permanent_refusal_is_final(phase: str) -> None:
    async with mail_server() as (server, channel):
        setattr(server, phase, ["550 no such user"])
        assert await send(channel) == Rejected("The mail server refused the message: 550 no such user")
    assert server.mails == []


async def test_a_connection_cut_after_the_message_leaves_it_unknown() -> None:
    async with mail_server() as (server, channel):
        server.cut = True
        outcome = await send(channel)
        server.cut = False
        after = await send(channel, cart_delivery("t2"))
    assert isinstance(outcome, Unknown)
    assert isinstance(after, Sent)


@pytest.mark.parametrize("answer", ["garbage", "2x0 ok", "250 " + "x" * 40_000, "251 what now", "600 no such class"])
async def test_an_answer_to_the_message_that_is_no_refusal_leaves_it_unknown(answer: str) -> None:
    async with mail_server() as (server, channel):
        server.data_answers = [answer]
        outcome = await send(channel)
        after = await send(channel, cart_delivery("t2"))
    assert isinstance(outcome, Unknown)
    assert (type(after), len(server.connections)) == (Sent, 2)


async def test_an_answer_to_the_recipient_that_is_none_is_tried_again_over_another_connection() -> None:
    async with mail_server() as (server, channel):
        server.rcpt_answers = ["garbage"]
        outcomes = [type(await send(channel)) for _ in range(2)]
    assert (outcomes, len(server.mails), len(server.connections)) == ([Retry, Sent], 1, 2)


@pytest.mark.parametrize("phase", ["rcpt_answers", "data_answers"])
async def test_a_refusal_that_is_no_text_can_be_written_down(phase: str) -> None:
    async with mail_server() as (server, channel):
        setattr(server, phase, ["550 \udcff"])
        outcome = await send(channel)
    assert isinstance(outcome, Rejected)
    assert outcome.reason.encode().endswith(b"550 ?")


async def test_good_bye_is_said_to_all_servers_at_once_and_bounded() -> None:
    async with mail_server() as (server, channel):
        await asyncio.gather(*(send(channel, cart_delivery(f"t{i}")) for i in range(8)))
        for connection in server.connections:
            connection.transport.pause_reading()
        began = asyncio.get_running_loop().time()
        await channel.close()
        taken_s = asyncio.get_running_loop().time() - began
    assert len(server.connections) == 4
    assert taken_s < 3.5  # one after the other would take four seconds


async def test_a_server_that_is_away_is_tried_again_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        channel = SmtpChannel(settings_for(taken.getsockname()[1]))
        assert isinstance(await send(channel), Retry)


async def test_a_server_without_starttls_gets_no_mail_when_it_is_demanded() -> None:
    async with mail_server() as (server, channel):
        strict = SmtpChannel(channel._settings.model_copy(update={"security": "starttls"}))
        assert isinstance(await send(strict), Retry)
        await strict.close()
    assert server.mails == []


async def test_a_server_that_says_nothing_before_the_message_is_tried_again_later() -> None:
    said_nothing = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await said_nothing.wait()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        channel = SmtpChannel(settings_for(server.sockets[0].getsockname()[1], timeout_s=0.05))
        assert isinstance(await send(channel), Retry)
        said_nothing.set()


async def test_a_server_that_never_answers_the_message_leaves_it_unknown() -> None:
    async with mail_server() as (server, channel):
        patient = SmtpChannel(channel._settings.model_copy(update={"answer_timeout_s": 0.05}))
        server.stall = asyncio.Event()
        assert isinstance(await send(patient), Unknown)
        server.stall.set()
        await patient.close()


async def test_a_header_that_would_break_out_is_rejected() -> None:
    delivery = cart_delivery(email="ann@shop.io\r\nBcc: x@y.z")
    async with mail_server() as (server, channel):
        assert isinstance(await send(channel, delivery), Rejected)
    assert server.connections == []
