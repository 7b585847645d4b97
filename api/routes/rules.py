"""Rules: read them, change them while events flow, see what a change would do, and what failed and is off."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response
from msgspec.structs import replace
from pydantic import Field

from api import rule_schemas as schemas
from api import schemas as common
from api.auth import Signed
from api.deps import Deps
from api.errors import ApiError, invalid_field
from api.params import EMPTY_IS_NONE
from api.what_if import compare
from streams.model.errors import RuleError
from streams.model.rules.abandonment_defaults import example_products, example_rules
from streams.model.rules.ruleset import RuleSet
from streams.model.rules.scoring import ScoreModel
from streams.operators.rule_checks import count_rules
from streams.operators.rulebook import MAX_BYTES, check_new_rules, encode_rules, misfit, parse_rules
from streams.store.rule_sets import StoredRules, VersionNote

router = APIRouter(prefix="/api/rules", tags=["rules"])

_MAX_VERSION = 1 << 53
_MAX_LISTED = 200
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": common.ErrorBody, "description": "Somebody else has changed the rules since."}
}
Version = Annotated[int, Field(ge=0, le=_MAX_VERSION)]


class _Proposal(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a what-if: one of the two."""

    rules: msgspec.Raw = msgspec.Raw()
    score: msgspec.Raw = msgspec.Raw()


_decode_proposal = msgspec.json.Decoder(_Proposal).decode
_decode_score = msgspec.json.Decoder(ScoreModel).decode


def _takes(description: str) -> dict[str, Any]:
    """Describe a body that is read as it comes: docs/rules.md has its form, the engine's own decoder its errors."""
    body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    return {"requestBody": body | {"description": description}}


_RULE_SET = _takes("A whole rule set, as docs/rules.md describes it.")
_PROPOSAL = _takes('{"rules": a whole rule set} or {"score": one score, in the place of the one with its id}.')


async def _body(request: Request, most: int = MAX_BYTES) -> bytes:
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > most:
            raise RuleError("rules", f"more than {most} bytes", "Use fewer or shorter rules")
    return bytes(parts)


def _based_on(if_match: str | None) -> int | None:
    """Return the version that an If-Match header names: "3", with or without its quotes. Raises ApiError."""
    if not if_match:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= _MAX_VERSION):
        raise invalid_field("If-Match", 'names no version. Send the one that you have read, e.g. "3".')
    return int(text)


def _note(note: VersionNote) -> dict[str, Any]:
    told = note._asdict()
    del told["workspace"]
    return told


def _rules(stored: StoredRules) -> dict[str, Any]:
    rules: dict[str, Any] = msgspec.json.decode(stored.body)
    return rules


async def _answer(deps: Deps, response: Response, workspace: str, stored: StoredRules) -> schemas.Rules:
    response.headers["ETag"] = f'"{stored.note.version}"'
    is_in_force = await deps.rule_desk.is_in_force(workspace, stored.note.version)
    return schemas.Rules(**_note(stored.note), is_in_force=is_in_force, rules=_rules(stored))


@router.get("")
async def read_rules(deps: Deps, caller: Signed, response: Response) -> schemas.Rules:
    """The newest rules, with their version; version 0 are those of the settings."""
    return await _answer(deps, response, caller.workspace, await deps.rule_desk.current(caller.workspace))


@router.put("", openapi_extra=_RULE_SET, responses=_CONFLICT)
async def write_rules(
    request: Request,
    response: Response,
    deps: Deps,
    caller: Signed,
    if_match: Annotated[str | None, Header(max_length=40, description="The version that the change is of.")] = None,
    comment: Annotated[str, Query(max_length=500, description="Why, for those who read the versions.")] = "",
) -> schemas.Rules:
    """Replace all rules. The change must be of the current version: named by If-Match, else by the set's version."""
    body = await _body(request)
    stored = await deps.rule_desk.put(caller.workspace, body, _based_on(if_match), caller.name, comment)
    return await _answer(deps, response, caller.workspace, stored)


@router.get("/versions")
async def list_versions(
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, Query(ge=1, le=_MAX_LISTED)] = 50,
    before: Annotated[Version | None, EMPTY_IS_NONE, Query(description="next_before of the page before.")] = None,
) -> schemas.VersionList:
    """Who has changed the rules, when and why, newest first."""
    notes = await deps.rule_desk.versions(caller.workspace, limit + 1, before)
    shown = notes[:limit]
    return schemas.VersionList(
        versions=[schemas.VersionNote(**_note(note)) for note in shown],
        next_before=shown[-1].version if len(notes) > limit else None,
    )


@router.get("/versions/{version}")
async def read_version(version: Annotated[Version, Path()], deps: Deps, caller: Signed) -> schemas.Version:
    """The rules as they were in a version; to go back to it, put them with the current version."""
    stored = await deps.rule_desk.version(caller.workspace, version)
    return schemas.Version(**_note(stored.note), rules=_rules(stored))


@router.post("/validate", openapi_extra=_RULE_SET)
async def validate_rules(request: Request, _caller: Signed) -> schemas.RuleCounts:
    """Judge a rule set as a change of the rules would be, and change nothing."""
    return schemas.RuleCounts(**await asyncio.to_thread(_counted, await _body(request)))


@router.post("/what-if", openapi_extra=_PROPOSAL)
async def ask_what_if(
    request: Request,
    deps: Deps,
    caller: Signed,
    limit: Annotated[int, Query(ge=0, le=_MAX_LISTED, description="Leads to list of each score.")] = 50,
) -> schemas.WhatIf:
    """How many leads would change tier or qualification, and who."""
    desk = deps.rule_desk
    current = await desk.current(caller.workspace)
    old = parse_rules(current.body)
    new = await asyncio.to_thread(_proposed, await _body(request, 2 * MAX_BYTES), old)
    if desk.comparing.locked():
        message = "Another comparison is under way. Try again when it is done."
        raise ApiError(HTTPStatus.TOO_MANY_REQUESTS, "busy", message)
    async with desk.comparing:
        earlier = await desk.earlier(caller.workspace, current.note)
        return await compare(deps.view, caller.workspace, old, new, earlier, deps.clock.now_ms(), limit)


@router.get("/quarantined")
async def list_quarantined(deps: Deps, caller: Signed) -> schemas.QuarantineList:
    """Rules that failed while they were applied and are off until they are changed or released."""
    found = await deps.rule_desk.quarantined(caller.workspace)
    return schemas.QuarantineList(rules=[schemas.QuarantinedRule(**off._asdict()) for off in found])


@router.get("/presets")
async def list_presets(_caller: Signed) -> schemas.Presets:
    """Rules to begin with, of the kinds that are not on by default."""
    return schemas.Presets(
        abandonment=[msgspec.to_builtins(rule) for rule in example_rules()],
        products=[msgspec.to_builtins(rule) for rule in example_products()],
    )


@router.post("/{rule_id:path}/release", status_code=HTTPStatus.ACCEPTED)
async def release_rule(rule_id: Annotated[str, Path(max_length=128)], deps: Deps, caller: Signed) -> schemas.Released:
    """Let a rule try again that is in quarantine; all partitions turn it on at this place in their events."""
    await deps.rule_desk.release(caller.workspace, rule_id)
    return schemas.Released(rule=rule_id)


def _counted(body: bytes) -> dict[str, int]:
    rules = check_new_rules(body)
    encode_rules(rules)
    return count_rules(rules)


def _proposed(body: bytes, old: RuleSet) -> RuleSet:
    """Return the rule set that a what-if asks about, compiled once. Raises RuleError."""
    try:
        asked = _decode_proposal(body)
        if bool(asked.rules) == bool(asked.score):
            raise RuleError("body", "one of rules and score is needed", "Send one of the two")
    except msgspec.ValidationError as error:
        raise misfit(error, "body") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise RuleError("body", f"no JSON document: {error}", "Send a JSON object") from None
    if asked.rules:
        return check_new_rules(bytes(asked.rules))
    try:
        score = _decode_score(asked.score)
    except msgspec.ValidationError as error:
        wrong = misfit(error, "")
        raise RuleError(f"score.{wrong.field}".rstrip("."), wrong.problem, wrong.remedy) from None
    if score.id not in {model.id for model in old.scores}:
        raise RuleError("score.id", f"there is no score {score.id[:100]!r}", "Name one of the workspace's scores")
    scores = tuple(score if model.id == score.id else model for model in old.scores)
    return check_new_rules(encode_rules(replace(old, scores=scores)))
