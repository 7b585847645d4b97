"""`campaigniq erase`: asks the platform to erase somebody, takes them out of archives, waits for the certificate."""

import json
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.options import spread
from infra.platform_client import At

_PAUSE_S = 0.5
_Archives = Annotated[
    list[Path] | None, typer.Option("--archive", help="Archive, or folder of them, to rewrite; may be repeated.")
]


@spread
def erase(
    person: Annotated[str, typer.Argument(metavar="ID", help="Any id of the person, with or without its kind.")],
    archive: _Archives = None,
    suppress: Annotated[bool, typer.Option(help="Refuse the person's events from now on.")] = True,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done; exit code 1 when it failed.")] = False,
    timeout_s: Annotated[float, typer.Option(help="How long to wait.", min=1)] = 86_400,
    as_json: Annotated[bool, typer.Option("--json", help="Print the certificate as JSON.")] = False,
    *,
    at: At,
) -> None:
    """Erase a person from everything that the platform keeps (docs/erasure.md)."""
    from infra.erasure.archives import archives_in, rewrite_archives  # noqa: PLC0415  help should not wait for it
    from streams.operators.erasing import Person  # noqa: PLC0415  as above

    platform = at.platform()
    files = archives_in(archive or ())
    told = platform.delete(f"/api/profiles/{quote(person, safe='')}", suppress=str(suppress).lower())
    if files:
        # Who was interrupted here repeats it with these: the platform soon knows them no more.
        typer.echo(f"taking out of {len(files)} archives: {' '.join(told['ids'])}", err=True)
        gone = rewrite_archives(files, Person(told["workspace"], told["ids"]))
        archives = {str(path): count for path, count in gone.items()}
    deadline_s = time.monotonic() + timeout_s
    while wait and told["state"] == "running" and time.monotonic() < deadline_s:
        time.sleep(_PAUSE_S)
        told = platform.get(f"/api/erasures/{told['id']}")
    if files:
        told["archives"] = archives
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else in_words(told))
    if told["state"] == "failed" or (wait and told["state"] == "running"):
        raise typer.Exit(1)


def in_words(told: dict[str, Any]) -> str:
    """Return a certificate as people read it."""
    lines = [f"erasure {told['id']}: {told['state']}, {told['id_count']} ids"]
    if told["shared_ids"]:
        lines.append(f"  left, as others use them too: {', '.join(told['shared_ids'])}")
    for step in told["steps"]:
        found = ", ".join(f"{count} {kind}" for kind, count in step["found"].items()) or "nothing found"
        lines.append(f"  {step['name']}: {found}; {step['verified']}")
    lines += [f"  archive {path}: {count} events" for path, count in told.get("archives", {}).items()]
    if told["error"]:
        lines.append(f"  {told['error']}")
    return "\n".join(lines)
