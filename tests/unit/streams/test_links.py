"""Tokens of tracked links: read as they were signed, by no one else, and to nowhere but a web page."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.events import ProfileKeys
from streams.model.links import Link, LinkSigner, is_web_address

LINK = Link("default", "d" * 32, "cart_recovery", "user:7", "https://shop.example/cart?a=1&b=é#x")
SIGNER = LinkSigner(["new", "old"])


def test_a_token_says_what_was_signed():
    assert SIGNER.read(SIGNER.token(LINK)) == LINK


def test_tokens_of_the_secret_before_are_believed_until_it_goes():
    token = LinkSigner(["old"]).token(LINK)
    assert SIGNER.read(token) == LINK
    assert LinkSigner(["newer", "new"]).read(token) is None


def test_no_character_of_a_token_can_be_changed():
    token = SIGNER.token(LINK)
    changed = (
        token[:i] + other + token[i + 1 :] for i in range(len(token)) for other in "Aa9-_=%" if other != token[i]
    )
    assert [found for found in changed if SIGNER.read(found) is not None] == []


def test_a_cut_or_lengthened_token_is_nothing():
    token = SIGNER.token(LINK)
    assert [SIGNER.read(t) for t in (token[:-1], token[:-22], token + "A", token + "=", " " + token, "", "A")] == [
        None
    ] * 7


def test_a_payload_can_not_be_put_before_another_ones_signature():
    mine, other = SIGNER.token(LINK), SIGNER.token(Link("default", "d", "c", "user:7", "https://evil.example/"))
    raw = [urlsafe_b64decode(token + "=" * (-len(token) % 4)) for token in (mine, other)]
    forged = urlsafe_b64encode(raw[1][:-16] + raw[0][-16:]).decode().rstrip("=")
    assert SIGNER.read(forged) is None


@given(st.text(max_size=300))
def test_any_text_is_read_without_a_fault(token: str):
    assert SIGNER.read(token) is None


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "ftp://h/", "//evil.example", "/path", "https://", "https:///x",
        "https://a\r\nSet-Cookie: x", "https://a b/", "https://a\\@b/", "http://[::1", "mailto:a@b.c", "\x01https://a/",
    ],
)  # fmt: skip
def test_a_link_leads_to_web_pages_only(url: str):
    assert not is_web_address(url)
    assert SIGNER.read(SIGNER.token(_to(url))) is None


def _to(url: str) -> Link:
    return Link(LINK.workspace, LINK.delivery, LINK.campaign, LINK.profile, url)


@pytest.mark.parametrize("profile", ["user:7", "anon:a:b", "email:a@b.c", "phone:+49", "device:x", "custom:crm:7:8"])
def test_the_keys_of_a_profile_are_the_profiles(profile: str):
    assert ProfileKeys.of(profile).canonical() == profile
