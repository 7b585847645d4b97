"""The guard: may this message go out? Pure; every no has a reason that a marketer understands."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from streams.model.deliveries import Delivery

_HOUR_MS: Final = 3_600_000
_MAX_ADDRESS: Final = 254
# Deliberately plain: what every mail server takes. No quoted local parts, no control characters, no second @.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[\w-]{1,63}\.)*[\w-]{1,63}", re.ASCII)


class GuardLimits(Struct, frozen=True):
    """How late a message may be, and how many campaign mails an address gets in 24 hours (0: any number)."""

    max_age_ms: int
    max_mails_per_day: int = 0


def is_address(text: str) -> bool:
    """Return whether `text` is an e-mail address that can be written to."""
    if len(text) > _MAX_ADDRESS or not _ADDRESS.fullmatch(text):
        return False
    local = text.partition("@")[0]
    return ".." not in local and not local.startswith(".") and not local.endswith(".")


def refusal(
    delivery: Delivery,
    now_ms: int,
    limits: GuardLimits,
    suppressed: str | None = None,
    min_value: float = 0,
    mails_today: int = 0,
) -> str | None:
    """Return why the message must not go out, None when it may.

    `suppressed` is the suppression list's reason for the recipient; `min_value` the campaign's; `mails_today` what the
    recipient got in the last 24 hours.
    """
    age_ms = now_ms - delivery.due_ms
    if problem := _address_problem(delivery):
        return problem
    if suppressed is not None:
        return f"The address is on the suppression list: {suppressed}"
    if age_ms > limits.max_age_ms:
        return f"Too late: it was due {_hours(age_ms)} ago, and messages go out for at most {_hours(limits.max_age_ms)}"
    value = _value(delivery.data)
    if value is not None and value < min_value:
        return f"The value of {value:.2f} is below the campaign's minimum of {min_value:.2f}"
    if 0 < limits.max_mails_per_day <= mails_today:
        most = limits.max_mails_per_day
        return f"This address was sent {mails_today} mails in the last 24 hours, and nobody gets more than {most}"
    return None


def _address_problem(delivery: Delivery) -> str | None:
    recipient = delivery.recipient
    if delivery.channel == "webhook":
        return None if urlsplit(recipient).hostname else "No webhook address is configured"
    if not recipient:
        return "No e-mail address known"
    return None if is_address(recipient) else "The e-mail address is not valid"


def _value(data: dict[str, Any]) -> float | None:
    facts = data.get("facts")
    value = facts.get("value") if isinstance(facts, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _hours(span_ms: int) -> str:
    hours = span_ms / _HOUR_MS
    return f"{hours:.0f} hours" if hours >= 2 else f"{max(1, span_ms // 60_000)} minutes"  # noqa: PLR2004 - reads better
