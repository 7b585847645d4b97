"""Where a network address is, by a database file in MaxMind's format (GeoLite2, GeoIP2, DB-IP). Asks no network."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import maxminddb

from streams.model.errors import ConfigurationError

_KEPT_PLACES = 4_096
_NAME_CHARS = 80
_UNREADABLE = (OSError, ValueError, maxminddb.InvalidDatabaseError)
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Country (ISO 3166-1), region and city in English; empty where the database does not say."""

    country: str = ""
    region: str = ""
    city: str = ""


NOWHERE = Place()


class Places:
    """Holds the file in memory, and takes a new one in when `refresh` finds it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = self._mark_of_file()
        try:
            self._reader = self._open()
        except _UNREADABLE as error:
            raise ConfigurationError(
                "ingest.geo_database", f"{path} can't be read ({error})", "Name a file in MaxMind's format (.mmdb)"
            ) from error
        self.of = lru_cache(maxsize=_KEPT_PLACES)(self._look_up)

    def refresh(self) -> bool:
        """Read the file anew if it has changed, and say whether; what can't be read leaves the old one in use."""
        mark = self._mark_of_file()
        if mark == self._mark or mark is None:
            return False
        try:
            fresh = self._open()
        except _UNREADABLE as error:
            _log.warning("%s can't be read (%s): places are those of the file before", self._path, error)
            self._mark = mark
            return False
        # Whoever is asking the old one right now may finish: it goes when nobody holds it.
        self._mark, self._reader = mark, fresh
        self.of.cache_clear()
        return True

    def close(self) -> None:
        self._reader.close()

    def _open(self) -> maxminddb.Reader:
        return maxminddb.open_database(self._path, maxminddb.MODE_MEMORY)

    def _mark_of_file(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None  # between the old file and the new one; opening says what is wrong
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _look_up(self, address: str) -> Place:
        try:
            found = self._reader.get(address)
        except ValueError:
            return NOWHERE  # an IPv6 address, in a database of IPv4 alone
        if not isinstance(found, dict):
            return NOWHERE
        regions = found.get("subdivisions")
        country = found.get("country") or found.get("registered_country")
        return Place(
            _text(country, "iso_code"),
            _name(regions[0] if isinstance(regions, list) and regions else None),
            _name(found.get("city")),
        )


def _name(part: Any) -> str:
    return _text(part.get("names"), "en") if isinstance(part, dict) else ""


def _text(part: Any, key: str) -> str:
    value = part.get(key) if isinstance(part, dict) else None
    return value[:_NAME_CHARS] if isinstance(value, str) else ""
