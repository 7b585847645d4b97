"""Rule sets as documents: what is refused, and where it says the fault is."""

from typing import Any

import msgspec
import pytest

from streams.model.errors import RuleError
from streams.model.rules.standard import default_rules
from streams.operators.rulebook import MAX_BYTES, RuleBook, check_new_rules, check_rules, encode_rules, parse_rules


def document() -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(default_rules()))


def put(path: tuple[Any, ...], value: Any) -> bytes:
    rules = document()
    at: Any = rules
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return msgspec.json.encode(rules)


RULE = ("scores", 0, "rules", 3)
WINDOW = ("abandonment", 0)
FIT = [{"id": "email_opened", "points": 1, "when": [{"field": "traits.title", "op": "exists"}]}]
MISFITS = [
    ((*RULE, "points"), "five", "scores[0].rules[3].points"),
    ((*RULE, "cap"), {"count": 1}, "scores[0].rules[3].cap.per_ms"),
    ((*RULE, "colour"), "red", "scores[0].rules[3].colour"),
    ((*RULE, "when"), [{"field": "plan"}], "scores[0].rules[3].when[0].field"),
    (
        (*WINDOW, "opens"),
        [{"event": "a", "when": [{"field": "value", "op": "is"}]}],
        "abandonment[0].opens[0].when[0].op",
    ),
    ((*WINDOW, "steps_ms"), [5_000, 1_000], "abandonment[0].steps_ms[1]"),
    ((*WINDOW, "id"), "email_opened", "abandonment[0].id"),
    ((*WINDOW, "id"), "lead_mql", "abandonment[0].id"),
    (("scores", 0, "fit"), FIT, "scores[0].fit[0].id"),
    (("identity",), {"max_ids": 0}, "identity.max_ids"),
    (("version",), -1, "version"),
    (("weather",), "fine", "weather"),
]


@pytest.mark.parametrize(("path", "value", "field"), MISFITS)
def test_a_refusal_names_the_field_the_problem_and_the_remedy(path, value, field):
    with pytest.raises(RuleError) as refused:
        check_rules(put(path, value))
    assert refused.value.field == field
    assert refused.value.problem
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("path", "name", "arrives", "field"),
    [
        ((*RULE, "event"), "Email Opened", "email_opened", "scores[0].rules[3].event"),
        ((*RULE, "event"), "—", "with a letter", "scores[0].rules[3].event"),
        ((*WINDOW, "opens"), [{"event": "add_to_cart"}], "product_added", "abandonment[0].opens[0].event"),
        ((*WINDOW, "cancels"), [{"event": "purchase"}], "order_completed", "abandonment[0].cancels[0].event"),
        ((*WINDOW, "extends"), [{"event": "x"}, {"event": "X Y"}], "x_y", "abandonment[0].extends[1].event"),
        (
            ("products",),
            [{"id": "p", "kind": "price_drop", "interest": [{"event": "view_item"}], "cancels": [{"event": "x"}]}],
            "product_viewed",
            "products[0].interest[0].event",
        ),
    ],
)
def test_a_name_under_which_no_event_arrives_is_refused_with_the_one_that_it_comes_under(path, name, arrives, field):
    with pytest.raises(RuleError) as refused:
        check_new_rules(put(path, name))
    assert (refused.value.field, arrives in refused.value.remedy) == (field, True)


def having(op: str, value: Any) -> list[dict[str, Any]]:
    return [{"field": "traits.plan", "op": op, "value": value}]


BY_X = [{"event": "x"}]
FIT_OF_NO_USE = [{"id": "f", "points": 1, "when": having("exists", "pro")}]
PRODUCT = {"id": "p", "kind": "price_drop", "interest": [{"event": "x", "when": having("exists", 0)}], "cancels": []}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ((*RULE, "when"), having("exists", False), "scores[0].rules[3].when[0].value"),
        ((*RULE, "when"), having("missing", False), "scores[0].rules[3].when[0].value"),
        (("scores", 0, "fit"), FIT_OF_NO_USE, "scores[0].fit[0].when[0].value"),
        ((*WINDOW, "opens"), [{"event": "x", "when": having("exists", 1)}], "abandonment[0].opens[0].when[0].value"),
        (("products",), [PRODUCT | {"cancels": [{"event": "y"}]}], "products[0].interest[0].when[0].value"),
        ((*WINDOW, "subject"), "properties.cart_id", "abandonment[0].subject"),
        ((*WINDOW, "opens"), [{"event": "order_completed", "when": having("eq", 1)}], "abandonment[0].opens"),
        (("products",), [PRODUCT | {"interest": BY_X, "cancels": BY_X}], "products[0].interest"),
    ],
)  # fmt: skip
def test_what_would_never_do_what_it_says_is_refused_in_new_rules_alone(path, value, field):
    rules = put(path, value)
    assert check_rules(rules)
    with pytest.raises(RuleError) as refused:
        check_new_rules(rules)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*RULE, "when"), having("exists", None)),
        ((*RULE, "when"), having("missing", True)),
        ((*WINDOW, "subject"), "cart.id"),
        ((*WINDOW, "opens"), [{"event": "order_completed"}, {"event": "x"}]),
        ((*WINDOW, "cancels"), [{"event": "product_added", "when": having("eq", 1)}]),
        ((*WINDOW, "subject"), "properties"),
    ],
)
def test_what_says_what_it_does_can_be_used(path, value):
    assert check_new_rules(put(path, value))


@pytest.mark.parametrize(
    ("path", "value", "choice"),
    [((*RULE, "when"), having("equals", 1), "eq, ne"), ((*WINDOW, "kind"), "trolley", "browse")],
)
def test_an_unknown_word_is_refused_with_those_that_are_known(path, value, choice):
    with pytest.raises(RuleError) as refused:
        check_rules(put(path, value))
    assert choice in refused.value.remedy


def test_a_page_event_may_be_called_anything():
    rules = document()
    rules["pages"]["/jobs*"] = rules["scores"][0]["rules"][3]["event"] = "Careers Page"
    assert check_new_rules(msgspec.json.encode(rules))


def test_rules_that_are_in_force_stay_so_whatever_names_are_replaced_later():
    book, older = RuleBook(default_rules()), put((*RULE, "event"), "add_to_cart")
    book.adopt("default", 1, older)
    assert (book.revision("default"), book.rules("default")) == (1, check_rules(older))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b"null", b'{"scores":' + b"[" * 200_000, b" " * (MAX_BYTES + 1), b'{"a":"\xff"}'],
)
def test_what_is_no_rule_set_is_refused_in_words(body):
    with pytest.raises(RuleError, match=r"rules|scores|a: "):
        check_rules(body)


def test_a_value_nested_without_end_is_refused():
    deep = b"[" * 100_000 + b"]" * 100_000
    when = b'[{"field":"value","value":' + deep + b"}]"
    with pytest.raises(RuleError):
        parse_rules(b'{"scores":[{"rules":[{"id":"a","event":"b","points":1,"when":' + when + b"}]}]}")


def test_a_number_of_any_size_can_be_compared_with():
    assert check_rules(put((*RULE, "when"), [{"field": "value", "op": "gt", "value": 10**30}]))


def test_what_is_written_out_can_be_read_again():
    assert check_rules(encode_rules(default_rules())) == default_rules()


def test_rules_that_grow_too_large_when_written_out_are_refused():
    rules = parse_rules(msgspec.json.encode({"scores": [{"id": f"s{n}"} for n in range(3_000)]}))
    with pytest.raises(RuleError, match="bytes"):
        encode_rules(rules)
