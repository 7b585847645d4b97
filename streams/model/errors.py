"""The error tree of the engine.

CampaignIqError
  - FrameError          bytes that are not a frame this version reads
  - LogClosedError      the event log was closed while it was in use
  - LogFullError        the log can't take more now; has `retry_after_s`
  - LogUnavailableError the log did not answer in time; what was under way may or may not have happened
  - GroupInUseError     a group's place can't be moved while the group has members
  - FencedError         another process has taken over the partition; this one must stop writing to it
  - LocalCopyError      the local copy of the state can't be read or written; starting again mends damage
  - LostFramesError     frames were not delivered that the log has; starting over delivers them
  - UnknownTopicError   a topic that the installation does not have
  - MetricStoreError    the metric store is away or refuses; trying again later may help
      - MetricRefusedError  it refuses some of these totals for good; the others are stored
  - RuleError           a marketer's rule can't be used; names the field, the problem and the remedy
  - RuleFailedError     a rule raised while it was applied
  - SourceError         a source, its policy or a schema can't be used so; names the field, the problem and the remedy
      - SourceConflictError  not in the state that it is in, e.g. a third key
      - UnknownThingError    there is no such source or schema
  - FixError            a change that dead letters are to be mended by fits none; names the field
  - ConfigurationError  a setting is missing or wrong; names the setting and the remedy
"""


class CampaignIqError(Exception):
    """Root of every error this project raises on purpose."""


class FrameError(CampaignIqError):
    """Bytes that are not a frame this version reads."""


class LogClosedError(CampaignIqError):
    """The event log was closed while it was in use."""


class LogFullError(CampaignIqError):
    """The log can't take more now; try again after `retry_after_s`."""

    def __init__(self, reason: str, retry_after_s: float) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class LogUnavailableError(CampaignIqError):
    """The log did not answer in time; what was under way may or may not have happened."""


class GroupInUseError(CampaignIqError):
    """A group's place can't be moved while it has members; one that died is missed after some seconds."""


class FencedError(CampaignIqError):
    """Another process has taken over the partition; this one must stop writing to it."""


class LocalCopyError(CampaignIqError):
    """The local copy of the state can't be read or written; starting again mends damage, space must be made."""


class LostFramesError(CampaignIqError):
    """Frames were not delivered that the log has; starting over from what is committed delivers them."""


class UnknownTopicError(CampaignIqError):
    """A topic that the installation does not have."""


class MetricStoreError(CampaignIqError):
    """The metric store is away, or refuses until somebody mends it; trying again later may help."""


class MetricRefusedError(MetricStoreError):
    """The metric store refuses some of the totals for good, e.g. since a tag has too many values; others are stored."""


class ConfigurationError(CampaignIqError):
    """A setting is missing or wrong."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}. {remedy}")
        self.setting = setting


class RuleError(CampaignIqError):
    """A marketer's rule can't be used; `field` is its path in the rule set, e.g. `scores[0].rules[3].event`."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field
        self.problem = problem
        self.remedy = remedy


class NotPartError(CampaignIqError):
    """An id that is to be taken out of a profile is no part of it, and it can't remember to keep it out, either."""

    def __init__(self, name: str, profile: str) -> None:
        super().__init__(
            f"{name} is not part of {profile} (yet), which keeps as many others out as it can; send it again later"
        )


class SharedIdError(CampaignIqError):
    """Several leads have told an id that is none's own, so it does not say which of them is meant."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Several leads have told the id {key[:200]!r}, and it is none's own")


class RuleFailedError(CampaignIqError):
    """A rule raised while it was applied; the cause is the original."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"the rule {rule} failed")
        self.rule = rule


class SourceError(CampaignIqError):
    """A source, its policy or a schema can't be used as it is given; `field` names what of it."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field


class SourceConflictError(SourceError):
    """What is asked is sound but not possible in the state that the source is in."""


class UnknownThingError(SourceError):
    """There is no such source or schema."""


class FixError(CampaignIqError):
    """A change that dead letters are to be mended by fits none; `field` says which part of it is wrong."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}")
        self.field = field
