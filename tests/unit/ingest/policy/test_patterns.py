"""Of long lists only the patterns that a text could match are compiled, and what is found is what all would find."""

import json
import re
from importlib.resources import files
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ua_parser.core import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver
from ua_parser_rs import UserAgentExtractor

from ingest.policy.needles import needles_of
from ingest.policy.patterns import Patterns, Sought
from tests.unit.ingest.policy.kit import CHROME, HEADLESS, MAIL_PROXY, SAFARI

LISTED = json.loads(files("crawleruseragents").joinpath("crawler-user-agents.json").read_text())
BROWSERS, SYSTEMS, DEVICES = load_lazy_builtins()
PATTERNS = [m.regex for m in (*BROWSERS, *SYSTEMS, *DEVICES)] + [entry["pattern"] for entry in LISTED]
SAMPLES = [CHROME, SAFARI, HEADLESS, MAIL_PROXY] + [agent for entry in LISTED for agent in entry["instances"][:1]]
ASCII = st.characters(codec="ascii")


def patterns_of_browsers() -> Patterns:
    row = attrgetter("regex", "family", "major", "minor", "patch", "patch_minor")
    return Patterns(UserAgentExtractor, map(row, BROWSERS))


def test_what_is_found_is_what_all_patterns_at_once_find():
    lazy, all_at_once = patterns_of_browsers(), Resolver((BROWSERS, [], []))

    def told(agent: str) -> object:
        found = lazy.find(Sought(agent))
        return found and (found.family, found.major, found.minor, found.patch, found.patch_minor)

    def expected(agent: str) -> object:
        found = all_at_once(agent, Domain.USER_AGENT).user_agent
        return found and (found.family, found.major, found.minor, found.patch, found.patch_minor)

    assert [agent for agent in SAMPLES if told(agent) != expected(agent)] == []


def test_patterns_that_no_text_could_match_are_not_compiled():
    compiled = []

    def note(rows: list[tuple[str, None, None, None, None, None]]) -> UserAgentExtractor:
        compiled.append(rows[0][0])
        return UserAgentExtractor(rows)

    patterns = Patterns(note, [(name, None, None, None, None, None) for name in ("(Lynx)", "(Links)", "(.)x")])
    assert [patterns.find(Sought("Links 2.8")).family for _ in range(2)] == ["Links", "Links"]
    assert compiled == ["(Links)"]


def test_the_first_that_matches_counts_wherever_it_is_in_the_text():
    patterns = Patterns(UserAgentExtractor, [(name, name, None, None, None, None) for name in ("bb", "aa", "[ab]a")])
    assert patterns.find(Sought("aa bb")).family == "bb"
    assert patterns.find(Sought("aa")).family == "aa"
    assert patterns.find(Sought("ba")).family == "[ab]a"
    assert patterns.find(Sought("ab")) is None


@pytest.mark.parametrize(
    ("pattern", "needles"),
    [
        (r"(Googlebot)/(\d+)", {"googlebot"}),
        (r"(iPod|iPhone; x)", {"ipod", "iphone; x"}),
        (r"a(?:bc|de)?fgh", {"fgh"}),
        (r"abcd*e", {"abc"}),
        (r"abc{0,2}x+y", {"ab"}),
        (r"[Bb]ot\.html", {"bot.html"}),
        (r"[^^]ot", {"ot"}),
        (r"Android.*Zune", {"zune"}),
        (r"(?i:Zune|.x)", set()),
        (r"zune|", set()),
        (r"\x41bcd", set()),
        (r"(?=zune)", set()),
        (r"[[:alpha:]]zune", set()),
        (r"zune)", set()),
        ("", set()),
    ],
)
def test_needles_are_literals_that_every_match_holds(pattern: str, needles: set[str]):
    assert needles_of(pattern) == needles


@settings(derandomize=True, database=None, max_examples=200)
@given(st.data())
def test_whatever_a_pattern_matches_holds_one_of_its_needles(data: st.DataObject):
    pattern = data.draw(st.sampled_from(PATTERNS))
    text = data.draw(st.from_regex(re.compile(pattern, re.IGNORECASE), alphabet=ASCII))
    needles = needles_of(pattern)
    assert not needles or any(needle in text.casefold() for needle in needles)
