"""The ledger: what is owed, claimed, done. A status is durable before anything acts on it. It knows no channel."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from streams.model.deliveries import Delivery, DeliveryStatus

CLAIMABLE = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)
WITH_OUTCOME = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.UNCERTAIN)
# What went out, may have, or still will.
COUNTED = (*CLAIMABLE, DeliveryStatus.CLAIMED, DeliveryStatus.SENT, DeliveryStatus.UNCERTAIN)
UNCERTAIN_REASON = (
    "The program stopped while the message was being handed over, so nobody knows whether it went out. "
    "It is not sent again, so that nobody gets it twice."
)


class DeliveryRow(Struct, frozen=True):
    """A delivery and how far it came. `seq` grows with insertion and is the listing's cursor.

    `transport` is the channel implementation that claimed it last; `outcome_logged` is True from the start where no
    outcome event is due.
    """

    delivery: Delivery
    status: DeliveryStatus = DeliveryStatus.PENDING
    subject: str = ""
    reason: str = ""
    attempts: int = 0
    next_attempt_ms: int = 0
    owner: str = ""
    transport: str = ""
    lease_until_ms: int = 0
    finished_ms: int | None = None
    provider_id: str = ""
    outcome_logged: bool = False
    seq: int = 0


class Finish(Struct, frozen=True):
    """What became of a claimed row: a final status, or RETRYING with the time of the next attempt."""

    id: str
    status: DeliveryStatus
    at_ms: int
    reason: str = ""
    provider_id: str = ""
    next_attempt_ms: int = 0


class Claim(Struct, frozen=True):
    """Who takes rows of which channel, for how long, to hand them to which transport."""

    channel: str
    transport: str
    owner: str
    limit: int
    now_ms: int
    lease_until_ms: int


class Ledger(Protocol):
    """A durable queue of deliveries and the suppression list. All writes are durable when they return."""

    async def record(self, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
        """Insert the rows whose delivery id is new, in one transaction, and return those."""
        ...

    async def claim(self, claim: Claim) -> list[DeliveryRow]:
        """Take due rows, oldest due first, for one owner; each comes back claimed with one attempt more."""
        ...

    async def finish(self, owner: str, finish: Finish) -> DeliveryRow | None:
        """Record what became of a row; None (and no change) unless `owner` still holds its claim."""
        ...

    async def recover(
        self, now_ms: int, owner: str, idempotent: Collection[str], *, sole_owner: bool
    ) -> list[DeliveryRow]:
        """Free rows that other owners left claimed past their lease (with `sole_owner`: all of theirs).

        Rows of an idempotent transport become pending again, all others uncertain. Returns the changed rows.
        """
        ...

    async def unlogged(self, limit: int) -> list[DeliveryRow]:
        """Return rows with a final outcome whose outcome event is not yet known to be in the log."""
        ...

    async def mark_logged(self, ids: Sequence[str]) -> None:
        """Note that the outcome events of these deliveries are in the log."""
        ...

    async def next_due_ms(self, channel: str) -> int | None:
        """Return when the channel's next row is due; None when nothing waits."""
        ...

    async def get(self, workspace: str, delivery_id: str) -> DeliveryRow | None: ...

    async def list(
        self,
        workspace: str,
        limit: int,
        status: DeliveryStatus | None = None,
        profile: str | None = None,
        before: int | None = None,
    ) -> list[DeliveryRow]:
        """Return rows with `seq` below `before`, newest first."""
        ...

    async def counts(self, workspace: str) -> dict[str, int]:
        """Return status -> how many rows; statuses without rows are left out."""
        ...

    async def mails_since(self, workspace: str, addresses: Collection[str], since_ms: int) -> Mapping[str, int]:
        """Return address -> how many mails to it were recorded after `since_ms`, but for those that went to nobody."""
        ...

    async def prune(self, before_ms: int, limit: int) -> int:
        """Delete up to `limit` rows that were finished before `before_ms`; return how many. Suppressions stay."""
        ...

    async def suppress(self, workspace: str, address: str, reason: str, at_ms: int) -> bool:
        """Put an address on the suppression list; False when it is there already."""
        ...

    async def suppressed(self, workspace: str, addresses: Collection[str]) -> Mapping[str, str]:
        """Return address -> reason for those of the addresses that are on the suppression list."""
        ...

    async def close(self) -> None: ...


def normal_address(address: str) -> str:
    """Return the form under which an address is suppressed."""
    return address.strip().lower()


async def suppressions(ledger: Ledger, deliveries: Iterable[Delivery]) -> dict[tuple[str, str], str]:
    """Return (workspace, recipient) -> reason for the recipients that are on a suppression list."""
    recipients: dict[str, set[str]] = {}
    for delivery in deliveries:
        recipients.setdefault(delivery.workspace, set()).add(delivery.recipient)
    found = [(w, await ledger.suppressed(w, addresses)) for w, addresses in recipients.items()]
    return {(w, address): reason for w, reasons in found for address, reason in reasons.items()}


def finish_changes(finish: Finish) -> dict[str, Any]:
    """Return the fields that `finish` sets on a claimed row."""
    changes = {
        "status": finish.status,
        "reason": finish.reason,
        "provider_id": finish.provider_id,
        "owner": "",
        "lease_until_ms": 0,
    }
    if finish.status == DeliveryStatus.RETRYING:
        return changes | {"next_attempt_ms": finish.next_attempt_ms}
    if finish.status == DeliveryStatus.SKIPPED:
        return changes | {"finished_ms": finish.at_ms, "outcome_logged": True}
    return changes | {"finished_ms": finish.at_ms}


def recovery_changes(now_ms: int, *, idempotent: bool) -> dict[str, Any]:
    """Return the fields that recovery sets on a row left claimed through a transport of that kind."""
    released = {"owner": "", "lease_until_ms": 0}
    if idempotent:
        return released | {"status": DeliveryStatus.PENDING, "next_attempt_ms": now_ms}
    return released | {"status": DeliveryStatus.UNCERTAIN, "reason": UNCERTAIN_REASON, "finished_ms": now_ms}
