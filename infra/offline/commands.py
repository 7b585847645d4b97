"""The offline commands: replay, rescore, inspect. Parses and prints; the work is in the modules beside this one."""

import gc
import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.clock import SystemClock
from infra.offline.options import Data, Log, Options, Workspace
from infra.options import Config, Json, completed, spread

inspect_app = typer.Typer(help="Look into what the engine has committed.", no_args_is_help=True)


_GC_OBJECTS = 100_000


@spread
def replay(options: Options) -> None:
    """Run the engine over events or a recorded log, deterministically. Sends nothing and changes nothing."""
    from infra.offline import replay as work  # noqa: PLC0415  other commands should not wait for the engine's imports

    # The report tells in a line what the engine refuses, and why.
    logging.getLogger("streams.state").setLevel(logging.CRITICAL)
    # Nothing here forms cycles that would be worth looking for every few hundred objects.
    gc.set_threshold(_GC_OBJECTS)
    code = completed(work.replay(options))
    if code:
        raise typer.Exit(code)


def rescore(
    score: Annotated[str, typer.Option(help="Id of the score to compute anew.")] = "lead",
    data: Data = None,
    log: Log = "",
    workspace: Workspace = "default",
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
    done = completed(work.rescore_at(Place(data, log), config, workspace, score, now_ms, accept_loss=accept_loss))
    if not done.profiles:
        typer.echo(f"The log holds nobody of the workspace {workspace} whom {score} is about.", err=True)
    if as_json:
        typer.echo(pretty(done._asdict()))
    else:
        typer.echo(f"{score}: {done.events:,} events replayed, {done.profiles:,} profiles in {done.frames:,} frames")


@inspect_app.command("profile")
def inspect_profile(
    profile: Annotated[str, typer.Argument(help="Any id of the person: user:7, 7, ada@example.com, group:acme …")],
    data: Data = None,
    log: Log = "",
    workspace: Workspace = "default",
    config: Config = None,
) -> None:
    """Print a profile's state as JSON, and where it lies."""
    _inspect("profile", data, log, config, as_json=True, workspace=workspace, name=profile)


@inspect_app.command("partition")
def inspect_partition(
    number: Annotated[int | None, typer.Argument(help="Partition; all without.", min=0)] = None,
    data: Data = None,
    log: Log = "",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Print what a partition holds: clock, profiles, windows, message ids, moves, rules."""
    _inspect("partition", data, log, config, as_json=as_json, number=number)


@inspect_app.command("lag")
def inspect_lag(data: Data = None, log: Log = "", as_json: Json = False, config: Config = None) -> None:
    """Print how far the engine is in each partition, and the groups that read what it makes."""
    _inspect("lag", data, log, config, as_json=as_json)


def _inspect(what: str, data: Path | None, log: str, config: Path | None, *, as_json: bool, **about: Any) -> None:
    from infra.offline import views  # noqa: PLC0415  other commands should not wait for the engine's imports
    from infra.offline.logs import Place  # noqa: PLC0415  as above

    now_ms = SystemClock().now_ms()
    typer.echo(completed(views.view(what, Place(data, log), config, now_ms, as_json=as_json, **about)))


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(replay)
    app.command()(rescore)
    app.add_typer(inspect_app, name="inspect")
