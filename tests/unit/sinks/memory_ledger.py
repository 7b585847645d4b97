"""The ledger in memory: what tests of those who use a ledger give them."""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from sinks.ledger.base import (
    CLAIMABLE,
    COUNTED,
    WITH_OUTCOME,
    Claim,
    DeliveryRow,
    Finish,
    finish_changes,
    normal_address,
    recovery_changes,
)
from streams.model.deliveries import DeliveryStatus

_replace = msgspec.structs.replace


class MemoryLedger:
    """Ledger over a dict. No method awaits, so each is atomic on its loop."""

    def __init__(self) -> None:
        self._rows: dict[str, DeliveryRow] = {}
        self._last_seq = 0
        self._suppressed: dict[tuple[str, str], str] = {}

    async def record(self, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
        added = []
        for row in rows:
            if row.delivery.id not in self._rows:
                self._last_seq += 1
                new = _replace(row, seq=self._last_seq)
                self._rows[row.delivery.id] = new
                added.append(new)
        return added

    async def claim(self, claim: Claim) -> list[DeliveryRow]:
        due = [
            row
            for row in self._rows.values()
            if row.status in CLAIMABLE and row.delivery.channel == claim.channel and row.next_attempt_ms <= claim.now_ms
        ]
        due.sort(key=lambda row: (row.next_attempt_ms, row.seq))
        return [
            self._put(
                _replace(
                    row,
                    status=DeliveryStatus.CLAIMED,
                    attempts=row.attempts + 1,
                    owner=claim.owner,
                    transport=claim.transport,
                    lease_until_ms=claim.lease_until_ms,
                )
            )
            for row in due[: claim.limit]
        ]

    async def finish(self, owner: str, finish: Finish) -> DeliveryRow | None:
        row = self._rows[finish.id]
        if row.status != DeliveryStatus.CLAIMED or row.owner != owner:
            return None
        return self._put(_replace(row, **finish_changes(finish)))

    async def recover(
        self, now_ms: int, owner: str, idempotent: Collection[str], *, sole_owner: bool
    ) -> list[DeliveryRow]:
        changed = []
        for row in list(self._rows.values()):
            if row.status != DeliveryStatus.CLAIMED or row.owner == owner:
                continue
            if not sole_owner and row.lease_until_ms >= now_ms:
                continue
            changes = recovery_changes(now_ms, idempotent=row.transport in idempotent)
            changed.append(self._put(_replace(row, **changes)))
        return changed

    async def unlogged(self, limit: int) -> list[DeliveryRow]:
        return [r for r in self._rows.values() if r.status in WITH_OUTCOME and not r.outcome_logged][:limit]

    async def mark_logged(self, ids: Sequence[str]) -> None:
        for delivery_id in ids:
            self._put(_replace(self._rows[delivery_id], outcome_logged=True))

    async def next_due_ms(self, channel: str) -> int | None:
        return min(
            (r.next_attempt_ms for r in self._rows.values() if r.status in CLAIMABLE and r.delivery.channel == channel),
            default=None,
        )

    async def get(self, workspace: str, delivery_id: str) -> DeliveryRow | None:
        row = self._rows.get(delivery_id)
        return row if row and row.delivery.workspace == workspace else None

    async def list(
        self,
        workspace: str,
        limit: int,
        status: DeliveryStatus | None = None,
        profile: str | None = None,
        before: int | None = None,
    ) -> list[DeliveryRow]:
        rows = [
            row
            for row in reversed(self._rows.values())
            if row.delivery.workspace == workspace
            and (status is None or row.status == status)
            and (profile is None or row.delivery.profile == profile)
            and (before is None or row.seq < before)
        ]
        return rows[:limit]

    async def counts(self, workspace: str) -> dict[str, int]:
        return dict(Counter(r.status.value for r in self._rows.values() if r.delivery.workspace == workspace))

    async def mails_since(self, workspace: str, addresses: Collection[str], since_ms: int) -> dict[str, int]:
        mails = (r.delivery for r in self._rows.values() if r.status in COUNTED and r.delivery.channel == "email")
        return Counter(
            d.recipient
            for d in mails
            if d.workspace == workspace and d.recipient in addresses and d.created_ms > since_ms
        )

    async def prune(self, before_ms: int, limit: int) -> int:
        done = (r for r in self._rows.values() if r.outcome_logged)
        gone = [r.delivery.id for r in done if r.finished_ms is not None and r.finished_ms < before_ms][:limit]
        for delivery_id in gone:
            del self._rows[delivery_id]
        return len(gone)

    async def suppress(self, workspace: str, address: str, reason: str, at_ms: int) -> bool:
        key = (workspace, normal_address(address))
        if key in self._suppressed:
            return False
        self._suppressed[key] = reason
        return True

    async def suppressed(self, workspace: str, addresses: Collection[str]) -> dict[str, str]:
        found = {a: self._suppressed.get((workspace, normal_address(a))) for a in addresses}
        return {address: reason for address, reason in found.items() if reason is not None}

    async def close(self) -> None:
        """Nothing to release."""

    def _put(self, row: DeliveryRow) -> DeliveryRow:
        self._rows[row.delivery.id] = row
        return row
