"""`campaigniq sources watch`: what a source sends and what becomes of it, line by line, until it is stopped."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from infra.options import spread
from infra.platform_client import At, Platform, PlatformError

_OPEN_S = 10.0
_ELSEWHERE = "what a front door by itself (campaigniq ingest) takes is not shown"


@spread
def watch(
    source: Annotated[str, typer.Argument(metavar="ID", help="The source's id; `campaigniq sources list` has them.")],
    verdict: Annotated[
        str, typer.Option(help="Only these, with commas between: accepted, rejected, refused, declined, …")
    ] = "",
    text: Annotated[str, typer.Option(help="Only what has this text in it anywhere.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Print what came in the last minutes, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    *,
    at: At,
) -> None:
    """Show what a source has sent in the last minutes, then what it sends, and what became of each."""
    from infra import letter_texts as texts  # noqa: PLC0415  help should not wait for imports

    platform, colour = at.platform(), sys.stdout.isatty()
    asked = {name: value for name, value in (("verdict", verdict), ("text", text)) if value}
    try:
        for one in _kept(platform, source, asked) if once else _live(platform, source, asked):
            typer.echo(json.dumps(one, ensure_ascii=False) if as_json else texts.noted(one, colour=colour))
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _kept(platform: Platform, source: str, asked: dict[str, str], limit: int = 1_000) -> Iterator[dict[str, Any]]:
    found = platform.get(f"/api/sources/{quote(source, safe='')}/events", limit=limit, **asked)["events"]
    if not found:
        typer.echo(f"nothing in the last minutes; {_ELSEWHERE}", err=True)
    yield from found


def _live(platform: Platform, source: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what the platform sends. Raises PlatformError when it refuses or goes."""
    from websockets.exceptions import ConnectionClosed, InvalidHandshake  # noqa: PLC0415  as above
    from websockets.sync.client import connect  # noqa: PLC0415  as above

    typer.echo(f"what {source} sends to {platform.url}; {_ELSEWHERE}", err=True)
    address = f"ws{platform.url.removeprefix('http')}/ws/sources/{quote(source, safe='')}?{urlencode(asked)}"
    try:
        with connect(address, additional_headers=platform.headers, open_timeout=_OPEN_S, max_size=None) as socket:
            for message in socket:
                told = json.loads(message)
                if told["kind"] == "message":
                    yield told["data"]
                elif told["kind"] == "gap":
                    typer.echo(f"… {told['data']['missed']:,} more are not shown", err=True)
    except (OSError, TimeoutError, InvalidHandshake) as error:
        if isinstance(error, InvalidHandshake):
            list(_kept(platform, source, asked, 1))  # which says why
        raise PlatformError(f"{platform.url} did not answer: {error}. Is `campaigniq up` running?") from error
    except ConnectionClosed as error:
        reason = error.rcvd.reason if error.rcvd else ""
        raise PlatformError(f"{platform.url} has ended it: {reason or 'it went away'}") from error
    raise PlatformError(f"{platform.url} has ended it")
