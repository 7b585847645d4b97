"""Pages: the name under which rules see an event. A page view counts as the event that its path stands for."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from streams.model.errors import RuleError
from streams.model.events import Event
from streams.operators.wildcards import compile_wildcard

MAX_PATTERNS: Final = 200
MAX_PATTERN: Final = 500
_REMEMBERED: Final = 4_096
_REMEMBERED_PATH: Final = 200


class Pages:
    """`pages` maps patterns of paths to event names; the first that fits counts. Raises RuleError."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        if len(pages) > MAX_PATTERNS:
            raise RuleError("pages", f"{len(pages)} patterns", f"Use at most {MAX_PATTERNS}.")
        for pattern, name in pages.items():
            if not 0 < len(pattern) <= MAX_PATTERN or not name:
                raise RuleError(
                    f"pages[{pattern[:MAX_PATTERN]!r}]",
                    "a pattern or its event is empty or too long",
                    f"Give a path of up to {MAX_PATTERN} characters, e.g. /pricing*, and an event's name.",
                )
        self._pages = [(compile_wildcard(pattern), name) for pattern, name in pages.items()]
        self._known: dict[str, str] = {}

    def name_of(self, event: Event) -> str:
        """Return the event's name, or the page event that a page view counts as."""
        if event.name != "page_viewed":
            return event.name
        path = event.properties.get("path")
        if not isinstance(path, str) or not path:
            path = _path_in(event.properties.get("url"))
        name = self._known.get(path)
        return self._looked_up(path) if name is None else name

    def _looked_up(self, path: str) -> str:
        name = next((name for fits, name in self._pages if fits(path)), "page_viewed")
        if len(path) <= _REMEMBERED_PATH:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[path] = name
        return name


def _path_in(url: Any) -> str:
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""
