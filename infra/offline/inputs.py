"""The input of a replay: a file of events, or frames of a log or of archives. Each run reads it anew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.offline.archive import ArchiveSource, ArchiveWriter
from infra.offline.direct import DirectRun
from infra.offline.event_lines import BadLine, LineReader
from infra.offline.logs import Place, open_log
from infra.offline.meant import archives, from_ms, moment, time_range
from infra.offline.options import Options
from infra.offline.receipt_order import lines_in_order, open_input
from infra.offline.recorded import RecordedRun, Rules
from infra.offline.reports import Report
from infra.offline.run import Listeners, Run
from infra.offline.sources import FrameSource, LogSource
from infra.settings import Settings
from streams.model.rules.ruleset import RuleSet

_PROGRESS_LINES = 8_192


class Input:
    """What the options name."""

    def __init__(self, options: Options, settings: Settings) -> None:
        self._options = options
        self._settings = settings
        self._ends: dict[int, int] | None = None

    async def run(
        self, default: RuleSet, given: RuleSet | None, listeners: Listeners, report: Report, *, again: bool = False
    ) -> Run:
        """Replay all of it under the rules given, else under those in force. `again`: bad lines were told before."""
        options = self._options
        until_ms = moment(options.until, "--until")
        if options.input is not None:
            return self._run_lines(options.input, given or default, listeners, report, until_ms, again=again)
        rules = Rules(default) if given is None else Rules(given, {})
        async with self.frames() as source:
            recorded = RecordedRun(source, rules, listeners, from_ms(options), report.progress)
            return await recorded.replay(until_ms, drain=options.drain)

    @asynccontextmanager
    async def frames(self) -> AsyncIterator[FrameSource]:
        """Open the recorded frames. Raises ConfigurationError."""
        options = self._options
        if options.archive:
            archived = ArchiveSource(archives(options), time_range(options))
            try:
                yield archived
            finally:
                archived.close()
            return
        log = await open_log(Place(options.data, options.log), self._settings)
        try:
            # A platform may be running: a second run reads as far as the first, so that they can be compared.
            source = await LogSource.open(log, time_range(options), self._ends)
            self._ends = source.ends
            yield source
        finally:
            await log.close()

    async def save(self, path: Path) -> int:
        """Write the recorded frames to an archive; return how many there were."""
        async with self.frames() as source:
            with path.open("wb") as file:
                writer = ArchiveWriter(file, source.partitions)
                for number in range(source.partitions):
                    while records := await source.read(number):
                        for record in records:
                            writer.write(record)
                return writer.records

    def _run_lines(
        self, path: Path, rules: RuleSet, listeners: Listeners, report: Report, until_ms: int | None, *, again: bool
    ) -> Run:
        options = self._options
        run = DirectRun(options.partitions, rules, listeners)
        reader = LineReader(options.workspace, options.source)
        with open_input(path) as file:
            for number, found in enumerate(reader.read(lines_in_order(file)), 1):
                if not isinstance(found, BadLine):
                    run.take(found)
                elif not again:
                    report.on_bad_line(found)
                if number % _PROGRESS_LINES == 0:
                    report.progress(number, "lines")
        return run.finish(until_ms, drain=options.drain)
