"""The profile view in memory, for tests and as the plain statement of what the SQLite view answers."""

from collections.abc import Mapping, Sequence

from sinks.view.leads import check_half_life, check_page, rank_of, searchable
from streams.model.tiers import HOT_AT, SHOWN_SLACK, WARM_AT
from streams.ports import LeadCounts, LeadPage, LeadRow


class MemoryProfileView:
    """ProfileView over a dict; looks at every row for every answer."""

    def __init__(self, half_life_ms: int) -> None:
        self.half_life_ms = half_life_ms
        self._rows: dict[tuple[str, str], LeadRow] = {}
        self._positions: dict[int, int] = {}

    async def apply(
        self,
        rows: Sequence[LeadRow],
        positions: Mapping[int, int] | None = None,
        removed: Sequence[tuple[str, str]] = (),
    ) -> list[LeadRow | None]:
        for row in rows:
            check_half_life(row, self.half_life_ms)
        replaced = []
        for row in rows:
            place = (row.workspace, row.profile)
            replaced.append(self._rows.get(place))
            self._rows[place] = row
        for place in removed:
            self._rows.pop(place, None)
        self._positions.update(positions or {})
        return replaced

    async def positions(self) -> dict[int, int]:
        return dict(self._positions)

    async def clear(self) -> None:
        self._rows.clear()
        self._positions.clear()

    async def get(self, workspace: str, key: str) -> LeadRow | None:
        found = [r for r in self._of(workspace) if key in (r.profile, r.user_id, r.anonymous_id) or _is_email(r, key)]
        return min(found, key=lambda r: (r.profile != key, -r.last_seen_ms, r.profile), default=None)

    async def page(
        self, workspace: str, limit: int, offset: int, search: str = "", cart_open: bool | None = None
    ) -> LeadPage:
        check_page(limit, offset)
        needle = search.casefold()
        found = [
            r
            for r in self._of(workspace)
            if needle in searchable(r) and (cart_open is None or r.cart_open == cart_open)
        ]
        found.sort(key=lambda r: (-self._rank(r), r.profile))
        return LeadPage(found[offset : offset + limit], len(found))

    async def tier_counts(self, workspace: str, now_ms: int) -> LeadCounts:
        rows = self._of(workspace)
        warm_from, hot_from = (rank_of(at - SHOWN_SLACK, now_ms, self.half_life_ms) for at in (WARM_AT, HOT_AT))
        hot = sum(self._rank(r) >= hot_from for r in rows)
        warm = sum(self._rank(r) >= warm_from for r in rows) - hot
        return LeadCounts(len(rows), warm, hot, sum(r.is_mql for r in rows))

    async def open_carts(self, workspace: str) -> dict[str, tuple[int, float]]:
        carts: dict[str, tuple[int, float]] = {}
        for row in self._of(workspace):
            if row.cart_open:
                count, value = carts.get(row.cart_currency, (0, 0.0))
                carts[row.cart_currency] = count + 1, value + row.cart_value
        return carts

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _of(self, workspace: str) -> list[LeadRow]:
        return [r for r in self._rows.values() if r.workspace == workspace]

    def _rank(self, row: LeadRow) -> float:
        return rank_of(row.score, row.score_at_ms, self.half_life_ms)


def _is_email(row: LeadRow, key: str) -> bool:
    return row.email is not None and row.email == key.lower()
