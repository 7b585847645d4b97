"""`campaigniq erase`: asks the running platform to erase somebody, rewrites archives, and waits for the certificate."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import httpx
import orjson

from infra.data_dir import Bootstrap, read_bootstrap
from infra.erasure.archives import archives_in, rewrite_archives
from streams.model.errors import CampaignIqError
from streams.operators.erasing import Person

_PAUSE_S = 0.5
_TIMEOUT_S = 30.0
_WORKSPACE = "default"


def erase(
    data: Path,
    person: str,
    out: IO[str],
    *,
    archives: Sequence[Path] = (),
    wait_s: float = 0.0,
    suppress: bool = True,
    as_json: bool = False,
) -> int:
    """Return the exit code: 0 when it is done or under way, 1 when it failed or takes longer than was waited for."""
    known = read_bootstrap(data)
    files = archives_in(archives)
    asked = _ask(known, "DELETE", f"/api/profiles/{quote(person, safe='')}", {"suppress": str(suppress).lower()})
    rewritten = {}
    if files:
        rewritten = rewrite_archives(files, Person(_WORKSPACE, asked["ids"]))
    deadline = time.monotonic() + wait_s
    while asked["state"] == "running" and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        asked = _ask(known, "GET", f"/api/erasures/{asked['id']}", {})
    told = asked | ({"archives": {str(path): count for path, count in rewritten.items()}} if files else {})
    print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() if as_json else _in_words(told), file=out)
    return 1 if asked["state"] == "failed" or (wait_s and asked["state"] == "running") else 0


def _ask(known: Bootstrap, method: str, path: str, params: dict[str, str]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {known.api_token}"}
    try:
        answer = httpx.request(method, known.url + path, params=params, headers=headers, timeout=_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise CampaignIqError(f"{known.url} did not answer: {error}. Is `campaigniq up` running?") from error
    if answer.is_error:
        raise CampaignIqError(_reason(answer))
    found: dict[str, Any] = answer.json()
    return found


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the platform answered with {answer.status_code}"


def _in_words(told: dict[str, Any]) -> str:
    lines = [f"erasure {told['id']}: {told['state']}, {told['id_count']} ids"]
    if told["shared_ids"]:
        lines.append(f"  shared with other people, and left: {', '.join(told['shared_ids'])}")
    for step in told["steps"]:
        found = ", ".join(f"{count} {kind}" for kind, count in step["found"].items()) or "nothing found"
        lines.append(f"  {step['name']}: {found}; {step['verified']}")
    lines += [f"  archive {path}: {count} events" for path, count in told.get("archives", {}).items()]
    if told["error"]:
        lines.append(f"  {told['error']}")
    return "\n".join(lines)
