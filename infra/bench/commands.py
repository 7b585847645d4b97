"""What `campaigniq bench` does: parses, measures, prints. Each part is imported only when it is asked for."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from infra.bench.r1.profiles import RulesProfile
from infra.options import completed

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

bench_app = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@bench_app.command()
def latency(
    rate: Annotated[int, typer.Option(help="Events per second.", min=1, max=20_000)] = 1_000,
    seconds: Annotated[int, typer.Option(help="How long to send.", min=2, max=600)] = 20,
    window_s: Annotated[float, typer.Option(help="Cart window of the run, in seconds.", min=0.5, max=60)] = 2.0,
    as_json: _Json = False,
) -> None:
    """Measure from an accepted event to the recovery mail at an SMTP server on this machine."""
    from infra.bench.latency import describe, measure_latency

    figures = completed(measure_latency(rate, seconds, window_s))
    _tell(figures, describe, as_json=as_json)


@bench_app.command()
def engine(
    events: Annotated[int, typer.Option(help="How many events.", min=1_000, max=10_000_000)] = 200_000,
    profiles: Annotated[int, typer.Option(help="Of how many people.", min=1, max=1_000_000)] = 20_000,
    as_json: _Json = False,
) -> None:
    """Measure the engine by itself: events per CPU second of one partition."""
    from infra.bench.engine import describe, measure_engine

    figures = measure_engine(events, profiles)
    _tell(figures, describe, as_json=as_json)


@bench_app.command()
def idle(
    seconds: Annotated[int, typer.Option(help="How long to watch it at rest.", min=1, max=3_600)] = 20,
    demo: Annotated[bool, typer.Option("--demo", help="With the demo shop and its visitors.")] = False,
    as_json: _Json = False,
) -> None:
    """Measure how long the platform takes to start, and what it costs at rest."""
    from infra.bench.idle import describe, measure_idle

    figures = completed(measure_idle(seconds, demo=demo))
    _tell(figures, describe, as_json=as_json)


@bench_app.command()
def ingest(
    quick: Annotated[bool, typer.Option("--quick", help="Two minutes: fewer and shorter turns.")] = False,
    connections: Annotated[int, typer.Option(help="Connections under full load.", min=1, max=900)] = 128,
    as_json: _Json = False,
) -> None:
    """Measure the front door on a real Kafka against a bare hello-world on the same server.

    Fetches Kafka the first time. Single events, batches of 20 and the picture at full load, how long acknowledgements
    take at 70 % of it, and whether memory stays flat over 10 minutes.
    """
    from msgspec.structs import replace

    from infra.bench.ingest import IngestPlan, describe, measure_ingest

    plan = IngestPlan().made_quick() if quick else IngestPlan()
    figures = measure_ingest(replace(plan, connections=connections))
    _tell(figures, describe, as_json=as_json)


@bench_app.command()
def streams(
    quick: Annotated[bool, typer.Option("--quick", help="A minute and a half: fewer events and turns.")] = False,
    rivals: Annotated[bool, typer.Option(help="Measure Faust and Bytewax too, turn by turn.")] = True,
    rules: Annotated[
        RulesProfile, typer.Option(help="r1: one score, one cart window. full: 30 and 5 rules, identity on.")
    ] = RulesProfile.R1,
    workers: Annotated[int, typer.Option(help="Workers that share the partitions.", min=1, max=4)] = 1,
    events: Annotated[
        int | None, typer.Option(help="How many events for us. [default: 1000000]", min=10_000, max=20_000_000)
    ] = None,
    frame_events: Annotated[int, typer.Option(help="Events in a frame.", min=1, max=5_000)] = 500,
    latency: Annotated[
        bool, typer.Option("--latency", help="Also from event to trigger, at half the rate reached.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Also memory and time to be ready again with 1 million profiles.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Measure the stream engine on a real Kafka against rivals, on the same work and the same core.

    Fetches Kafka and the rivals the first time. Compares every output with what it must be. Rivals do what the rules r1
    say, with one worker: otherwise they are left out.
    """
    from msgspec.structs import replace

    from infra.bench.streams import Plan, describe, measure_streams

    plan = Plan(
        frame_events=frame_events,
        workers=workers,
        rules=rules,
        latency_s=20 if latency else 0,
        restart_profiles=1_000_000 if restart else 0,
    )
    plan = plan.made_quick() if quick else plan
    is_comparable = rules is RulesProfile.R1 and workers == 1
    plan = plan if rivals and is_comparable else plan.without_rivals()
    plan = replace(plan, events=events) if events else plan
    figures = measure_streams(plan)
    _tell(figures, describe, as_json=as_json)


def _tell(figures: dict[str, Any], describe: Callable[[dict[str, Any]], str], *, as_json: bool) -> None:
    import orjson

    print(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() if as_json else describe(figures))
