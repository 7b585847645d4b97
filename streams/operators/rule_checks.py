"""A rule set as a whole: what makes it unusable, beside what each part refuses, and how much is in it."""

from collections.abc import Iterator
from typing import Final

from streams.model.errors import RuleError
from streams.model.names import canonical_name
from streams.model.rules.abandonment import EventMatch
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.identity import IdentityRules
from streams.model.rules.ruleset import RuleSet
from streams.operators.conditions import ROOTS

MAX_VERSION: Final = 1 << 53
MAX_CLAIMS: Final = 100
MAX_IDS: Final = 200
_MAX_SHOWN: Final = 100


def check_rule_set(rules: RuleSet) -> None:
    """Raise RuleError unless each id is one rule's alone and the identity rules are within bounds."""
    if not 0 <= rules.version <= MAX_VERSION:
        raise RuleError("version", f"{rules.version} is no version", "Send the one that you have read.")
    taken: dict[str, str] = {}
    for field, rule in _ids(rules):
        if rule in taken:
            raise RuleError(f"{field}.id", f"{rule!r} is taken by {taken[rule]}", "Give each rule an id of its own.")
        taken[rule] = field
    _check_announced(rules)
    _check_identity(rules.identity)


def check_as_new(rules: RuleSet) -> None:
    """Raise RuleError for what can be used and never does what was meant by it.

    For rules that somebody is about to use: those that are in force may be older than these checks, or than a synonym.
    """
    _check_names(rules)
    for field, condition in _conditions(rules):
        if condition.op in (Op.EXISTS, Op.MISSING) and condition.value is not None and condition.value is not True:
            other = Op.MISSING if condition.op is Op.EXISTS else Op.EXISTS
            problem = f"{condition.op} takes no value"
            raise RuleError(f"{field}.value", problem, f"Leave it out; {other} means the opposite.")
    for number, window in enumerate(rules.abandonment):
        _check_begins(window.opens, window.cancels, f"abandonment[{number}].opens")
        root, _, name = window.subject.partition(".")
        if name and root in ROOTS:
            problem = f"{window.subject[:_MAX_SHOWN]!r} is a path"
            raise RuleError(
                f"abandonment[{number}].subject", problem, "Give a property by its name alone, e.g. cart_id."
            )
    for number, product in enumerate(rules.products):
        _check_begins(product.interest, product.cancels, f"products[{number}].interest")


def _check_begins(begins: tuple[EventMatch, ...], cancels: tuple[EventMatch, ...], field: str) -> None:
    ends = {match.event for match in cancels if not match.when}
    if all(match.event in ends for match in begins):
        problem = "all of them are among cancels, too, and cancelling comes first"
        raise RuleError(field, problem, "Name an event that doesn't cancel, or say when it cancels.")


def count_rules(rules: RuleSet) -> dict[str, int]:
    """Return how many rules there are of each kind."""
    return {
        "scores": len(rules.scores),
        "score_rules": sum(len(model.rules) for model in rules.scores),
        "fit_rules": sum(len(model.fit) for model in rules.scores),
        "abandonment": len(rules.abandonment),
        "products": len(rules.products),
        "pages": len(rules.pages),
    }


def _ids(rules: RuleSet) -> Iterator[tuple[str, str]]:
    for number, model in enumerate(rules.scores):
        for place, rule in enumerate(model.rules):
            yield f"scores[{number}].rules[{place}]", rule.id
        for place, fit in enumerate(model.fit):
            yield f"scores[{number}].fit[{place}]", fit.id
    for place, window in enumerate(rules.abandonment):
        yield f"abandonment[{place}]", window.id
    for place, product in enumerate(rules.products):
        yield f"products[{place}]", product.id


def _check_names(rules: RuleSet) -> None:
    """Refuse a rule about an event that can never come under this name, with the one it comes under."""
    of_pages = set(rules.pages.values())
    for field, name in _events(rules):
        arrives = canonical_name(name)
        if name == arrives or name in of_pages:
            continue
        remedy = f"Write {arrives}." if arrives else "Give a name with a letter or digit, e.g. product_added."
        raise RuleError(field, f"no event arrives as {name[:_MAX_SHOWN]!r}", remedy)


def _conditions(rules: RuleSet) -> Iterator[tuple[str, Condition]]:
    for field, when in _whens(rules):
        for place, condition in enumerate(when):
            yield f"{field}.when[{place}]", condition


def _whens(rules: RuleSet) -> Iterator[tuple[str, tuple[Condition, ...]]]:
    for number, model in enumerate(rules.scores):
        for place, rule in enumerate(model.rules):
            yield f"scores[{number}].rules[{place}]", rule.when
        for place, fit in enumerate(model.fit):
            yield f"scores[{number}].fit[{place}]", fit.when
    for field, match in _matches(rules):
        yield field, match.when


def _events(rules: RuleSet) -> Iterator[tuple[str, str]]:
    for number, model in enumerate(rules.scores):
        for place, rule in enumerate(model.rules):
            yield f"scores[{number}].rules[{place}].event", rule.event
    for field, match in _matches(rules):
        yield f"{field}.event", match.event


def _matches(rules: RuleSet) -> Iterator[tuple[str, EventMatch]]:
    for number, window in enumerate(rules.abandonment):
        for part in ("opens", "extends", "cancels"):
            yield from _numbered(f"abandonment[{number}].{part}", getattr(window, part))
    for number, product in enumerate(rules.products):
        for part in ("interest", "cancels"):
            yield from _numbered(f"products[{number}].{part}", getattr(product, part))


def _numbered(field: str, matches: tuple[EventMatch, ...]) -> Iterator[tuple[str, EventMatch]]:
    for place, match in enumerate(matches):
        yield f"{field}[{place}]", match


def _check_announced(rules: RuleSet) -> None:
    """Refuse rules that fire under the name by which a score announces a tier or an MQL."""
    announced = {f"{score}_{what}" for score in ("account", *(m.id for m in rules.scores)) for what in ("tier", "mql")}
    fires = {f"abandonment[{place}]": rule.id for place, rule in enumerate(rules.abandonment)}
    fires |= {f"products[{place}]": rule.id for place, rule in enumerate(rules.products)}
    for field, rule_id in fires.items():
        if rule_id in announced:
            raise RuleError(f"{field}.id", f"{rule_id!r} is what a score announces", "Choose another.")


def _check_identity(identity: IdentityRules) -> None:
    for name, value, most in (
        ("max_claims", identity.max_claims, MAX_CLAIMS),
        ("max_ids", identity.max_ids, MAX_IDS),
    ):
        if not 1 <= value <= most:
            raise RuleError(f"identity.{name}", f"{value} is out of range", f"Choose 1 to {most}.")
