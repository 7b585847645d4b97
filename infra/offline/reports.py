"""What a replay leaves behind: files of triggers, errors, totals and profiles; a summary for people and scripts."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from infra.offline.event_lines import BadLine
from infra.offline.forms import iso_time, line_of, profile_form, trigger_form
from infra.offline.run import Run
from streams.model.alerts import Alert
from streams.model.dead_letters import DeadLetter
from streams.model.errors import ConfigurationError
from streams.model.rollups import MICROS, Rollup, Series
from streams.model.triggers import Trigger

STDOUT = Path("-")
_MAX_SHOWN = 20
_MAX_RAW_CHARS = 2_000
_PROGRESS_S = 5.0


def open_output(stack: ExitStack, path: Path, option: str) -> IO[bytes]:
    """Open a file to write to; "-" is standard output. Raises ConfigurationError."""
    if path == STDOUT:
        return sys.stdout.buffer
    try:
        return stack.enter_context(path.open("wb"))
    except OSError as error:
        raise ConfigurationError(option, f"{path} can't be written: {error.strerror}", "Give another file") from None


class Report:
    """Hears a run, counts, and writes triggers and errors as they come. A context manager: it closes its files."""

    def __init__(self, out: Path | None, errors: Path | None, stderr: IO[str]) -> None:
        self._stack = ExitStack()
        self._out = open_output(self._stack, out, "--out") if out else None
        self._errors = open_output(self._stack, errors, "--errors") if errors else None
        self._stderr = stderr
        self._started_s = time.perf_counter()
        self._said_s = self._started_s
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            if self._out:
                self._out.flush()

    def on_trigger(self, trigger: Trigger) -> None:
        """Write a trigger."""
        if self._out:
            self._out.write(line_of(trigger_form(trigger)))

    def on_bad_line(self, bad: BadLine) -> None:
        """Tell of a line that can't be used."""
        self._problem("bad_lines", f"line {bad.line}: {bad.problem}")
        raw = bad.raw.decode(errors="replace")[:_MAX_RAW_CHARS]
        self._write_error({"line": bad.line, "field": bad.field, "problem": bad.problem, "raw": raw})

    def on_letter(self, letter: DeadLetter) -> None:
        """Tell of what the engine could not take."""
        self._problem("dead_letters", f"refused by the engine: {letter.reason}")
        told = {"field": letter.field, "problem": letter.reason, "at_ms": letter.at_ms, "source": letter.source}
        self._write_error({"line": None, "workspace": letter.workspace} | told)

    def on_alert(self, alert: Alert) -> None:
        """Tell of a rule that failed."""
        self._problem("alerts", alert.summary)

    def progress(self, done: int, what: str) -> None:
        """Say now and then how far it is; call it every few thousand."""
        now_s = time.perf_counter()
        if now_s - self._said_s >= _PROGRESS_S:
            self._said_s = now_s
            self._say(f"{done:,} {what}, {done / (now_s - self._started_s):,.0f} a second")

    def summary(self, run: Run) -> dict[str, Any]:
        """Return the figures of a finished run."""
        seconds = time.perf_counter() - self._started_s
        events = sum(partition.events for partition in run.partitions)
        return {
            "events": events,
            "duplicates": sum(partition.duplicates for partition in run.partitions),
            "bad_lines": self.counts["bad_lines"],
            "dead_letters": self.counts["dead_letters"],
            "triggers": dict(sorted(run.counts.items())),
            "partitions": len(run.partitions),
            "clock_ms": run.clock_ms,
            "seconds": round(seconds, 3),
            "events_per_s": round(events / seconds) if seconds else 0,
        }

    def say_summary(self, summary: dict[str, Any]) -> None:
        """Tell people the figures."""
        triggers = ", ".join(f"{rule} {count:,}" for rule, count in summary["triggers"].items()) or "none"
        self._say(
            f"{summary['events']:,} events, {summary['duplicates']:,} duplicates, {summary['bad_lines']:,} bad lines, "
            f"{summary['dead_letters']:,} refused; until {iso_time(summary['clock_ms']) or 'never'}"
        )
        self._say(f"triggers: {triggers}")
        self._say(f"{summary['seconds']} s, {summary['events_per_s']:,} events a second")

    def _problem(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= _MAX_SHOWN:
            self._say(text)
        elif self.counts[kind] == _MAX_SHOWN + 1:
            self._say("further ones of this kind are only counted" + (" and in the file" if self._errors else ""))

    def _write_error(self, error: dict[str, Any]) -> None:
        if self._errors:
            self._errors.write(line_of(error))

    def _say(self, text: str) -> None:
        print(text, file=self._stderr, flush=True)


class TotalsBook:
    """The newest total of each (series, bucket, partition, part), as a metric store keeps it."""

    def __init__(self) -> None:
        self._totals: dict[tuple[Series, int, int, int], tuple[int, int]] = {}

    def add(self, rollups: Sequence[Rollup]) -> None:
        """Take totals; they overwrite earlier ones."""
        for r in rollups:
            self._totals[r.series, r.bucket_ms, r.partition, r.part] = (r.count, round(r.value * MICROS))

    def lines(self) -> Iterator[bytes]:
        """Yield the sums by bucket and series, one JSON object a line."""
        sums: dict[tuple[int, str, str, str, str, str], list[int]] = {}
        for (s, bucket_ms, _, _), (count, micros) in self._totals.items():
            key = (bucket_ms, s.workspace, s.event, s.campaign, s.source, s.currency)
            known = sums.setdefault(key, [0, 0])
            known[0] += count
            known[1] += micros
        names = ("bucket_ms", "workspace", "event", "campaign", "source", "currency")
        for key, (count, micros) in sorted(sums.items()):
            yield line_of(dict(zip(names, key, strict=True)) | {"count": count, "value": micros / MICROS})


def write_profiles(path: Path, run: Run) -> None:
    """Write every profile as it is in the end, one JSON object a line, by workspace and id."""
    with ExitStack() as stack:
        file = open_output(stack, path, "--profiles")
        clock_ms = run.clock_ms
        file.writelines(line_of(profile_form(state, clock_ms)) for state in run.states())


def write_totals(path: Path, totals: TotalsBook) -> None:
    """Write all totals, one JSON object a line."""
    with ExitStack() as stack:
        open_output(stack, path, "--rollups").writelines(totals.lines())
