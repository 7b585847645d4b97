"""What the command line of a replay says."""

from pathlib import Path
from typing import NamedTuple

from infra.offline.logs import Place
from infra.offline.sources import TimeRange
from ingest.errors import IngestError
from ingest.values import time_ms
from streams.model.errors import ConfigurationError
from streams.model.rules.ruleset import RuleSet
from streams.operators.rulebook import check_rules


class Options(NamedTuple):
    """The options of `campaigniq replay`, as they were given."""

    input: Path | None = None
    place: Place = Place()
    archive: str = ""
    rules: Path | None = None
    compare: Path | None = None
    out: Path | None = None
    errors: Path | None = None
    profiles: Path | None = None
    rollups: Path | None = None
    save_archive: Path | None = None
    from_time: str = ""
    to_time: str = ""
    until: str = ""
    drain: bool = False
    warm_up: bool = False
    partitions: int = 1
    workspace: str = "default"
    source: str = "replay"
    strict: bool = False
    as_json: bool = False
    config: Path | None = None

    def check(self) -> None:
        """Raise ConfigurationError for what does not go together."""
        given = [self.input is not None, self.place.data is not None, bool(self.place.url), bool(self.archive)]
        if sum(given) != 1:
            remedy = "Give one of --input FILE, --data FOLDER, --log URL, --archive PATTERN"
            raise ConfigurationError("replay", f"{sum(given)} inputs are named", remedy)
        if self.input is not None and (self.from_time or self.to_time or self.save_archive):
            remedy = "Leave out --from, --to and --save-archive"
            raise ConfigurationError("--input", "a file of events is replayed whole", remedy)
        if self.warm_up and not self.from_time:
            raise ConfigurationError("--warm-up", "says nothing without --from", "Give --from, or leave it out")
        moment(self.until, "--until")
        self.time_range()

    def from_ms(self) -> int:
        """Return the time from which on triggers count."""
        return moment(self.from_time, "--from") or 0

    def time_range(self) -> TimeRange:
        """Return what of the log is read."""
        return TimeRange(0 if self.warm_up else self.from_ms(), moment(self.to_time, "--to"))


def moment(text: str, option: str) -> int | None:
    """Return the time that an option names, in Unix ms; None when it names none. Raises ConfigurationError."""
    if not text:
        return None
    try:
        return time_ms(float(text) if text.replace(".", "", 1).isdigit() else text, option)
    except IngestError:
        remedy = "Give e.g. 2026-01-31T12:00:00Z, or Unix seconds or milliseconds"
        raise ConfigurationError(option, f"{text[:40]!r} is no time", remedy) from None


def read_rule_file(path: Path, option: str) -> RuleSet:
    """Return the rules in a JSON file. Raises ConfigurationError, and RuleError naming the field that is wrong."""
    try:
        return check_rules(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(option, f"{path} can't be read: {error.strerror}", "Give a readable file") from None
