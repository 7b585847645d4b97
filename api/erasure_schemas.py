"""What the API says of erasures and suppressions."""

from pydantic import BaseModel, Field

from streams.store.erasures import Erasure as StoredErasure


class ErasureStep(BaseModel):
    """One line of the certificate."""

    name: str = Field(description="What was gone through: state, deliveries, log, dead letters, view, files, …")
    at_ms: int
    found: dict[str, int] = Field(description="What was found and removed, by kind.")
    verified: str = Field(description="What showed that it is gone.")


class Erasure(BaseModel):
    """An erasure and its certificate. Readable ids stand in it only while it is under way."""

    id: str
    workspace: str
    state: str = Field(description="running, done or failed.")
    ids: list[str] = Field(description="The person's ids, while the erasure is under way; empty once it is done.")
    shared_ids: list[str] = Field(description="Ids that other people use, too, and that therefore stay theirs.")
    id_count: int
    suppresses: bool = Field(description="Whether the person's ids are refused at the door from now on.")
    asked_ms: int
    asked_by: str
    done_ms: int | None
    error: str = Field(description="Why it failed, or what it waits for.")
    steps: list[ErasureStep]


class ErasureList(BaseModel):
    """Erasures, newest first."""

    erasures: list[Erasure]


class Suppression(BaseModel):
    """Ids that are kept out since an erasure."""

    erasure: str
    ids: int


class SuppressionList(BaseModel):
    """All suppressions of the workspace."""

    suppressions: list[Suppression]
    ids: int


def shown(erasure: StoredErasure) -> Erasure:
    """Return an erasure as the API tells it."""
    return Erasure(
        id=erasure.id,
        workspace=erasure.workspace,
        state=erasure.state.value,
        ids=list(erasure.subject.ids),
        shared_ids=list(erasure.subject.shared),
        id_count=erasure.ids,
        suppresses=erasure.suppresses,
        asked_ms=erasure.asked_ms,
        asked_by=erasure.asked_by,
        done_ms=erasure.done_ms,
        error=erasure.error,
        steps=[
            ErasureStep(name=step.name, at_ms=step.at_ms, found=step.found, verified=step.verified)
            for step in erasure.steps
        ],
    )
