"""Mails as bytes: any mail reader gets back what went in, and nothing breaks out of a header."""

import email
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sinks.channels.mime import mail_bytes
from sinks.rendering import Rendered
from tests.unit.sinks.fakes_sinks import NOW, cart_delivery

SENDER = "Nordlys <shop@shop.io>"
one_line = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=200).map(str.strip)
lines = st.lists(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=200), max_size=10)


def mail_of(message: Rendered, sender: str = SENDER) -> EmailMessage:
    mail = email.message_from_bytes(mail_bytes(cart_delivery(), message, sender, "", NOW), policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def content(mail: EmailMessage, kind: str) -> Any:
    body = mail.get_body((kind,))
    return None if body is None else body.get_content().rstrip("\r\n").splitlines()


@settings(max_examples=50, deadline=None)
@given(one_line.map(lambda text: " ".join(text.split())))
def test_any_subject_is_read_back(subject: str) -> None:
    assert mail_of(Rendered(subject, "text"))["Subject"] == subject


@settings(max_examples=50, deadline=None)
@given(lines, lines)
def test_any_text_and_html_are_read_back(text: list[str], html: list[str]) -> None:
    mail = mail_of(Rendered("Hi", "\n".join(text), "\n".join(["<p>", *html])))
    assert content(mail, "plain") == "\n".join(text).rstrip("\r\n").splitlines()
    assert content(mail, "html") == "\n".join(["<p>", *html]).rstrip("\r\n").splitlines()


@settings(max_examples=50, deadline=None)
@given(lines)
def test_no_line_is_longer_than_mail_servers_take(text: list[str]) -> None:
    raw = mail_bytes(cart_delivery(), Rendered("Hi", "\n".join(text)), SENDER, "", NOW)
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_a_name_with_umlauts_is_read_back() -> None:
    mail = mail_of(Rendered("Hi", "text"), '"Blüten, Söhne & Co" <shop@shop.io>')
    assert mail["From"] == '"Blüten, Söhne & Co" <shop@shop.io>'


@pytest.mark.parametrize("recipient", ["ann@shop.io\r\nBcc: x@y.z", "ann@shop.io\n Bcc: x@y.z", "änn@shop.io"])
def test_a_recipient_that_is_no_address_is_refused(recipient: str) -> None:
    delivery = replace(cart_delivery(), recipient=recipient)
    with pytest.raises(ValueError, match=r"line break|ascii"):
        mail_bytes(delivery, Rendered("Hi", "text"), SENDER, "", NOW)


def test_a_subject_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        mail_bytes(cart_delivery(), Rendered("Hi\r\nBcc: x@y.z", "text"), SENDER, "", NOW)
