"""The profile view in memory: the plain statement of what the SQLite view answers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from sinks.view.leads import (
    MAX_HOPS,
    aliases_of,
    bare,
    check_page,
    normal,
    own_as,
    searchable,
    searchable_account,
    told_as,
)
from sinks.view.ranks import Order, least_rank, order_of, rank_of
from streams.model.errors import SharedIdError
from streams.model.rules.scoring import ScoreModel
from streams.model.tiers import SHOWN_SLACK
from streams.ports import AccountPage, AccountRow, LeadCounts, LeadPage, LeadRow


class PlainProfileView:
    """ProfileView over dicts; looks at every row for every answer."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], LeadRow] = {}
        self._accounts: dict[tuple[str, str], AccountRow] = {}
        self._redirects: dict[tuple[str, str], str] = {}
        self._positions: dict[int, int] = {}

    async def apply(
        self,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int] | None = None,
        removed: Sequence[tuple[str, str]] = (),
        redirects: Sequence[tuple[str, str, str]] = (),
        accounts: Sequence[AccountRow] = (),
    ) -> list[LeadRow | None]:
        replaced = []
        for row in rows:
            place = (row.workspace, row.profile)
            replaced.append(self._rows.get(place))
            self._rows[place] = row
            self._redirects.pop(place, None)
        for workspace, name, profile in redirects:
            self._rows.pop((workspace, name), None)
            self._redirects[workspace, name] = profile
        for place in removed:
            for known in (self._rows, self._redirects, self._accounts):
                known.pop(place, None)
        self._accounts |= {(row.workspace, row.id): row for row in accounts}
        self._positions.update(positions or {})
        return replaced

    async def positions(self) -> dict[int, int]:
        return dict(self._positions)

    async def clear(self) -> None:
        for known in (self._rows, self._redirects, self._accounts):
            known.clear()
        self._positions.clear()

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        named = normal(key)
        for _ in range(MAX_HOPS):
            named = self._redirects.get((workspace, named), named)
        own = [r for r in self._of(workspace) if r.profile == named or _is_own(r, key)]
        if own:
            return min(own, key=lambda r: (r.profile != named, -r.last_seen_ms, r.profile))
        told = [r for r in self._of(workspace) if _has_told(r, key)]
        if len(told) > 1:
            raise SharedIdError(key)
        return told[0] if told else None

    async def get_many(self, workspace: str, profiles: Sequence[str]) -> dict[str, LeadRow]:
        wanted = set(profiles)
        return {r.profile: r for r in self._of(workspace) if r.profile in wanted}

    async def page(
        self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        check_page(limit, offset)
        needle = search.casefold()
        found = [
            r
            for r in self._of(workspace)
            if needle in searchable(r) and (cart_open is None or r.cart_open == cart_open)
        ]
        found.sort(key=lambda r: _order(r, r.profile, now_ms))
        return LeadPage(found[offset : offset + limit], len(found))

    async def tier_counts(self, workspace: str, now_ms: int, model: ScoreModel) -> LeadCounts:
        rows = self._of(workspace)
        reached = [
            sum(_rank(r) >= least_rank(tier.at - SHOWN_SLACK, r.half_life_ms, r.fit, now_ms) for r in rows)
            for tier in model.tiers
        ]
        counts = [lower - higher for lower, higher in pairwise((*reached, 0))]
        tiers = {tier.name: count for tier, count in zip(model.tiers, counts, strict=True)}
        return LeadCounts(len(rows), tiers, sum(r.is_mql for r in rows) if model.mql_at else 0)

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        carts: dict[str, tuple[int, float]] = {}
        for row in self._of(workspace):
            if row.cart_open:
                count, value = carts.get(row.cart_currency, (0, 0.0))
                carts[row.cart_currency] = count + 1, value + row.cart_value
        return carts

    async def account(self, workspace: str, account: str) -> AccountRow | None:
        return self._accounts.get((workspace, account))

    async def accounts(self, workspace: str, now_ms: int, limit: int, offset: int, search: str = "") -> AccountPage:
        check_page(limit, offset)
        needle = search.casefold()
        found = [r for r in self._accounts.values() if r.workspace == workspace and needle in searchable_account(r)]
        found.sort(key=lambda r: _order(r, r.id, now_ms))
        return AccountPage(found[offset : offset + limit], len(found))

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _of(self, workspace: str) -> list[LeadRow]:
        return [r for r in self._rows.values() if r.workspace == workspace]


def _rank(row: LeadRow | AccountRow) -> tuple[int, float]:
    return rank_of(row.score, row.score_at_ms, row.half_life_ms)


def _order(row: LeadRow | AccountRow, name: str, now_ms: int) -> Order:
    return order_of(_rank(row), row.half_life_ms, row.fit, now_ms, name)


def _has_told(row: LeadRow, key: str) -> bool:
    told = zip((row.user_id, row.anonymous_id, row.email), told_as(key), strict=True)
    return any(mine == value for mine, value in told)


def _is_own(row: LeadRow, key: str) -> bool:
    if row.profile in own_as(key):
        return True
    named, email = normal(key), f"email:{key.lower()}"
    return any(name in (named, email) or bare(name) == key for name in aliases_of(row))
