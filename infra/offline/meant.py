"""What the options of a replay mean: checked together, with times and files read."""

import sys
from glob import glob
from pathlib import Path

from infra.offline.forms import DATES_END_MS
from infra.offline.logs import Place
from infra.offline.options import Options
from infra.offline.reports import STDOUT
from infra.offline.sources import TimeRange
from infra.settings import Settings
from ingest.errors import IngestError
from ingest.values import time_ms
from streams.model.errors import ConfigurationError, RuleError
from streams.model.rules.ruleset import RuleSet
from streams.operators.rule_checks import check_as_new
from streams.operators.rulebook import check_rules


def check(options: Options, settings: Settings) -> None:
    """Raise ConfigurationError for what does not go together."""
    given = [options.input is not None, options.data is not None, bool(options.log), bool(options.archive)]
    if sum(given) > 1 or not (any(given) or any(Place().or_usual(settings))):
        remedy = "Give one of --input FILE, --data FOLDER, --log URL, --archive PATTERN"
        raise ConfigurationError("replay", f"{sum(given)} inputs are named", remedy)
    if options.input is not None and (options.from_time or options.to_time or options.save_archive):
        remedy = "Leave out --from, --to and --save-archive"
        raise ConfigurationError("--input", "a file of events is replayed whole", remedy)
    if options.input is None:
        _check_recorded(options)
    if options.warm_up and not options.from_time:
        raise ConfigurationError("--warm-up", "says nothing without --from", "Give --from, or leave it out")
    moment(options.until, "--until")
    to_ms = moment(options.to_time, "--to")
    if options.from_time and to_ms is not None and to_ms <= from_ms(options):
        problem = f"{options.to_time[:40]} is not later than --from {options.from_time[:40]}"
        raise ConfigurationError("--to", problem, "Give a later --to, or an earlier --from")
    _check_files(options)


def _check_recorded(options: Options) -> None:
    """Raise ConfigurationError for what says how lines are read, where frames are, and would change nothing."""
    for option, given, default in (
        ("--partitions", options.partitions, Options.partitions),
        ("--workspace", options.workspace, Options.workspace),
        ("--source", options.source, Options.source),
    ):
        if given != default:
            problem = "is for the lines of --input; a log is replayed as it was recorded"
            raise ConfigurationError(option, problem, "Leave it out")


def _check_files(options: Options) -> None:
    """Raise ConfigurationError where a file that is written is one that is read, or is written twice."""
    named = {"--input": options.input, "--rules": options.rules, "--compare": options.compare}
    read = [*named.items(), *(("--archive", path) for path in archives(options))]
    taken = {path.resolve(): option for option, path in read if path is not None and path != STDOUT}
    written = {
        "--out": options.out,
        "--errors": options.errors,
        "--profiles": options.profiles,
        "--rollups": options.rollups,
        "--save-archive": options.save_archive,
    }
    for option, path in written.items():
        # What is there and no file, such as a pipe or /dev/null, takes any number of writers.
        if path is None or path == STDOUT or (path.exists() and not path.is_file()):
            continue
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise ConfigurationError(option, f"{path} is the file of {other}, too", "Give each a file of its own")


def archives(options: Options) -> list[Path]:
    """Return the files that --archive names."""
    return [Path(name) for name in glob(options.archive)]  # noqa: PTH207  Path.glob takes no absolute pattern


def from_ms(options: Options) -> int:
    """Return the time from which on triggers count."""
    return moment(options.from_time, "--from") or 0


def time_range(options: Options) -> TimeRange:
    """Return what of the log is read."""
    return TimeRange(0 if options.warm_up else from_ms(options), moment(options.to_time, "--to"))


def moment(text: str, option: str) -> int | None:
    """Return the time that an option names, in Unix ms; None when it names none. Raises ConfigurationError."""
    if not text:
        return None
    try:
        at_ms = time_ms(float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else text, option)
    except IngestError:
        at_ms = DATES_END_MS
    if at_ms >= DATES_END_MS:
        remedy = "Give e.g. 2026-01-31T12:00:00Z, or Unix seconds or milliseconds"
        raise ConfigurationError(option, f"{text[:40]!r} is no time", remedy)
    return at_ms


def read_rule_file(path: Path, option: str) -> RuleSet:
    """Return the rules in a JSON file. Raises ConfigurationError, and RuleError naming the field that is wrong.

    What the API would refuse, since it never does what was meant, is told on standard error: it may have been in force.
    """
    try:
        rules = check_rules(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(option, f"{path} can't be read: {error.strerror}", "Give a readable file") from None
    try:
        check_as_new(rules)
    except RuleError as doubt:
        print(f"{option}: {doubt}", file=sys.stderr)  # noqa: T201  for people
    return rules
