"""RuleSet: everything that marketers decide about one workspace's engine, as one versioned value."""

from collections.abc import Mapping

from msgspec import Struct, field

from streams.model.rules.abandonment import AbandonmentRule, ProductRule
from streams.model.rules.identity import IdentityRules
from streams.model.rules.scoring import ScoreModel


class RuleSet(Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a workspace. `pages` maps a path pattern (`*` stands for anything) to the event that a page view
    counts as. Ids are unique among all rules of the set.
    """

    version: int = 0
    scores: tuple[ScoreModel, ...] = ()
    abandonment: tuple[AbandonmentRule, ...] = ()
    products: tuple[ProductRule, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)
    identity: IdentityRules = IdentityRules()
