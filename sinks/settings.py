"""Settings of everything that leaves: plain models. Only infra/settings.py fills them from files and environment."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from streams.log.topics import ALERTS, TRIGGERS, topic

_DAY_MS = 86_400_000

Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]


class SmtpSettings(BaseModel):
    """The mail server. Without a host, mail goes to the local outbox."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field("", description="Mail server's host name; empty keeps all mail in the local outbox.")
    port: int = Field(587, ge=1, le=65_535, description="Mail server's port.")
    security: Literal["none", "starttls", "tls"] = Field(
        "starttls",
        description="starttls (usual on 587), tls (usual on 465) or none (only for a server on this machine).",
    )
    user: str = Field("", description="User name to sign in with; empty sends without signing in.")
    password: SecretStr = Field(SecretStr(""), description="Password to sign in with.")
    from_address: str = Field("CampaignIQ <no-reply@localhost>", description="Sender of all mail, as `Name <address>`.")
    reply_to: str = Field("", description="Where answers go; empty leaves them with the sender's address.")
    timeout_s: Seconds = Field(15, description="Longest time until the mail server wants a message, in seconds.")
    answer_timeout_s: Seconds = Field(
        60, description="Longest wait for the mail server's answer to a whole message, in seconds."
    )
    connections: int = Field(4, ge=1, le=64, description="Connections kept open to the mail server at once.")
    ehlo_name: str = Field("", description="Name this machine gives itself in EHLO; empty takes its host name.")

    @field_validator("from_address", "reply_to")
    @classmethod
    def _has_address(cls, value: str) -> str:
        if value and ("@" not in value or "\n" in value or "\r" in value):
            raise ValueError("is not a mail address. Write it as `Name <name@example.com>`")
        return value


class SenderSettings(BaseModel):
    """How messages are sent, repeated and given up."""

    model_config = ConfigDict(extra="forbid")

    max_age_hours: Seconds = Field(24, description="A message due longer ago than this is skipped, in hours.")
    send_timeout_s: Seconds = Field(
        180,
        description="After this an attempt is cut off, in seconds; longer than the channels' own timeouts together.",
    )
    lease_s: Seconds = Field(
        300, description="After this a dead process's message is recovered, in seconds; longer than send_timeout_s."
    )
    concurrency: int = Field(
        16, ge=1, le=1_000, description="Messages in flight at once on a channel, if the channel takes as many."
    )
    retry_delays_s: tuple[Seconds, ...] = Field(
        (5, 30, 120, 600, 1_800, 7_200, 21_600),
        min_length=1,
        max_length=20,
        description="Waits between attempts in seconds, not falling; after the last one the message has failed.",
    )
    retry_jitter: float = Field(0.2, ge=0, le=1, description="Waits grow by up to this share, so retries spread out.")
    retry_after_max_s: Seconds = Field(3_600, description="Longest wait a receiver may ask for, in seconds.")
    max_mails_per_day: int = Field(
        5,
        ge=0,
        le=1_000,
        description="Campaign mails that one address gets in 24 hours at most, since anybody can make up carts for it; "
        "0 sets no limit. Alerts and notices to the team always go out.",
    )
    keep_days: int = Field(
        180,
        le=36_500,
        description="Age at which finished deliveries and messages of the outbox are deleted, in days; longer than "
        "the log keeps triggers. The suppression list is kept for ever.",
    )

    @field_validator("keep_days")
    @classmethod
    def _outlasts_the_log(cls, value: int) -> int:
        logged = max(topic(name).retention_ms for name in (TRIGGERS, ALERTS)) // _DAY_MS
        if value <= logged:
            raise ValueError(
                f"must be longer than the {logged} days that the log keeps triggers, or one that is read again could "
                f"be sent again. Set it to at least {logged + 1}"
            )
        return value

    @field_validator("retry_delays_s")
    @classmethod
    def _not_falling(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(value):
            raise ValueError("must not fall from one wait to the next. Sort it, e.g. [5, 30, 120]")
        return value

    @model_validator(mode="after")
    def _lease_outlasts_attempt(self) -> "SenderSettings":
        if self.lease_s <= self.send_timeout_s:
            raise ValueError(
                f"lease_s ({self.lease_s:g}) must be longer than send_timeout_s ({self.send_timeout_s:g}), "
                "or a message that is still being sent could be taken for lost. Raise lease_s"
            )
        return self


class MessageSettings(BaseModel):
    """What all messages share."""

    model_config = ConfigDict(extra="forbid")

    brand_name: str = Field("Our shop", max_length=80, description="The shop's name in messages.")
    shop_url: str = Field("", description="The shop's address; where the button leads when a cart has no usable link.")
    link_hosts: tuple[str, ...] = Field(
        (),
        description="Further hosts that links and pictures in mails may lead to (and their subdomains) beside those of "
        "shop_url and public_url, e.g. that of product pictures. A cart's link to any other leads to shop_url instead. "
        "`*` allows every host: then anybody who reads the write key in a page can have the shop's own mail server "
        "send a link of theirs to anybody.",
    )
    postal_address: str = Field(
        "", max_length=200, description="Postal address for the footer, which many laws require."
    )
    track_opens: bool = Field(
        True, description="Put a picture into mails to people that tells when a mail is opened (event `email_opened`)."
    )
    track_clicks: bool = Field(
        True,
        description="Lead the links of mails to people through this server, which tells when one is followed (event "
        "`email_clicked`). Links of the plain-text part and the unsubscribe link stay as they are.",
    )
    link_key: int = Field(
        1,
        ge=1,
        description="Number of the secret that signs tracked links. Raise it by one to sign with a new secret: links "
        "signed with the one before still work, older ones do not.",
    )
    sales_email: str = Field(
        "", description="Who is told of a lead that became marketing qualified; empty tells nobody."
    )
    cart_code: str = Field("COMEBACK10", max_length=40, description="Discount code in the cart recovery mail.")
    cart_percent: int = Field(
        10, ge=0, le=100, description="Percent that the cart recovery code takes off; 0 offers none."
    )
    cart_valid_hours: int = Field(48, ge=1, le=8_760, description="How long the cart recovery code holds, in hours.")
    cart_min_value: float = Field(0, ge=0, description="Carts worth less get no recovery mail, in the cart's currency.")


class AlertRouteSettings(BaseModel):
    """Where alerts are announced, and how webhooks are called."""

    model_config = ConfigDict(extra="forbid")

    webhook_url: str = Field(
        "", description="https address that gets a signed webhook for each alert; empty sends none."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signing secret of the alert webhook (Standard Webhooks: whsec_ and base64)."
    )
    email: str = Field("", description="Mail address that is told of each alert; empty tells nobody.")
    allow_private_targets: bool = Field(
        False, description="Let webhooks reach private and local addresses. Leave off unless the receiver is your own."
    )
    timeout_s: Seconds = Field(10, description="Longest wait for a webhook receiver's answer, in seconds.")
