"""`campaigniq dead-letters`: list, show, replay and drop, over the API of the running platform."""

import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from infra.clock import SystemClock
from infra.options import Json, spread
from infra.platform_client import At, Platform
from streams.model.errors import ConfigurationError

app = typer.Typer(help="What could not be used: look at it, mend it, take it in again.", no_args_is_help=True)

PATH = "/api/dead-letters"
_PAGE, _REPLAYED = 200, 1_000
# Of a value to set: more than any message may have, and well below what the ways of writing JSON bear.
_MAX_DEPTH = 100
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_GOOD = {"replayed", "would_replay", "already_replayed"}


class State(StrEnum):
    """What `--state` takes."""

    NEW = "new"
    REPLAYED = "replayed"
    DROPPED = "dropped"
    ANY = "any"


@dataclass(frozen=True)
class Wanted:
    """The options that choose letters."""

    source: Annotated[str, typer.Option(help="Only of this source.")] = ""
    stage: Annotated[str, typer.Option(help="Only what this stage could not use: ingest, engine, …")] = ""
    via: Annotated[str, typer.Option(help="Only what came this way: track, batch, gif, webhook, …")] = ""
    code: Annotated[str, typer.Option(help="Only with this code, e.g. missing_field.")] = ""
    field: Annotated[str, typer.Option(help="Only about this field.")] = ""
    text: Annotated[str, typer.Option(help="Only with this text in the reason.")] = ""
    from_time: Annotated[str, typer.Option("--from", help="Only from this time on: ISO 8601, or 15m, 2h, 3d ago.")] = ""
    to_time: Annotated[str, typer.Option("--to", help="Only before this time.")] = ""

    def filter(self) -> dict[str, Any]:
        """Return what was chosen, as the API takes it. Raises ConfigurationError for a time that is none."""
        told: dict[str, Any] = {name: value for name, value in asdict(self).items() if value}
        for name, option in (("from", "--from"), ("to", "--to")):
            if text := told.pop(f"{name}_time", ""):
                told[f"{name}_ms"] = _time_ms(text, option)
        return told


Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Letters; or choose them by the options.")]
All = Annotated[bool, typer.Option("--all", help="Every new letter, where no option chooses.")]


@app.command("list")
@spread
def list_letters(
    *,
    wanted: Wanted,
    state: Annotated[State, typer.Option(help="Only those that stand so.")] = State.NEW,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="How many.")] = 50,
    after: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    as_json: Json = False,
    at: At,
) -> None:
    """Print letters, the newest first."""
    from infra import letter_texts as texts  # noqa: PLC0415  help should not wait for imports

    asked = wanted.filter() | {"state": "" if state is State.ANY else state.value}
    found = at.platform().get(PATH, limit=limit, after=after, **asked)
    typer.echo(_pretty(found) if as_json else texts.letters(found))


@app.command()
@spread
def show(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, e.g. 0:17.")],
    *,
    as_json: Json = False,
    at: At,
) -> None:
    """Print one letter with its bytes."""
    from infra import letter_texts as texts  # noqa: PLC0415  as above

    found = at.platform().get(f"{PATH}/{_quoted(letter)}")
    typer.echo(_pretty(found) if as_json else texts.letter(found))


@app.command()
@spread
def replay(
    ids: Ids = None,
    *,
    wanted: Wanted,
    every: All = False,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Put a value (JSON, else text) there.")
    ] = None,
    removes: Annotated[
        list[str] | None, typer.Option("--remove", metavar="PATH", help="Take out what is there.")
    ] = None,
    renames: Annotated[
        list[str] | None, typer.Option("--rename", metavar="OLD=NEW", help="Move what is there.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Letters at most, where options choose them.")] = _REPLAYED,
    as_json: Json = False,
    at: At,
) -> None:
    """Take letters in again, mended: renames first, then removals, then values. Exit code 1 when any fails."""
    from infra import letter_texts as texts  # noqa: PLC0415  as above

    fixes = [{"op": "rename", "path": old, "to": new} for old, new in _pairs("--rename", renames)]
    fixes += [{"op": "remove", "path": path} for path in removes or ()]
    fixes += [{"op": "set", "path": path, "value": _value(path, value)} for path, value in _pairs("--set", sets)]
    body = _chosen(ids, wanted.filter(), every=every) | {"fixes": fixes, "dry_run": dry_run}
    verdicts, matched, colour = [], 0, sys.stdout.isatty() and not as_json
    for report in _reports(at.platform(), body, limit):
        verdicts += report["verdicts"]
        matched = matched or report["matched"]
        if not as_json:
            typer.echo("\n".join(texts.verdict(one, colour=colour) for one in report["verdicts"]), nl=bool(verdicts))
    counts = dict(Counter(one["verdict"] for one in verdicts))
    if as_json:
        typer.echo(_pretty({"dry_run": dry_run, "matched": matched, "counts": counts, "verdicts": verdicts}))
    else:
        typer.echo(f"{texts.counts(counts)}; {matched:,} matched{' (dry run)' if dry_run else ''}")
    if not _GOOD.issuperset(counts):
        raise typer.Exit(1)


@app.command()
@spread
def drop(
    ids: Ids = None,
    *,
    wanted: Wanted,
    every: All = False,
    reason: Annotated[str, typer.Option(help="Why, for those who look later.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    as_json: Json = False,
    at: At,
) -> None:
    """Give up letters that are new. They can still be looked at, and replayed by their ids."""
    body = _chosen(ids, wanted.filter(), every=every) | {"dry_run": dry_run, "reason": reason}
    found = at.platform().post(f"{PATH}/drop", body)
    if as_json:
        typer.echo(_pretty(found))
    else:
        typer.echo(f"{found['matched']:,} would be dropped" if dry_run else f"{found['dropped']:,} dropped")


def _reports(platform: Platform, body: dict[str, Any], limit: int) -> Any:
    """Yield one answer after the other until all that is meant was tried."""
    if "ids" in body:
        for start in range(0, len(body["ids"]), _REPLAYED):
            yield platform.post(f"{PATH}/replay", body | {"ids": body["ids"][start : start + _REPLAYED]})
        return
    after: str | None = None
    while limit > 0:
        page = body | {"limit": min(limit, _REPLAYED)} | ({"after": after} if after else {})
        report = platform.post(f"{PATH}/replay", page)
        yield report
        after = report["next_after"]
        limit -= _REPLAYED
        if after is None:
            return


def _chosen(ids: list[str] | None, wanted: dict[str, Any], *, every: bool) -> dict[str, Any]:
    """Return what says which letters are meant. Raises ConfigurationError when nothing or too much does."""
    if bool(ids) + bool(wanted) + every != 1:
        raise ConfigurationError(
            "ID", "one of ids, options that choose, and --all is needed", "`dead-letters list` shows what there is"
        )
    return {"ids": list(dict.fromkeys(ids))} if ids else {"filter": wanted}


def _time_ms(text: str, option: str) -> int:
    if ago := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return SystemClock().now_ms() - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        given = datetime.fromisoformat(text)
        return round((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ConfigurationError(option, f"{text!r} is no time", "Give e.g. 2h or 2026-01-31T12:00:00Z") from None


def _pairs(option: str, given: list[str] | None) -> list[tuple[str, str]]:
    pairs = [one.partition("=") for one in given or ()]
    for left, equal, _ in pairs:
        if not equal:
            raise ConfigurationError(option, f"{left!r} has no =", f"Give {option} name=value")
    return [(left, right) for left, _, right in pairs]


def _value(path: str, text: str) -> Any:
    if not text:
        raise ConfigurationError(
            "--set", f"value of {path!r} is missing", "Give null for none, or '\"\"' for an empty text"
        )
    too_deep = ConfigurationError(
        "--set", f"value of {path!r} is nested more than {_MAX_DEPTH} deep", "Flatten it: no event is taken so deep"
    )
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise too_deep from None
    except ValueError:
        value = text
    if _is_deep(value):
        raise too_deep
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise ConfigurationError(
            "--set", f"value of {path!r} is a number or text that can't be sent", "Give a smaller number or UTF-8"
        ) from None
    return value


def _refuse_constant(name: str) -> Any:
    """NaN and Infinity are no JSON, whatever the library takes."""
    raise ValueError(name)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415  as above

    return quote(text, safe=":")


def _pretty(found: Any) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False)
