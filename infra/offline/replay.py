"""`campaigniq replay`: the engine over a file of events or over recorded frames. Writes files, sends nothing."""

import sys
from collections.abc import Callable
from pathlib import Path

from infra.offline import compare
from infra.offline.forms import pretty
from infra.offline.inputs import Input
from infra.offline.meant import check, read_rule_file
from infra.offline.options import Options
from infra.offline.reports import STDOUT, Report, TotalsBook, write_profiles, write_totals
from infra.offline.run import Listeners
from infra.rules import read_rules
from infra.settings import load_settings
from streams.model.errors import ConfigurationError
from streams.model.rules.ruleset import RuleSet
from streams.model.triggers import Trigger
from streams.room import lacks_room


async def replay(options: Options) -> int:
    """Do what the options say; return the exit code. Raises ConfigurationError and RuleError."""
    try:
        return await _replay(options)
    except OSError as error:
        if lacks_room(error):
            remedy = "Make room for what is written, or name files elsewhere"
            raise ConfigurationError("replay", "the disk is full", remedy) from error
        raise


async def _replay(options: Options) -> int:
    settings = load_settings(options.config)
    check(options, settings)
    source = Input(options, settings)
    if options.save_archive:
        return await _save(source, options.save_archive)
    default = read_rules(settings.engine)
    given = read_rule_file(options.rules, "--rules") if options.rules else None
    if options.compare:
        other = read_rule_file(options.compare, "--compare")
        return await _compare(options, source, default, given, other)
    totals = TotalsBook() if options.rollups else None
    out = options.out or STDOUT
    with Report(out, options.errors, sys.stderr) as report:
        run = await source.run(default, given, _listeners(report, report.on_trigger, totals), report)
        summary = report.summary(run)
        if options.profiles:
            write_profiles(options.profiles, run)
        if options.rollups and totals:
            write_totals(options.rollups, totals)
        if options.as_json:
            # Standard output may be the triggers' own.
            print(pretty(summary), file=sys.stderr if out == STDOUT else sys.stdout)
        report.say_summary(summary)
        return _exit_code(options, report)


async def _compare(options: Options, source: Input, default: RuleSet, given: RuleSet | None, other: RuleSet) -> int:
    """Replay under both rule sets and print the differences. `--out` gets the triggers of the other one."""
    before, after = compare.Outcome(), compare.Outcome()
    with Report(None, options.errors, sys.stderr) as report:
        before.close(await source.run(default, given, _listeners(report, before.on_trigger), report))
        code = _exit_code(options, report)
    with Report(options.out, None, sys.stderr) as report:

        def on_trigger(trigger: Trigger) -> None:
            report.on_trigger(trigger)
            after.on_trigger(trigger)

        run = await source.run(default, other, _listeners(report, on_trigger), report, again=True)
        after.close(run, before.at_ms)
        report.say_summary(report.summary(run))
    difference = compare.compared(before, after)
    print(pretty(difference) if options.as_json else compare.describe(difference))  # noqa: T201  the command's answer
    return code


async def _save(source: Input, path: Path) -> int:
    try:
        records = await source.save(path)
    except OSError as error:
        problem = f"{path} can't be written: {error.strerror}"
        raise ConfigurationError("--save-archive", problem, "Give another file") from error
    print(f"{records:,} frames saved to {path}", file=sys.stderr)  # noqa: T201  the command's answer
    return 0


def _listeners(report: Report, on_trigger: Callable[[Trigger], None], totals: TotalsBook | None = None) -> Listeners:
    return Listeners(on_trigger, report.on_letter, report.on_alert, totals.add if totals else None)


def _exit_code(options: Options, report: Report) -> int:
    return 1 if options.strict and (report.counts["bad_lines"] or report.counts["dead_letters"]) else 0
