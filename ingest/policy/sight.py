"""What the door sees of who sent a message: consent, bots, browser, place and address, noted in the event's provenance.

It refuses nothing and drops nothing but what the source wants not kept.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from ingest.caller import Caller
from ingest.policy.addresses import kept_address
from ingest.policy.agents import Agents, Kind
from ingest.policy.places import NOWHERE, Places
from streams.model.events import BOT, UNCOUNTED, Event, Provenance
from streams.store.sources import WEB

MAX_CATEGORIES = 50
_CATEGORY_CHARS = 100
_AGENT_CHARS = 512
_ADDRESS_CHARS = 64
_KEPT_SENDERS = 8_192
_NO_CONTEXT: Mapping[str, Any] = {}
_NOTHING = Provenance()


class SenderSight:
    """`sees` is called for every message, and keeps what it found out about the last few thousand senders."""

    def __init__(self, agents: Agents, places: Places | None = None) -> None:
        self._agents = agents
        self._places = places
        self._seen = lru_cache(maxsize=_KEPT_SENDERS)(self._look)

    def refresh(self) -> None:
        """Take in a new database of places, if there is one."""
        if self._places is not None and self._places.refresh():
            self._seen.cache_clear()

    def sees(self, events: list[Event], message: object, caller: Caller) -> list[Event]:
        """Return the events with what the message's context and its caller tell of the sender."""
        context = message.get("context") if isinstance(message, dict) else None
        if not isinstance(context, dict):
            context = _NO_CONTEXT
        source, policy = caller.source, caller.source.policy
        agent, address = self._sender(context, caller)
        is_web = source.kind == WEB
        is_driven = context.get("webdriver") is True
        seen = _NOTHING
        if agent or address or is_web or is_driven:
            seen = self._seen(agent, address, policy.address, policy.uncounted, is_web, is_driven)
        consent = _consent(context["consent"]) if "consent" in context else None
        if seen is _NOTHING and consent is None:
            return events
        return [_noted(event, seen, consent) for event in events]

    @staticmethod
    def _sender(context: Mapping[str, Any], caller: Caller) -> tuple[str, str]:
        """Return agent and address of the person's device. A server speaks for people: what it says of them counts.
        Whoever has the key of a website, which is no secret, is what the request's head shows.
        """
        if caller.source.kind == WEB:
            return caller.user_agent, caller.address
        agent, address = context.get("userAgent"), context.get("ip")
        return (
            agent[:_AGENT_CHARS] if isinstance(agent, str) else "",
            address[:_ADDRESS_CHARS] if isinstance(address, str) else "",
        )

    def _look(self, agent: str, address: str, keeps: str, uncounted: str, is_web: bool, is_driven: bool) -> Provenance:
        known = self._agents.of(agent)
        if known.kind is Kind.MAIL_PROXY:
            return _NOTHING  # it speaks for a reader of whom it tells nothing
        is_program = is_driven or known.kind is Kind.PROGRAM or (is_web and not agent)
        flags: tuple[str, ...] = ()
        if known.kind is Kind.CRAWLER or is_program:
            is_uncounted = uncounted == "bots" or (uncounted == "crawlers" and known.kind is Kind.CRAWLER)
            flags = (BOT, UNCOUNTED) if is_uncounted else (BOT,)
        kept = kept_address(address, keeps) if address else ""
        place = self._places.of(kept) if kept and self._places is not None else NOWHERE
        return Provenance(None, None, None, flags, None, kept, known.browser, known.system, known.device, *place)


def _noted(event: Event, seen: Provenance, consent: tuple[str, ...] | None) -> Event:
    known = event.provenance
    if known is None and consent is None:
        return replace(event, provenance=seen)
    known = known or _NOTHING
    flags = (*known.flags, *seen.flags) if seen.flags else known.flags
    place = (seen.country, seen.region, seen.city)
    told = Provenance(
        known.happened_ms,
        known.sent_ms,
        known.sequence,
        flags,
        consent,
        seen.address,
        seen.browser,
        seen.system,
        seen.device,
        *place,
        known.fault,
    )
    return replace(event, provenance=told)


def _consent(told: Any) -> tuple[str, ...] | None:
    """Return the categories consented to, as Segment's clients tell them; None when nothing is said of any."""
    preferences = told.get("categoryPreferences") if isinstance(told, dict) else None
    if not isinstance(preferences, dict):
        return None
    given = [name[:_CATEGORY_CHARS] for name, is_given in preferences.items() if is_given is True]
    return tuple(sorted(given[:MAX_CATEGORIES]))
