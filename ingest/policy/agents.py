"""What a User-Agent header tells: browser, system, device, and whether it is no person's. Looks nothing up outside.

By the patterns of ua-parser and the list of crawler-user-agents, both in Rust: about 15 us for a new agent, and far
less for one of the last few thousand.
"""

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from ua_parser.core import Domain
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver
from ua_parser_rs import UserAgentExtractor

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
    """Takes a quarter of a second and 30 MB to make."""

    def __init__(self) -> None:
        self._resolver = Resolver(load_builtins())
        listed = _listed()
        # The list's patterns are searched as if they were those of browsers; what a match yields is the kind.
        self._crawlers = UserAgentExtractor([(pattern, kind, None, None, None, None) for pattern, kind in listed])
        self.of = lru_cache(maxsize=_KEPT_AGENTS)(self._read)

    def _read(self, text: str) -> Agent:
        text = text[:_MAX_CHARS]
        found = self._resolver(text, Domain.ALL)
        listed = self._crawlers.extract(text)
        kind = Kind(listed.family) if listed else Kind.PERSON
        device = found.device.family if found.device else ""
        if device == _SPIDER:
            device, kind = "", Kind.CRAWLER if kind is Kind.PERSON else kind
        return Agent(_named(found.user_agent), _named(found.os), device[:_NAME_CHARS], kind)


def _named(found: object) -> str:
    family, major = getattr(found, "family", ""), getattr(found, "major", None)
    return f"{family} {major}"[:_NAME_CHARS] if major else str(family)[:_NAME_CHARS]


def _listed() -> list[tuple[str, str]]:
    """Return each pattern with the kind that it stands for, those of programs last: many crawlers name theirs too."""
    # Here, because the package reads its list when it is imported.
    from crawleruseragents import (  # type: ignore[import-untyped]  # the package has no types  # noqa: PLC0415
        CRAWLER_USER_AGENTS_DATA,
    )

    pairs = [(entry["pattern"], _kind_of(entry)) for entry in CRAWLER_USER_AGENTS_DATA]
    order = (Kind.MAIL_PROXY, Kind.CRAWLER, Kind.PROGRAM)
    return sorted(pairs, key=lambda pair: order.index(Kind(pair[1])))


def _kind_of(entry: dict[str, object]) -> str:
    if entry["pattern"] in _MAIL_PROXIES:
        return Kind.MAIL_PROXY.value
    tags = entry.get("tags")
    is_program = isinstance(tags, list) and not _PROGRAMS.isdisjoint(tags)
    return (Kind.PROGRAM if is_program else Kind.CRAWLER).value
