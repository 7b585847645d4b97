"""StatsReader: the slow figures of the live page (totals, leads, carts, deliveries), each read when it may differ."""

import logging
from typing import Any

from api import shapes
from api.deps import Deliveries
from api.totals import RunningTotals, Totals
from streams.model.errors import MetricStoreError
from streams.model.rules.scoring import ScoreModel
from streams.ports import MetricStore, ProfileView

_log = logging.getLogger(__name__)

# Scores decay and the ledger may be written by another process, so nothing stays unread for longer than this.
_STALE_MS = 5_000


class StatsReader:
    """The figures of one workspace. `changed_*` say what to read again."""

    def __init__(self, workspace: str, metrics: MetricStore, view: ProfileView, deliveries: Deliveries) -> None:
        self._workspace = workspace
        self._view = view
        self._deliveries = deliveries
        self.totals = RunningTotals(metrics, workspace)
        self.leads_changed = True
        self.deliveries_changed = True
        self._leads_ms = self._deliveries_ms = 0
        self._figures: dict[str, Any] = {}

    @property
    def figures(self) -> dict[str, Any] | None:
        """What was last read; None before the first `refresh`."""
        return self._figures or None

    async def refresh(self, now_ms: int, model: ScoreModel) -> None:
        """Read what has changed; the tiers are the model's. While the metric store is away its last totals stand."""
        figures = dict(self._figures)
        if self.leads_changed or now_ms - self._leads_ms >= _STALE_MS:
            self.leads_changed, self._leads_ms = False, now_ms
            figures |= await self._read_leads(now_ms, model)
        if self.deliveries_changed or now_ms - self._deliveries_ms >= _STALE_MS:
            self.deliveries_changed, self._deliveries_ms = False, now_ms
            figures["deliveries"] = dict(await self._deliveries.counts(self._workspace))
        try:
            figures |= _total_fields(await self.totals.read(now_ms), now_ms)
        except MetricStoreError as error:
            _log.warning("live totals stand still: %s", error)
            figures = _total_fields(Totals(now_ms, 0, 0, {}), now_ms) | figures
        self._figures = figures

    async def _read_leads(self, now_ms: int, model: ScoreModel) -> dict[str, Any]:
        total, tiers, mql = await self._view.tier_counts(self._workspace, now_ms, model)
        carts = shapes.open_carts(await self._view.open_carts(self._workspace))
        leads = {"total": total, "warm": tiers.get("warm", 0), "hot": tiers.get("hot", 0), "mql": mql, "tiers": tiers}
        return {"leads": leads, "open_carts": {c: cart.model_dump() for c, cart in carts.items()}}


def _total_fields(totals: Totals, now_ms: int) -> dict[str, Any]:
    return {
        "events_total": totals.events,
        "revenue": totals.revenue,
        "orders": totals.orders,
        "window_ms": now_ms - totals.since_ms,
    }
