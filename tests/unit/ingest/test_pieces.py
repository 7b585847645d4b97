"""Batches whose messages are spoilt in all sorts of ways: exactly the good ones are taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bodies import parse_batch, parse_json
from ingest.errors import IngestError
from ingest.pieces import items, members

GOOD = [
    b'{"type":"track","userId":"u","event":"a"}',
    '{"type":"track","userId":"é\U0001f4b8","event":"\\ud83d\\udcb8 \\"]},{[ \\\\"}'.encode(),
    b' { "type" : "page", "properties": {"NaN": [[], {}, [{}], 1.5, "Infinity"]} }',
]
BAD = [
    b'{"a":"\xff"}', b'{"\xed\xa0\x80":1}', b'{"a":"\\ud800"}', b'{"a":"\\ud83d\xb8"}', b'{"a":"\\udcc3\\udca9"}',
    b'{"a":NaN}', b'{"a":[-Infinity]}', b"NaN", b'{"a":1e400}', b'{"a":"line\nbreak\0"}', b'{"a":"\xc3","b":NaN}',
]  # fmt: skip
SPACES = st.sampled_from([b"", b" ", b"\r\n\t"])
messages = st.lists(st.sampled_from([(True, raw) for raw in GOOD] + [(False, raw) for raw in BAD]), max_size=8)


def is_sound(raw: bytes) -> bool:
    try:
        parse_json(raw)
    except IngestError:
        return False
    return True


@given(messages, SPACES, st.booleans())
def test_exactly_the_good_messages_of_a_batch_are_taken(told: list[tuple[bool, bytes]], space: bytes, is_marked: bool):
    batch = (space + b"," + space).join(raw for _, raw in told)
    body = b'{%b"sentAt":"x"%b,"batch":%b[%b%b]%b,"context":{"a":[1]}}' % (space, space, space, batch, space, space)
    found = parse_batch(b"\xef\xbb\xbf" * is_marked + body)
    assert [bytes(item).strip() for item in found.batch] == [raw.strip() for _, raw in told]
    assert [is_sound(bytes(item)) for item in found.batch] == [is_good for is_good, _ in told]
    assert (found.sent_at, found.context, found.write_key) == ("x", {"a": [1]}, None)


@given(
    st.recursive(st.none() | st.text() | st.floats(), lambda some: st.lists(some) | st.dictionaries(st.text(), some))
)
def test_pieces_are_those_of_the_whole(value: object):
    raw = json.dumps([value, {"k": value}], indent=1).encode()
    assert [json.dumps(json.loads(one)) for one in items(raw)] == [json.dumps(value), json.dumps({"k": value})]
    (found,) = members(items(raw)[1]).items()
    assert (found[0], json.dumps(json.loads(found[1]))) == ("k", json.dumps(value))


@given(st.binary(max_size=30) | st.text(alphabet='{}[]",: \\1N', max_size=12).map(str.encode))
def test_what_is_no_json_is_cut_into_nothing(raw: bytes):
    for cut, kind in ((items, list), (members, dict)):
        try:
            found = cut(raw)
        except (ValueError, RecursionError):
            continue
        assert isinstance(found, kind)
        assert type(json.loads(raw.decode(errors="replace"), strict=False)) is kind


@pytest.mark.parametrize(
    "raw",
    [
        b'{"batch":[NaN,\xff]}', b'{"batch":[NaN]', b'{"batch":[NaN]}}', b'{"batch":[NaN,]}', b'{"batch":[NaN],}',
        b'{"batch":[NaN],"context":{"a":NaN}}', b'{"batch":[NaN],"sentAt":"\xff"}',
        b'{"batch":[NaN],"writeKey":"\\ud800"}',
        b"NaN", b'{1:2,"batch":[NaN]}', b'{"batch":[NaN,' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_stands_beside_the_messages_spoils_the_batch(raw: bytes):
    with pytest.raises(IngestError, match="the body"):
        parse_batch(raw)


@pytest.mark.parametrize("raw", [b'{"a":NaN}', b'{"a":NaN,"batch":{}}', b'{"a":NaN,"batch":null}'])
def test_a_batch_read_in_pieces_needs_its_messages(raw: bytes):
    with pytest.raises(IngestError, match="batch"):
        parse_batch(raw)


def test_of_a_key_that_stands_twice_the_last_counts():
    assert [bytes(x) for x in parse_batch(b'{"batch":[NaN],"x":NaN,"batch":[1]}').batch] == [b"1"]


def test_the_error_of_one_message_does_not_speak_of_the_body():
    with pytest.raises(IngestError, match="the message is not JSON"):
        parse_json(b"{", "message")
