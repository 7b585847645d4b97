"""Events and callers of sources with a policy, for the tests of what policies do."""

from typing import Any

from ingest.caller import Caller
from ingest.normalise import events_of
from ingest.provenance import Arrival
from ingest.sources import Source
from streams.model.events import Event
from streams.store.sources import SourcePolicy

NOW = 1_800_000_000_000
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.1 Mobile/15E148 Safari/604.1"
)
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
MAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def a_source(kind: str = "web", **policy: Any) -> Source:
    return Source("src", "default", kind, write_key="wk", policy=SourcePolicy(**policy))


def a_caller(agent: str = CHROME, address: str = "203.0.113.77", kind: str = "web", **policy: Any) -> Caller:
    return Caller(a_source(kind, **policy), "track", address, agent)


def a_message(**parts: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Signed Up", "anonymousId": "a1", "messageId": "m1", **parts}


def the_event(**parts: Any) -> Event:
    [event] = events_of(a_message(**parts), a_source(), Arrival(NOW))
    return event
