"""docs/rules.md: its examples can be used as they stand, and no field or comparison is left out."""

import re
import subprocess
import sys

import msgspec
import pytest

from infra.rules import describe_file
from streams.model.errors import ConfigurationError, RuleError
from streams.model.rules.abandonment import AbandonmentRule, EventMatch, ProductRule
from streams.model.rules.conditions import Condition, Op
from streams.model.rules.identity import IdentityRules
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import Cap, FitRule, ScoreModel, ScoreRule, TierRule
from streams.model.rules.standard import default_rules
from streams.operators.rule_checks import count_rules
from streams.operators.rulebook import check_rules
from tests.architecture.tree import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
KINDS = (
    RuleSet,
    ScoreModel,
    ScoreRule,
    Cap,
    FitRule,
    Condition,
    AbandonmentRule,
    EventMatch,
    ProductRule,
    IdentityRules,
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_used_as_it_stands(example):
    assert check_rules(example.encode())


def test_there_is_an_example_of_every_part_and_they_can_be_used_together():
    whole = {}
    for example in EXAMPLES:
        whole |= msgspec.json.decode(example)
    assert set(whole) == set(RuleSet.__struct_fields__) - {"version"}
    assert all(count_rules(check_rules(msgspec.json.encode(whole))).values())


def test_every_field_and_comparison_is_described():
    named = set(re.findall(r"[`\"](\w+)[`\"]", PAGE))
    fields = {field for kind in (*KINDS, TierRule) for field in kind.__struct_fields__}
    assert (fields | {op.value for op in Op}) - named == set()


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_shows_every_field(kind):
    fields = set(kind.__struct_fields__) - {"version"}
    assert fields - set(re.findall(r"\"(\w+)\":", "".join(EXAMPLES))) == set()


def test_a_file_of_rules_is_described_in_a_line(tmp_path):
    file = tmp_path / "rules.json"
    file.write_bytes(msgspec.json.encode(default_rules()))
    expected = "1 scores, 8 score rules, 0 fit rules, 1 abandonment, 0 products, 3 pages"
    assert describe_file(file) == f"{file} can be used: {expected}"


def test_a_file_that_cannot_be_used_or_read_is_an_error(tmp_path):
    file = tmp_path / "rules.json"
    file.write_text('{"scores": [{"tiers": [{"name": "hot", "at": -1}]}]}')
    with pytest.raises(RuleError, match=r"scores\[0\]\.tiers\[0\]\.at"):
        describe_file(file)
    with pytest.raises(ConfigurationError, match="can't be read"):
        describe_file(tmp_path / "nothing.json")


def test_the_command_names_the_field_and_exits_with_2(tmp_path):
    file = tmp_path / "rules.json"
    file.write_text('{"scores": [{"rules": [{"id": "a", "event": "b", "points": "many"}]}]}')
    command = [sys.executable, "-m", "infra", "rules", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("campaigniq: scores[0].rules[0].points: Expected `float`, got `str`. ")
