"""Conditions: which values meet them, which rules are refused, and that nothing makes one raise."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model.errors import RuleError
from streams.model.events import ProfileKeys, Utm
from streams.model.facts import FactsState, Trait
from streams.model.rules.conditions import Condition, Op
from streams.operators.conditions import compile_when
from tests.unit.streams.builders import event

NAN = float("nan")


def holds(op: str, value, wanted=None) -> bool:
    check = compile_when((Condition("properties.p", Op(op), wanted),), "when")
    return check(event("x", properties={} if value is ... else {"p": value}), FactsState())


@pytest.mark.parametrize(
    ("op", "value", "wanted", "expected"),
    [
        ("eq", "Team", "team", True), ("eq", "team ", "team", False), ("eq", "STRASSE", "straße", True),
        ("eq", 5, 5.0, True), ("eq", "5", 5, True), ("eq", "5.0", 5, True), ("eq", 5, "5.0", True),
        ("eq", "05", "5", False), ("eq", True, 1, False), ("eq", 1, True, False), ("eq", True, True, True),
        ("eq", "true", True, False), ("eq", None, "", None), ("eq", ["a"], "a", False), ("eq", ..., "a", False),
        ("eq", NAN, 5, False), ("eq", "1_000", 1000, False), ("eq", 2**60 + 1, str(2**60 + 1), True),
        ("ne", "pro", "free", True), ("ne", "FREE", "free", False), ("ne", ..., "free", True), ("ne", 7, "free", True),
        ("gt", 100.5, 100, True), ("gt", 100, 100, False), ("gt", "101", 100, True), ("gt", "many", 100, False),
        ("gt", True, 0, False), ("gt", NAN, 0, False), ("gt", ..., -1, False), ("gte", 100, "100", True),
        ("lt", 99, 100, True), ("lt", None, 100, False), ("lt", "nan", 100, False), ("lte", [1], 100, False),
        ("contains", "Head of Marketing", "marketing", True), ("contains", ["a", "B"], "b", True),
        ("contains", ["ab"], "b", False), ("contains", [1, 2], 2, True), ("contains", "a1", 1, False),
        ("contains", {"b": 1}, "b", False), ("not_contains", "sales", "marketing", True),
        ("not_contains", ["marketing"], "marketing", False), ("not_contains", ..., "marketing", True),
        ("starts_with", "/Pricing/x", "/pricing", True), ("starts_with", "x", "xy", False),
        ("starts_with", 12, "1", False), ("ends_with", "ada@ACME.com", "@acme.com", True),
        ("ends_with", "com", "acme.com", False), ("ends_with", "Maße", "masse", True),
        ("matches", "VP of Sales", "vp*sales", True), ("matches", "VP of Sales!", "vp*sales", False),
        ("matches", "aXbXc", "a*b*c", True), ("matches", "ab", "ab*ab", False), ("matches", "a.c", "a.c", True),
        ("matches", "abc", "a.c", False), ("matches", "anything", "*", True), ("matches", "x" * 9_000, "*", False),
        ("in", "DE", ["de", "at"], True), ("in", "5", [5], True), ("in", 5, ["5"], True), ("in", 1, [True], False),
        ("in", True, [True], True), ("in", [5], [5], False), ("in", ..., ["de"], False),
        ("not_in", "fr", ["de"], True), ("not_in", ..., ["de"], True), ("not_in", "DE", ["de"], False),
        ("exists", 0, None, True), ("exists", "", None, True), ("exists", None, None, False),
        ("exists", NAN, None, False), ("missing", ..., None, True), ("missing", False, None, False),
    ],
)  # fmt: skip
def test_a_value_meets_a_condition(op, value, wanted, expected):
    if expected is None:
        with pytest.raises(RuleError):
            holds(op, value, wanted)
    else:
        assert holds(op, value, wanted) is expected


VISIT = event(
    "x",
    properties={"a": {"b": {"c": 1}}, "list": [1]},
    utm=Utm("google", campaign="Spring"),
    value=12.5,
    currency="EUR",
)
FACTS = FactsState(
    ProfileKeys("ada", email="ada@acme.com", custom=(("crm", "7"),)),
    {"plan": Trait("pro", 1, "web"), "company": Trait({"size": 40}, 1, "crm")},
)


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("properties.a.b.c", 1), ("traits.plan", "pro"), ("traits.company.size", 40), ("utm.source", "google"),
        ("utm.campaign", "spring"), ("value", 12.5), ("currency", "eur"), ("source", "web"), ("keys.user_id", "ada"),
        ("keys.email", "ada@acme.com"), ("keys.custom.crm", 7),
    ],
)  # fmt: skip
def test_a_path_leads_to_its_value(field, wanted):
    assert compile_when((Condition(field, Op.EQ, wanted),), "when")(VISIT, FACTS)


@pytest.mark.parametrize(
    "field",
    ["properties.a.x.c", "properties.list.0", "properties.a.b.c.d", "traits.none", "traits.plan.x", "utm.term",
     "keys.phone", "keys.custom.erp"],
)  # fmt: skip
def test_a_path_to_nothing_is_missing(field):
    assert compile_when((Condition(field, Op.MISSING),), "when")(VISIT, FACTS)


def test_an_event_without_campaign_has_none():
    assert compile_when((Condition("utm.source", Op.MISSING),), "when")(event("x"), FACTS)


def test_all_conditions_must_hold():
    yes, no = Condition("value", Op.GT, 10), Condition("currency", Op.EQ, "usd")
    assert [compile_when(w, "when")(VISIT, FACTS) for w in ((yes, yes), (yes, no), (no, yes))] == [True, False, False]


def test_no_conditions_need_no_check():
    assert compile_when((), "when") is None


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        (Condition("", Op.EXISTS), "when[0].field"),
        (Condition("propertys.a", Op.EXISTS), "when[0].field"),
        (Condition("properties", Op.EXISTS), "when[0].field"),
        (Condition("properties..a", Op.EXISTS), "when[0].field"),
        (Condition("value.x", Op.EXISTS), "when[0].field"),
        (Condition("utm.nothing", Op.EXISTS), "when[0].field"),
        (Condition("keys.nothing", Op.EXISTS), "when[0].field"),
        (Condition("properties." + "a" * 300, Op.EXISTS), "when[0].field"),
        (Condition("properties" + ".a" * 30, Op.EXISTS), "when[0].field"),
        (Condition("value", Op.GT, "many"), "when[0].value"),
        (Condition("value", Op.GT, NAN), "when[0].value"),
        (Condition("value", Op.EQ), "when[0].value"),
        (Condition("value", Op.EQ, {"a": 1}), "when[0].value"),
        (Condition("value", Op.IN, "de"), "when[0].value"),
        (Condition("value", Op.IN, []), "when[0].value"),
        (Condition("value", Op.IN, ["de", None]), "when[0].value[1]"),
        (Condition("value", Op.IN, list(range(2_000))), "when[0].value"),
        (Condition("value", Op.MATCHES, "*" * 501), "when[0].value"),
        (Condition("value", Op.STARTS_WITH, 5), "when[0].value"),
        (Condition("value", Op.CONTAINS, ""), "when[0].value"),
        (Condition("value", Op.GT, 10**400), "when[0].value"),
        (Condition("value", Op.EQ, -(10**400)), "when[0].value"),
        (Condition("value", Op.IN, [1, 10**400]), "when[0].value[1]"),
    ],
)
def test_a_bad_condition_is_refused_by_its_path(condition, field):
    with pytest.raises(RuleError) as caught:
        compile_when((condition,), "when")
    assert caught.value.field == field


def test_too_many_conditions_are_refused():
    with pytest.raises(RuleError, match="at most 20"):
        compile_when((Condition("value", Op.EXISTS),) * 21, "when")


def test_a_pattern_with_many_stars_takes_linear_time():
    check = compile_when((Condition("properties.p", Op.MATCHES, "a*" * 200 + "b"),), "when")
    began = time.process_time()
    assert not check(event("x", properties={"p": "a" * 8_000}), FactsState())
    assert time.process_time() - began < 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
WANTED = {Op.IN: ["a", 1, True], Op.NOT_IN: ["a", 1.5, "7"]} | dict.fromkeys((Op.GT, Op.GTE, Op.LT, Op.LTE), 3)


@given(op=st.sampled_from(Op), value=json_values)
def test_no_value_makes_a_condition_raise(op, value):
    assert holds(op, value, WANTED.get(op, "a*")) in (True, False)


@pytest.mark.parametrize(("op", "opposite"), [("eq", "ne"), ("in", "not_in"), ("contains", "not_contains")])
@given(value=json_values)
def test_an_op_and_its_opposite_never_agree(op, opposite, value):
    wanted = ["a", 1] if op == "in" else "a"
    assert holds(op, value, wanted) is not holds(opposite, value, wanted)


@given(text=st.text(alphabet="ab*", max_size=12), pattern=st.text(alphabet="ab*", min_size=1, max_size=6))
def test_a_wildcard_means_what_its_regular_expression_means(text, pattern):
    import re

    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL)
    assert holds("matches", text, pattern) is (expected is not None)
