"""The shapes of dead letters and of what sources send, as docs/dead-letters.md and docs/debugger.md promise them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from streams.model.letters import MAX_FIXES, LetterState, LetterVerdict

MAX_IDS = 1_000
NO_NUL = r"^[^\x00]*$"
"""No reason holds the character, and for SQLite the text would end there: an empty one is in all of them."""


class ShownEvent(BaseModel):
    """An event as the source's policy has left it."""

    id: str
    name: str
    profile: str
    source: str
    at_ms: int
    received_ms: int
    value: float | None
    currency: str | None
    campaign: str
    flags: list[str] = Field(description="Of bot, historical, clamped, skewed, invalid, uncounted.")
    keys: dict[str, str] = Field(description="Who acted, by the kind of id.")
    properties: dict[str, Any]
    traits: dict[str, Any]
    provenance: dict[str, Any] = Field(description="What the door knows of its sender; what is empty is left out.")


class Letter(BaseModel):
    id: str
    source: str = Field(description="A source's id; of what the platform itself could not use, where it stood.")
    stage: str = Field(description="Who could not use it: ingest, engine, view, metrics, …")
    via: str = Field(description="By which call it came: track, …, batch, import, gif, webhook; empty when not known.")
    code: str
    reason: str = Field(description="Why, as of the last attempt without fixes.")
    field: str
    at_ms: int
    size_bytes: int
    state: LetterState
    state_ms: int | None = Field(description="When it was replayed or dropped.")
    state_by: str = Field(description="Name of the API token, or browser.")
    outcome: str
    attempts: int = Field(description="How many attempts to replay it have failed.")


class LetterDetail(Letter):
    raw: str = Field(description="Its bytes: as text when they are UTF-8, else in base64.")
    encoding: Literal["utf-8", "base64"]
    is_cut: bool = Field(description="There is more than is shown.")
    head: dict[str, Any] = Field(description="What its way in needs to know beside the bytes.")


class LetterList(BaseModel):
    letters: list[Letter] = Field(description="The newest first.")
    total: int = Field(description="How many match in all.")
    next_after: str | None = Field(description="The `after` of the next page; null on the last.")


class LetterGroup(BaseModel):
    source: str
    stage: str
    via: str
    code: str
    state: LetterState
    letters: int
    first_ms: int
    last_ms: int


class LetterSummary(BaseModel):
    groups: list[LetterGroup] = Field(description="The most frequent first.")
    states: dict[LetterState, int]


class Filter(BaseModel):
    """Which letters are meant; what is left out asks for nothing."""

    model_config = ConfigDict(extra="forbid")

    source: Annotated[str, Field(max_length=512)] = ""
    stage: Annotated[str, Field(max_length=512)] = ""
    via: Annotated[str, Field(max_length=512)] = ""
    code: Annotated[str, Field(max_length=512)] = ""
    field: Annotated[str, Field(max_length=512)] = ""
    text: Annotated[str, Field(max_length=200, pattern=NO_NUL, description="Looked for in the reason.")] = ""
    state: Annotated[LetterState | None, Field(description="Without it, those that are new.")] = None
    from_ms: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None
    to_ms: Annotated[int | None, Field(ge=0, lt=1 << 53)] = None


class FixBody(BaseModel):
    """`set` puts `value` at `path` ("" is the whole document), `remove` takes out what is there, `rename` moves it."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["set", "remove", "rename"]
    path: Annotated[str, Field(max_length=500, description='"a.b.0.c", or a JSON pointer: "/a/b/0/c".')]
    value: Annotated[Any, Field(description="Of `set`, which needs it; null is a value, too.")] = None
    to: Annotated[str, Field(max_length=500, description="Of `rename`: the new path.")] = ""

    @model_validator(mode="after")
    def _require_value(self) -> Self:
        if self.op == "set" and "value" not in self.model_fields_set:
            raise ValueError("value is missing: `set` needs what to put there, which may be null")
        return self


class Chosen(BaseModel):
    """One of `ids` and `filter`."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=MAX_IDS)] = []
    filter: Filter | None = None
    dry_run: bool = False


class ReplayBody(Chosen):
    fixes: Annotated[list[FixBody], Field(max_length=MAX_FIXES)] = []
    limit: Annotated[int, Field(ge=1, le=MAX_IDS, description="Letters of the filter to take at once.")] = MAX_IDS
    after: Annotated[str | None, Field(max_length=80, description="next_after of the answer before.")] = None


class DropBody(Chosen):
    reason: Annotated[str, Field(max_length=500)] = ""


class Verdict(BaseModel):
    id: str
    verdict: LetterVerdict
    code: str
    reason: str
    field: str
    event_count: int
    events: list[ShownEvent] = Field(description="The first of them, while there is room in the answer.")


class ReplayReport(BaseModel):
    dry_run: bool
    matched: int = Field(description="How many letters are meant in all, in this answer or not.")
    verdicts: list[Verdict]
    counts: dict[LetterVerdict, int]
    next_after: str | None = Field(description="The `after` that goes on with the filter; null when all were tried.")


class DropReport(BaseModel):
    dry_run: bool
    matched: int = Field(description="How many of those meant are new.")
    dropped: int


class NotedMessage(BaseModel):
    """What became of one message, or of a request of which nothing was read."""

    seq: int
    at_ms: int
    via: str
    verdict: str = Field(description="accepted, rejected, declined, suppressed, refused or ignored.")
    reason: str
    times: int = Field(description="How many requests were refused alike within five seconds.")
    event: ShownEvent | None
    raw: str | None = Field(description="The beginning of what could not be used, as text.")


class NotedList(BaseModel):
    events: list[NotedMessage] = Field(description="The oldest first.")
    last_seq: int = Field(description="The `after` that asks for what comes later.")
