"""The shapes of answers about rules. Rule sets themselves are as docs/rules.md says, not repeated here."""

from typing import Any

from pydantic import BaseModel, Field


class VersionNote(BaseModel):
    version: int = Field(description="0: the rules of the settings, which nobody has replaced yet.")
    created_ms: int
    author: str = Field(description='The name of the API token, or "browser".')
    comment: str
    is_applied: bool = Field(description="The log has it, so that every partition will adopt it.")


class Rules(VersionNote):
    is_in_force: bool = Field(description="Every partition goes by it.")
    rules: dict[str, Any] = Field(description="The whole rule set, with every field.")


class Version(VersionNote):
    rules: dict[str, Any]


class VersionList(BaseModel):
    versions: list[VersionNote]
    next_before: int | None = Field(description="The `before` of the next page; null on the last.")


class RuleCounts(BaseModel):
    scores: int
    score_rules: int
    fit_rules: int
    abandonment: int
    products: int
    pages: int


class QuarantinedRule(BaseModel):
    rule: str
    since_ms: int
    reason: str
    partitions: list[int] = Field(description="Where it is off; in the others it has not failed yet.")


class QuarantineList(BaseModel):
    rules: list[QuarantinedRule]


class Released(BaseModel):
    rule: str


class Presets(BaseModel):
    abandonment: list[dict[str, Any]]
    products: list[dict[str, Any]]


class Standing(BaseModel):
    points: float
    tier: str
    is_mql: bool


class Mover(BaseModel):
    id: str
    name: str | None
    email: str | None
    before: Standing
    after: Standing


class TierMove(BaseModel):
    before: str
    after: str
    leads: int


class MqlMoves(BaseModel):
    before: int
    after: int
    enter: int
    leave: int


class ScoreChange(BaseModel):
    score: str
    before: dict[str, int] = Field(description="Tier -> how many leads are in it by the present rules.")
    after: dict[str, int] = Field(description="Tier -> how many would be.")
    moves: list[TierMove] = Field(description="From tier to tier, most leads first.")
    mql: MqlMoves
    leads: list[Mover] = Field(description="Who changes tier or qualification, most points first.")
    caveats: list[str] = Field(description="What can't be told from what is kept.")


class WhatIf(BaseModel):
    as_of_ms: int
    version: int = Field(description="The version compared with.")
    examined: int = Field(description="Leads looked at, the best by the present score.")
    total: int
    scores: list[ScoreChange] = Field(description="Scores that differ.")
    caveats: list[str]
