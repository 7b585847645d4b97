"""Event: what somebody did, normalised once at the door. Every other part reads only this form."""

from typing import Any

from msgspec import Struct


class Utm(Struct, frozen=True, array_like=True, gc=False):
    """Campaign tags of a visit (utm_source, utm_medium, utm_campaign, utm_term, utm_content)."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None


class ProfileKeys(Struct, frozen=True, array_like=True, gc=False):
    """Everything an event says about who acted; `email` is lower-cased, `custom` holds (kind, id) pairs."""

    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    phone: str | None = None
    device_id: str | None = None
    custom: tuple[tuple[str, str], ...] = ()

    def canonical(self) -> str | None:
        """Return the profile id these keys stand for: user, else browser, e-mail, phone, device, custom id."""
        if self.user_id:
            return f"user:{self.user_id}"
        if self.anonymous_id:
            return f"anon:{self.anonymous_id}"
        if self.email:
            return f"email:{self.email}"
        if self.phone:
            return f"phone:{self.phone}"
        if self.device_id:
            return f"device:{self.device_id}"
        return next((f"custom:{kind}:{value}" for kind, value in self.custom if value), None)

    @classmethod
    def of(cls, profile: str) -> "ProfileKeys":
        """Return the keys whose canonical profile is this one."""
        kind, _, value = profile.partition(":")
        match kind:
            case "user":
                return cls(user_id=value)
            case "anon":
                return cls(anonymous_id=value)
            case "email":
                return cls(email=value)
            case "phone":
                return cls(phone=value)
            case "device":
                return cls(device_id=value)
        name, _, value = value.partition(":")
        return cls(custom=((name, value),))


class Provenance(Struct, frozen=True, array_like=True, gc=False):
    """How an event came in: what its sender said of time, and what the door found out about the sender.

    `happened_ms` and `sent_ms` are the sender's own words, uncorrected; `sequence` is its own count of messages.
    `flags` are of FLAGS. `address` is the (truncated) network address. `consent` holds the categories consented to,
    None when the sender said nothing about consent. `fault` says what is wrong with an INVALID event.
    """

    happened_ms: int | None = None
    sent_ms: int | None = None
    sequence: int | None = None
    flags: tuple[str, ...] = ()
    consent: tuple[str, ...] | None = None
    address: str = ""
    browser: str = ""
    system: str = ""
    device: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    fault: str = ""


BOT = "bot"
HISTORICAL = "historical"
CLAMPED = "clamped"
SKEWED = "skewed"
INVALID = "invalid"
UNCOUNTED = "uncounted"
FLAGS = (BOT, HISTORICAL, CLAMPED, SKEWED, INVALID, UNCOUNTED)
"""A robot's; imported or old, so that it must not make anything be sent; its time lay in the future and was replaced;
its time was corrected by the sender's skew; it breaks the source's schema, which only warns, or its money or a
time that it can do without can't be read; a robot's that the source wants in no score, window or total."""


class Event(Struct, frozen=True, array_like=True, gc=False):
    """One normalised event.

    `id` is the sender's message id (unique in its workspace), `name` is snake_case, `at_ms` is when it happened
    by the sender's clock and `received_ms` when ingest took it, both in Unix milliseconds.
    """

    id: str
    workspace: str
    source: str
    profile: str
    name: str
    at_ms: int
    received_ms: int
    keys: ProfileKeys
    utm: Utm | None = None
    value: float | None = None
    currency: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    provenance: Provenance | None = None

    def is_flagged(self, flag: str) -> bool:
        """Say whether the door put this flag on it."""
        return self.provenance is not None and flag in self.provenance.flags

    @property
    def campaign(self) -> str:
        """The campaign that brought the visit, or an empty string."""
        return (self.utm.campaign or "") if self.utm else ""
