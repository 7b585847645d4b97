"""Each workspace's rules, answered without waiting: readers judge scores by them for every row they show."""

from streams.model.rules.ruleset import RuleSet
from streams.operators.rulebook import parse_rules
from streams.store.rule_sets import RuleSets


class RuleCache:
    """Knows what was stored at the last `refresh`; workspaces that have written no rules have `default`."""

    def __init__(self, store: RuleSets, default: RuleSet) -> None:
        self._store = store
        self.default = default
        self._known: dict[str, tuple[int, RuleSet]] = {}

    def of(self, workspace: str) -> RuleSet:
        """Return the workspace's newest rules."""
        known = self._known.get(workspace)
        return known[1] if known else self.default

    async def refresh(self) -> None:
        """Load what has changed. Raises RuleError for a stored version that this build can't read."""
        for workspace, version in (await self._store.newest()).items():
            if self._known.get(workspace, (0, None))[0] != version:
                stored = await self._store.get(workspace, version)
                if stored is not None:
                    self._known[workspace] = version, parse_rules(stored.body)
