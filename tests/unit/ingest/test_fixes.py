"""Fixes: what they do to a document, and which of them are refused."""

from typing import Any

import orjson
import pytest

from ingest.errors import IngestError
from ingest.fixes import check_fixes, fixed, fixed_raw
from streams.model.errors import FixError
from streams.model.letters import Fix


@pytest.mark.parametrize(
    ("document", "fix", "wanted"),
    [
        ({"a": 1}, Fix("set", "a", 2), {"a": 2}),
        ({}, Fix("set", "a.b.c", [1]), {"a": {"b": {"c": [1]}}}),
        ({"a": None}, Fix("set", "a.b", 1), {"a": {"b": 1}}),
        ({"a": [1, 2]}, Fix("set", "a.1", 3), {"a": [1, 3]}),
        ({"a": [1]}, Fix("set", "a.1.b", 3), {"a": [1, {"b": 3}]}),
        ({"a.b": 1}, Fix("set", "/a.b", 2), {"a.b": 2}),
        ({"a/b": 1}, Fix("set", "/a~1b", 2), {"a/b": 2}),
        ({"a": 1}, Fix("set", "", {"b": 1}), {"b": 1}),
        ({"a": {"b": 1, "c": 2}}, Fix("remove", "a.b"), {"a": {"c": 2}}),
        ({"a": [1, 2]}, Fix("remove", "a.0"), {"a": [2]}),
        ({"a": 1}, Fix("remove", "b.c.d"), {"a": 1}),
        ({"a": 1}, Fix("remove", "a.c"), {"a": 1}),
        ({"a": {"b": 1}}, Fix("rename", "a.b", to="c.d"), {"a": {}, "c": {"d": 1}}),
        ({"a": 1}, Fix("rename", "x", to="a"), {"a": 1}),
    ],
    ids=str,
)
def test_a_fix_does_what_it_says(document, fix, wanted):
    assert fixed(document, [fix]) == wanted


def test_the_document_given_stays_as_it_was():
    document = {"a": {"b": 1}}
    fixed(document, [Fix("remove", "a.b")])
    assert document == {"a": {"b": 1}}


def test_a_value_set_twice_is_not_shared():
    found = fixed({}, [Fix("set", "a", {}), Fix("set", "a.x", 1)])
    assert found == {"a": {"x": 1}}


@pytest.mark.parametrize(
    ("document", "fix"),
    [
        ({"a": 7}, Fix("set", "a.b", 1)),
        ({"a": [1]}, Fix("set", "a.5", 1)),
        ({"a": [1]}, Fix("set", "a.x", 1)),
    ],
    ids=lambda one: str(one)[:30],
)
def test_a_fix_that_does_not_fit_is_refused(document, fix):
    with pytest.raises(IngestError):
        fixed(document, [fix])


@pytest.mark.parametrize(
    "fixes",
    [
        [Fix("remove", "")],
        [Fix("rename", "a")],
        [Fix("set", "a" * 501, 1)],
        [Fix("set", "a." * 30, 1)],
        [Fix("rename", "a", to="/a" * 30)],
        [Fix("set", "a", 1)] * 51,
    ],
    ids=lambda fixes: f"{len(fixes)}-{fixes[0].op}-{fixes[0].path[:5]}",
)
def test_fixes_that_fit_nothing_are_refused(fixes):
    with pytest.raises(FixError):
        check_fixes(fixes)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a\ud800", "half a surrogate pair"),
        ([{"a": {"\udc00": 1}}], "half a surrogate pair"),
        (nested(101), "more than 100 deep"),
        ({"a": nested(5_000)}, "more than 100 deep"),
    ],
    ids=["text", "key", "list", "object"],
)
def test_values_that_no_json_can_carry_are_refused_by_name(value: object, problem: str):
    with pytest.raises(FixError, match=problem) as refused:
        check_fixes([Fix("remove", "a"), Fix("set", "b", value)])
    assert refused.value.field == "fixes.1.value"


@pytest.mark.parametrize("value", [nested(100), {"a": [{}, "é😀\0", None, 10**400, float("nan")]}], ids=["deep", "odd"])
def test_values_that_json_can_carry_are_taken(value: object):
    check_fixes([Fix("set", "a", value)])


def test_numbers_that_json_has_not_are_mended():
    raw = fixed_raw(b'{"a": NaN, "b": 123456789012345678901234567890}', [Fix("set", "a", 1), Fix("set", "b", 2)])
    assert orjson.loads(raw) == {"a": 1, "b": 2}


def test_numbers_that_json_has_not_are_not_made_null():
    assert b"NaN" in fixed_raw(b'{"a": NaN, "b": 1}', [Fix("set", "b", 2)])


def test_what_is_no_json_is_replaced_as_a_whole():
    assert orjson.loads(fixed_raw(b"{oops", [Fix("set", "", {"a": 1}), Fix("set", "b", 2)])) == {"a": 1, "b": 2}
    with pytest.raises(IngestError, match="is no JSON"):
        fixed_raw(b"{oops", [Fix("set", "a", 1)])


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a": "\\ud800"}', b"\xff\xfe", b'"text"'])
def test_odd_bytes_are_refused_with_words(raw):
    with pytest.raises(IngestError):
        fixed_raw(raw, [Fix("set", "b", 2)])


def test_without_fixes_the_bytes_stay_as_they_are():
    assert fixed_raw(b"{oops", []) == b"{oops"
