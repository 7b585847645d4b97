"""The command line. Parses, calls the part that does the work, turns its errors into words and exit codes."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra import VERSION
from infra.bench.commands import bench_app
from infra.dead_letters import app as letters_app
from infra.erase import erase
from infra.garbage import importing
from infra.offline import commands as offline
from infra.options import DEFAULT_DATA, Config, Data
from infra.source_commands import VENDOR_IDS, sources_app
from infra.source_watch import watch as watch_source
from streams.model.errors import CampaignIqError

app = typer.Typer(
    name="campaigniq",
    help="Real-time marketing events: pixel, SDK and webhook events in; lead scores, abandoned carts, alerts and "
    "messages out. `campaigniq up --demo` shows it all on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(help="Rules of scores and abandonment (docs/rules.md).", no_args_is_help=True)
app.add_typer(sources_app, name="sources")
sources_app.command("watch")(watch_source)
app.add_typer(letters_app, name="dead-letters")
app.add_typer(rules_app, name="rules")
app.add_typer(bench_app, name="bench")
app.command()(erase)
offline.add_to(app)


class LogLevel(StrEnum):
    """What `--log-level` takes."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [default: 8000]")]
Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
Level = Annotated[LogLevel, typer.Option("--log-level", help="How much is said on standard error.")]


@app.command()
def up(
    data: Data = DEFAULT_DATA,
    port: Port = None,
    host: Host = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the demo shop, with visitors and short windows.")] = False,
    config: Config = None,
    log_level: Level = LogLevel.INFO,
) -> None:
    """Run everything in one process, without any service beside it."""
    with importing():
        from infra.data_dir import Bootstrap, DataDir
        from infra.embedded import Embedded
        from infra.last_resort import UP_END_S, exit_within
        from infra.logs import configure_logging
        from infra.serving import serve
        from infra.settings import load_settings

    configure_logging(log_level)
    settings = load_settings(config, **_server(port, host))
    folder = DataDir(data)

    def announce(bootstrap: Bootstrap) -> None:
        print(f"ready {bootstrap.url}", flush=True)
        print(f"sign in once with {bootstrap.sign_in_url}", flush=True)
        if demo:
            print(f"demo shop {bootstrap.url}/shop/ · its switches {bootstrap.url}/shop/controls", flush=True)

    serve(
        lambda: Embedded(settings, folder, demo=demo, on_end=lambda: exit_within(UP_END_S)),
        announce,
        "campaigniq stopped",
        folder.release,
    )


@app.command()
def worker(data: Data = DEFAULT_DATA, config: Config = None, log_level: Level = LogLevel.INFO) -> None:
    """Run one worker of the engine on Kafka; start as many as there are partitions at most."""
    with importing():
        from infra.data_dir import DataDir
        from infra.last_resort import exit_within
        from infra.logs import configure_logging
        from infra.serving import serve
        from infra.settings import load_settings
        from infra.worker import Worker

    configure_logging(log_level)
    settings = load_settings(config)
    folder = DataDir(data)
    serve(
        lambda: Worker(settings, folder, exit_within),
        lambda partitions: print(f"ready {partitions} partitions", flush=True),
        "campaigniq worker stopped",
        folder.release,
    )


@app.command()
def ingest(
    data: Data = DEFAULT_DATA,
    port: Port = None,
    host: Host = None,
    spool: Annotated[
        Path | None,
        typer.Option(help="Folder for events while Kafka is away, of this process only. [default: DATA/spool-ingest]"),
    ] = None,
    config: Config = None,
    log_level: Level = LogLevel.INFO,
) -> None:
    """Run the front door alone, for a platform on Kafka: events in, into Kafka or, while it is away, onto disk."""
    with importing():
        from infra.front_door import FrontDoor
        from infra.last_resort import UP_END_S, exit_within
        from infra.logs import configure_logging
        from infra.serving import serve
        from infra.settings import load_settings

    configure_logging(log_level)
    kept = {"ingest": {"spool_folder": str(spool)}} if spool is not None else {}
    settings = load_settings(config, **_server(port, host), **kept)
    serve(
        lambda: FrontDoor(settings, data, lambda: exit_within(UP_END_S)),
        lambda url: print(f"ready {url}", flush=True),
        "campaigniq ingest stopped",
    )


@app.command("sign-in")
def sign_in(data: Data = DEFAULT_DATA) -> None:
    """Print a new one-time sign-in link of the running platform."""
    import httpx

    from infra.data_dir import read_bootstrap

    known = read_bootstrap(data)
    try:
        answer = httpx.post(
            f"{known.url}/api/sign-in-links", headers={"Authorization": f"Bearer {known.api_token}"}, timeout=10
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise CampaignIqError(f"{known.url} did not answer: {error}. Is `campaigniq up` running?") from error
    print(answer.json()["url"])


@app.command("verify-webhook")
def verify_webhook(
    vendor: Annotated[str, typer.Argument(metavar="VENDOR", help=f"One of {VENDOR_IDS}.")],
    headers: Annotated[Path, typer.Option(help="Headers of the request: one JSON object.")],
    body: Annotated[Path, typer.Option(help="Body of the request, exactly as it was sent.")],
    url: Annotated[str, typer.Option(help="Address that the vendor called; some sign it.")],
    secret: Annotated[
        list[str] | None, typer.Option(help="Webhook secret; twice during a rotation. Without one nothing holds.")
    ] = None,
    now: Annotated[float | None, typer.Option(help="Unix time of its arrival, in seconds; now without it.")] = None,
    method: Annotated[str, typer.Option(help="Method of the request.")] = "POST",
    certificate: Annotated[
        Path | None, typer.Option(help="The vendor's certificate (PEM); fetched from its host without it.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", help="Print what it would become, one JSON object a line.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: genuine, reason.")] = False,
) -> None:
    """Judge a recorded webhook as the front door does: exit code 0 when its signature holds, 1 when not."""
    from infra.clock import SystemClock
    from infra.verify_webhook import Recorded, verify_recorded

    now_s = SystemClock().now_ms() / 1000 if now is None else now
    recorded = Recorded(vendor, headers, body, url, method, tuple(secret or ()), now_s, certificate)
    code = verify_recorded(recorded, sys.stdout, sys.stderr, as_json=as_json, with_events=events)
    if code:
        raise typer.Exit(code)


@app.command()
def topics(
    create: Annotated[bool, typer.Option("--create", help="Make the topics that are missing.")] = False,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare the topics on Kafka with what the platform needs; exit code 2 when some can't be used."""
    from infra.settings import load_settings
    from infra.topics import review_topics

    review_topics(load_settings(config), sys.stdout, create=create, as_json=as_json)


@rules_app.command("check")
def check_rules(file: Annotated[Path, typer.Argument(help="A whole rule set as JSON.")]) -> None:
    """Say whether a rule set can be used; if not, name the field, the problem and the remedy, and exit with 2."""
    from infra.rules import describe_file

    print(describe_file(file))


@app.command()
def detect(
    period: Annotated[
        int | None, typer.Option(help="Rows per season; by default a day, told by the timestamps.")
    ] = None,
) -> None:
    """Score each row of a `timestamp,value` CSV from standard input by how unusual it is (0..1)."""
    from infra.detect import detect as run_detector

    run_detector(sys.stdin, sys.stdout, period)


@app.command()
def version() -> None:
    """Print the version."""
    print(VERSION)


def _server(port: int | None, host: str | None) -> dict[str, dict[str, Any]]:
    """Return the settings that options replace."""
    wanted = {name: value for name, value in (("port", port), ("host", host)) if value is not None}
    return {"server": wanted} if wanted else {}


def main() -> None:
    """Run the command; errors of this project become one line and exit code 2."""
    from infra.logs import configure_logging

    configure_logging(LogLevel.WARNING)
    try:
        app()
    except CampaignIqError as error:
        print(f"campaigniq: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
