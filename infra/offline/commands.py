"""The offline commands: replay, rescore, inspect. Parses and prints; the work is in the modules beside this one."""

import asyncio
import gc
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.clock import SystemClock
from infra.options import Config, Json

inspect_app = typer.Typer(help="Look into what the engine has committed.", no_args_is_help=True)

_Data = Annotated[Path | None, typer.Option("--data", help="Data folder; the platform may run or not.")]
_Log = Annotated[str, typer.Option("--log", help="Kafka instead: kafka://host:port; credentials as in the settings.")]
_Workspace = Annotated[str, typer.Option(help="Workspace.")]


_GC_OBJECTS = 100_000


def replay(  # noqa: PLR0917  the framework passes them by name
    input_file: Annotated[
        Path | None, typer.Option("--input", help="Events, one JSON object a line; - is stdin.")
    ] = None,
    data: _Data = None,
    log: _Log = "",
    archive: Annotated[str, typer.Option(help="Pattern of archives that --save-archive has written.")] = "",
    rules: Annotated[Path | None, typer.Option(help="Rule set as JSON; by default those in force.")] = None,
    out: Annotated[Path | None, typer.Option(help="Triggers, one JSON object a line. [default: stdout]")] = None,
    errors: Annotated[Path | None, typer.Option(help="What could not be used, one JSON object a line.")] = None,
    profiles: Annotated[Path | None, typer.Option(help="Every profile as it is in the end.")] = None,
    rollups: Annotated[Path | None, typer.Option(help="Totals by 10 seconds and series.")] = None,
    compare: Annotated[Path | None, typer.Option(help="Other rules: print what would be different.")] = None,
    from_time: Annotated[str, typer.Option("--from", help="Log time to begin at, ISO 8601 or Unix.")] = "",
    to_time: Annotated[str, typer.Option("--to", help="Log time to end before.")] = "",
    warm_up: Annotated[bool, typer.Option("--warm-up", help="Apply what lies before --from, too.")] = False,
    until: Annotated[str, typer.Option(help="Let the clock run on to this time. [default: the last event]")] = "",
    drain: Annotated[bool, typer.Option("--drain", help="Let it run on until all windows are closed.")] = False,
    partitions: Annotated[int, typer.Option(help="Partitions for --input.", min=1, max=512)] = 1,
    workspace: _Workspace = "default",
    source: Annotated[str, typer.Option(help="Source of events that name none.")] = "replay",
    save_archive: Annotated[Path | None, typer.Option(help="Save the recorded frames here and do no more.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 when anything could not be used.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary (or the comparison) as JSON.")] = False,
    config: Config = None,
) -> None:
    """Run the engine over events or a recorded log, deterministically. Sends nothing and changes nothing."""
    from infra.offline import replay as work  # noqa: PLC0415  other commands should not wait for the engine's imports
    from infra.offline.logs import Place  # noqa: PLC0415  as above
    from infra.offline.options import Options  # noqa: PLC0415  as above

    options = Options(
        input=input_file,
        place=Place(data, log),
        archive=archive,
        rules=rules,
        compare=compare,
        out=out,
        errors=errors,
        profiles=profiles,
        rollups=rollups,
        save_archive=save_archive,
        from_time=from_time,
        to_time=to_time,
        until=until,
        drain=drain,
        warm_up=warm_up,
        partitions=partitions,
        workspace=workspace,
        source=source,
        strict=strict,
        as_json=as_json,
        config=config,
    )
    # The report tells in a line what the engine refuses, and why.
    logging.getLogger("streams.state").setLevel(logging.CRITICAL)
    # Nothing here forms cycles that would be worth looking for every few hundred objects.
    gc.set_threshold(_GC_OBJECTS)
    code = asyncio.run(work.replay(options))
    if code:
        raise typer.Exit(code)


def rescore(
    score: Annotated[str, typer.Option(help="Id of the score to compute anew.")] = "lead",
    data: _Data = None,
    log: _Log = "",
    workspace: _Workspace = "default",
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Also when the log has lost its beginning.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Compute a score anew over the whole log under the rules in force. With --data the platform must be stopped."""
    from infra.offline import rescoring as work  # noqa: PLC0415  other commands should not wait for the engine's imports
    from infra.offline.forms import pretty  # noqa: PLC0415  as above
    from infra.offline.logs import Place  # noqa: PLC0415  as above

    now_ms = SystemClock().now_ms()
    done = asyncio.run(work.rescore_at(Place(data, log), config, workspace, score, now_ms, accept_loss=accept_loss))
    if as_json:
        typer.echo(pretty(done._asdict()))
    else:
        typer.echo(f"{score}: {done.events:,} events replayed, {done.profiles:,} profiles in {done.frames:,} frames")


@inspect_app.command("profile")
def inspect_profile(
    profile: Annotated[str, typer.Argument(help="Any id of the person: user:7, 7, ada@example.com, group:acme …")],
    data: _Data = None,
    log: _Log = "",
    workspace: _Workspace = "default",
    config: Config = None,
) -> None:
    """Print a profile's state as JSON, and where it lies."""
    _inspect("profile", data, log, config, as_json=True, workspace=workspace, name=profile)


@inspect_app.command("partition")
def inspect_partition(
    number: Annotated[int | None, typer.Argument(help="Partition; all without.", min=0)] = None,
    data: _Data = None,
    log: _Log = "",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Print what a partition holds: clock, profiles, windows, message ids, moves, rules."""
    _inspect("partition", data, log, config, as_json=as_json, number=number)


@inspect_app.command("lag")
def inspect_lag(data: _Data = None, log: _Log = "", as_json: Json = False, config: Config = None) -> None:
    """Print how far the engine is in each partition, and the groups that read what it makes."""
    _inspect("lag", data, log, config, as_json=as_json)


def _inspect(what: str, data: Path | None, log: str, config: Path | None, *, as_json: bool, **about: Any) -> None:
    from infra.offline import views  # noqa: PLC0415  other commands should not wait for the engine's imports
    from infra.offline.logs import Place  # noqa: PLC0415  as above

    now_ms = SystemClock().now_ms()
    typer.echo(asyncio.run(views.view(what, Place(data, log), config, now_ms, as_json=as_json, **about)))


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(replay)
    app.command()(rescore)
    app.add_typer(inspect_app, name="inspect")
