"""What a User-Agent header tells: browser, system, device, and whether it is no person's. Looks nothing up outside.

By the patterns of ua-parser and the list of crawler-user-agents, matched in Rust: about 60 us for a new agent, and far
less for one of the last few thousand.
"""

from enum import StrEnum
from functools import lru_cache
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import msgspec
from ua_parser.loaders import load_lazy_builtins
from ua_parser_rs import DeviceExtractor, OSExtractor, UserAgentExtractor

from ingest.policy.patterns import Patterns, Sought

_KEPT_AGENTS = 4_096
_MAX_CHARS = 512
_NAME_CHARS = 80
_SPIDER = "Spider"
# They fetch the pictures of a mail when its reader opens it.
_MAIL_PROXIES = frozenset({"GoogleImageProxy", "YahooMailProxy"})
_PROGRAMS = frozenset({"http-library", "browser-automation"})


class Kind(StrEnum):
    """Whose an agent is: a person's browser or app; a crawler's, which says so; a program's, or a browser's which a
    program drives; that of a mail service which fetches pictures for readers.
    """

    PERSON = "person"
    CRAWLER = "crawler"
    PROGRAM = "program"
    MAIL_PROXY = "mail_proxy"


class Agent(NamedTuple):
    """What an agent says; nothing where it does not."""

    browser: str
    system: str
    device: str
    kind: Kind


class Agents:
    """Takes a tenth of a second to make."""

    def __init__(self) -> None:
        browsers, systems, devices = load_lazy_builtins()
        versioned = attrgetter("regex", "family", "major", "minor", "patch", "patch_minor")
        flagged = attrgetter("regex", "regex_flag", "family", "brand", "model")
        self._browsers = Patterns(UserAgentExtractor, map(versioned, browsers))
        self._systems = Patterns(OSExtractor, map(versioned, systems))
        self._devices = Patterns(DeviceExtractor, map(flagged, devices))
        # The list's patterns are searched as if they were those of browsers; what a match yields is the kind.
        self._crawlers = Patterns(
            UserAgentExtractor, [(pattern, kind, None, None, None, None) for pattern, kind in _listed()]
        )
        self.of = lru_cache(maxsize=_KEPT_AGENTS)(self._read)

    def _read(self, text: str) -> Agent:
        sought = Sought(text[:_MAX_CHARS])
        listed, device = self._crawlers.find(sought), self._devices.find(sought)
        kind = Kind(listed.family) if listed else Kind.PERSON
        family = device.family[:_NAME_CHARS] if device else ""
        if device and device.family == _SPIDER:
            family, kind = "", Kind.CRAWLER if kind is Kind.PERSON else kind
        return Agent(_named(self._browsers.find(sought)), _named(self._systems.find(sought)), family, kind)


def _named(found: object) -> str:
    family, major = getattr(found, "family", ""), getattr(found, "major", None)
    return f"{family} {major}"[:_NAME_CHARS] if major else str(family)[:_NAME_CHARS]


class _Listed(msgspec.Struct):
    """An entry of the list of crawlers."""

    pattern: str
    tags: list[str] = []


def _listed() -> list[tuple[str, str]]:
    """Return each pattern with the kind that it stands for, those of programs last: many crawlers name theirs too."""
    # The package itself would read it into 2 MiB for good, most of them examples.
    spec = find_spec("crawleruseragents")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).with_name("crawler-user-agents.json")
    pairs = [(entry.pattern, _kind_of(entry)) for entry in msgspec.json.decode(file.read_bytes(), type=list[_Listed])]
    order = (Kind.MAIL_PROXY, Kind.CRAWLER, Kind.PROGRAM)
    return sorted(pairs, key=lambda pair: order.index(Kind(pair[1])))


def _kind_of(entry: _Listed) -> str:
    if entry.pattern in _MAIL_PROXIES:
        return Kind.MAIL_PROXY.value
    return (Kind.CRAWLER if _PROGRAMS.isdisjoint(entry.tags) else Kind.PROGRAM).value
