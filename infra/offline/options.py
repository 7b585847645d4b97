"""The options of the offline commands, as they are given; nothing is made of them here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from infra.options import DEFAULT_DATA, Config

Data = Annotated[
    Path | None,
    typer.Option("--data", help=f"Folder of the installation; by default {DEFAULT_DATA}, where no Kafka is named."),
]
Log = Annotated[str, typer.Option("--log", help="Kafka instead: kafka://host:port; credentials as in the settings.")]
Workspace = Annotated[str, typer.Option(help="Workspace.")]
_File = Path | None


@dataclass(frozen=True, kw_only=True)
class Options:
    """Those of `campaigniq replay`."""

    input: Annotated[_File, typer.Option(help="Events, one JSON object a line; - is stdin.")] = None
    data: Data = None
    log: Log = ""
    archive: Annotated[str, typer.Option(help="Pattern of archives that --save-archive has written.")] = ""
    rules: Annotated[_File, typer.Option(help="Rule set as JSON; by default those in force.")] = None
    out: Annotated[_File, typer.Option(help="Triggers, one JSON object a line. [default: stdout]")] = None
    errors: Annotated[_File, typer.Option(help="What could not be used, one JSON object a line.")] = None
    profiles: Annotated[_File, typer.Option(help="Every profile as it is in the end.")] = None
    rollups: Annotated[_File, typer.Option(help="Totals by 10 seconds and series.")] = None
    compare: Annotated[_File, typer.Option(help="Other rules: print what would be different.")] = None
    from_time: Annotated[str, typer.Option("--from", help="Log time to begin at, ISO 8601 or Unix.")] = ""
    to_time: Annotated[str, typer.Option("--to", help="Log time to end before.")] = ""
    warm_up: Annotated[bool, typer.Option("--warm-up", help="Apply what lies before --from, too.")] = False
    until: Annotated[str, typer.Option(help="Let the clock run on to this time. [default: the last event]")] = ""
    drain: Annotated[bool, typer.Option("--drain", help="Let it run on until all windows are closed.")] = False
    partitions: Annotated[int, typer.Option(help="Partitions for --input.", min=1, max=512)] = 1
    workspace: Annotated[str, typer.Option(help="Workspace of events that name none.")] = "default"
    source: Annotated[str, typer.Option(help="Source of events that name none.")] = "replay"
    save_archive: Annotated[_File, typer.Option(help="Save the recorded frames here and do no more.")] = None
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when anything could not be used.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary (or the comparison) as JSON.")] = False
    config: Config = None
