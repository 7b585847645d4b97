"""Control: a decision of the people who run a workspace, in the log, so that every replay takes it there."""

from enum import IntEnum

from msgspec import Struct


class ControlKind(IntEnum):
    """What a control record asks. The body is what stands in brackets."""

    RULES = 1  # [RuleSet as JSON] the workspace's rules from here on
    RECOMPUTE = 2  # [id of a score] its points up to here will be computed anew and come by a move
    RELEASE = 3  # [id of a rule] a quarantined rule may try again
    ERASE = 4  # [Erase] a person is taken out of all state; `revision` is 0


class Control(Struct, frozen=True, array_like=True):
    """One control record; it goes to every partition. `revision` grows, so that an older one never undoes a newer."""

    kind: ControlKind
    workspace: str
    revision: int
    body: bytes = b""
