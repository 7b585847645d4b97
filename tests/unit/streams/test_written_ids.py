"""A person is found in a dead letter however the sender has written and wrapped what names them."""

import base64
import gzip
import html
import itertools
import json
import quopri
import secrets
import zlib
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.log.rewriting import names_person
from streams.operators.erasing import Person
from streams.operators.raw_forms import forms_of
from streams.store.suppression import Suppressions

IDS = ("email:ada+shop@example.com", "user:ada-lovelace-77", "phone:+4917099988877", "custom:crm:Zoë-Müller-4")
ADA = Person("shop", IDS)
PHONES = (
    "+4917099988877",
    "4917099988877",
    "004917099988877",
    "+49 170 999 888 77",
    "0049 (170) 999-888-77",
    "+49 (0)170 / 999.888.77",
    "(+49) 170\u00a099988877",
)
LOCAL = ("0170 99988877", "0170/999-88877", "170 999 888 77")


def escaped(text: str) -> str:
    """Write every second character as JSON's escape, `\\u0040`."""
    pairs = zip(text, itertools.cycle((True, False)))
    return "".join(f"\\u{ord(char):04x}" if is_odd or char == "@" else char for char, is_odd in pairs)


def entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if number % 2 else f"&#x{ord(char):X};" for number, char in enumerate(text))


PLAIN = {
    "json": lambda t: json.dumps({"properties": {"a": [t]}}).encode(),
    "json, raw": lambda t: json.dumps({"x": t}, ensure_ascii=False).encode(),
    "broken json": lambda t: json.dumps({"x": t})[:-1].encode() + b",",
    "escaped": lambda t: f'{{"x":"{escaped(t)}",'.encode(),
    "percent": lambda t: f"a=b&x={quote(t, safe='')}".encode(),
    "form": lambda t: f"a=b&x={quote_plus(t)}".encode(),
    "xml": lambda t: f"<a><Email>{html.escape(t)}</Email></a>".encode(),
    "entities": lambda t: f"<a>{entities(t)}</a>".encode(),
    "named entity": lambda t: f"<a>{t.replace('@', '&commat;')}</a>".encode(),
    "sentence": lambda t: f"Write to {t}, please.".encode(),
}
WRAPPED = {
    "as it is": lambda b: b,
    "gzip": gzip.compress,
    "gzip, cut": lambda b: gzip.compress(b + b" " * 50)[:-9],
    "gzip, more behind": lambda b: gzip.compress(b) + b"zz",
    "gzip, members": lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:]),
    "zlib": zlib.compress,
    "base64": lambda b: b"data=" + base64.b64encode(b),
    "base64, url": lambda b: b"/t/abc/" + base64.urlsafe_b64encode(b).rstrip(b"="),
    "base64, lines": base64.encodebytes,
    "base64 in json": lambda b: json.dumps({"d": base64.b64encode(b).decode()}).encode(),
    "base64 of gzip": lambda b: json.dumps({"d": base64.b64encode(gzip.compress(b)).decode()}).encode(),
    "json in json": lambda b: json.dumps({"s": json.dumps({"s": b.decode()})}).encode(),
    "percent twice": lambda b: quote(quote(b, safe=""), safe="").encode(),
    "quoted-printable": quopri.encodestring,
    "utf-16": lambda b: b.decode().encode("utf-16"),
    "utf-16-be": lambda b: b.decode().encode("utf-16-be"),
    "utf-32": lambda b: b.decode().encode("utf-32"),
    "bom": lambda b: b"\xef\xbb\xbf" + b,
}


def suppressing() -> Suppressions:
    async def nothing():
        return ()

    known = Suppressions(SimpleNamespace(mark=nothing, suppressed=nothing), secrets.token_urlsafe())
    known._hashes = frozenset(known.hash_of("shop", name) for name in IDS)
    return known


SUPPRESSED = suppressing()


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(
        ["ada+shop@example.com", "Ada+Shop@Example.com", "ada-lovelace-77", "Zoë-Müller-4", *PHONES, *LOCAL]
    ),
    st.sampled_from(sorted(PLAIN)),
    st.sampled_from(sorted(WRAPPED)),
    st.sampled_from(["as it is", "as it is", "base64 in json", "json in json", "gzip"]),
)
def test_whoever_is_named_in_a_letter_is_found(text, plain, wrapped, outer):
    inner = WRAPPED[wrapped](PLAIN[plain](text))
    if outer == "json in json":
        inner = inner.decode("latin-1").encode() if _is_ascii(inner) else base64.b64encode(inner)
    assert names_person(WRAPPED[outer](inner), ADA)


def _is_ascii(raw: bytes) -> bool:
    return raw.isascii() and b"\0" not in raw


@pytest.mark.parametrize("wrapped", sorted(WRAPPED))
@pytest.mark.parametrize("plain", sorted(PLAIN))
@pytest.mark.parametrize("text", ["ada+shop@example.com", *PHONES])
def test_the_door_knows_them_by_their_hashes(text, plain, wrapped):
    assert SUPPRESSED.hides("shop", WRAPPED[wrapped](PLAIN[plain](text)))


@pytest.mark.parametrize(
    "raw",
    [b"userId=77", b'{"user_id": "77", ', b"<UserId>77</UserId>", b'{"s":"{\\"userId\\": 77}"}', b"a=1&to=77&b=2"],
)
def test_short_ids_are_found_behind_the_names_of_ids(raw):
    assert names_person(raw, Person("shop", ("user:77",)))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"userId": "778", "quantity": 77',
        b"userId=77-1&n=77",
        b"tomato=77.5&id=770",
        b'{"phone": "+49 170 999 888 78", "at": 1700999888771}',
        b"The quick brown fox jumps over the lazy dog % of + & = \\ times",
        json.dumps({"batch": [{"userId": f"u{n}", "url": f"https://x/?a=%20{n}&b=c+d"} for n in range(500)]}).encode(),
        gzip.compress(b'{"userId": "8"}'),
        b"x^2 + y^2 = z^2, and so on",
    ],
)
def test_letters_of_others_are_not_taken(raw):
    assert not names_person(raw, Person("shop", ("user:77", *IDS)))


@pytest.mark.parametrize(
    "raw",
    [
        gzip.compress(secrets.token_bytes(999))[:-300],
        zlib.compress(b"ada and others")[:-1] + b"?",
        b"\x28\xb5\x2f\xfd" + secrets.token_bytes(40),
        b"\x1f\x8b" + bytes(30),
        quote(quote("%" * 9) * 3).encode() + b"%2525252525252525252525252540",
        gzip.compress(bytes(40_000_000)),
    ],
    ids=["cut", "zlib, spoilt", "zstd", "no gzip", "often wrapped", "bomb"],
)
def test_what_can_not_be_read_to_its_end_may_name_anybody(raw):
    assert not forms_of(raw).is_whole
    assert names_person(raw, ADA)
