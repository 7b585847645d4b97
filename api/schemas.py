"""The answers' shapes, as docs/api.md promises them; the domain's values may change without these."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from streams.model.deliveries import DeliveryStatus


class ErrorDetail(BaseModel):
    code: str
    message: str
    field: str | None = None


class ErrorBody(BaseModel):
    error: ErrorDetail


class Cart(BaseModel):
    open: bool
    value: float
    currency: str
    due_ms: int


class CartLine(BaseModel):
    product_id: str
    name: str
    quantity: int
    price: float
    image_url: str
    url: str


class CartDetail(Cart):
    items: list[CartLine]


class Lead(BaseModel):
    id: str
    user_id: str | None
    anonymous_id: str | None
    email: str | None
    name: str | None
    score: float
    tier: str = Field(description='As the rules call it; below the first, "cold".')
    is_mql: bool
    events: int
    first_seen_ms: int
    last_seen_ms: int
    cart: Cart


class Contribution(BaseModel):
    rule: str
    count: int
    points: float
    last_at_ms: int
    is_fit: bool = Field(description="For what the lead is: does not decay, count and last_at_ms are 0.")


class Interaction(BaseModel):
    type: str
    at_ms: int
    source: str
    value: float | None
    detail: str


class Keys(BaseModel):
    user_id: str | None
    anonymous_id: str | None
    email: str | None
    phone: str | None
    device_id: str | None


class TraitSource(BaseModel):
    at_ms: int = Field(description="When it was told.")
    source: str = Field(description="Through which source; empty when that is not known.")


class Group(BaseModel):
    id: str
    name: str = Field(description="Empty when nobody has told it.")


class Window(BaseModel):
    rule: str
    kind: str
    subject: str
    open: bool
    step: int = Field(description="So many steps have fired since the last touch.")
    due_ms: int = Field(description="When the next step fires; 0 when none will.")
    opened_ms: int
    updated_ms: int
    value: float
    currency: str
    items: list[CartLine]


class Score(BaseModel):
    id: str
    name: str
    score: float
    tier: str
    is_mql: bool
    half_life_days: float
    contributions: list[Contribution] = Field(description="Their points sum to the score.")


class LeadDetail(Lead):
    lead_score: float = Field(description="The same as score.")
    traits: dict[str, Any]
    trait_sources: dict[str, TraitSource]
    keys: Keys
    ids: list[str] = Field(description="All ids of the person, the profile's own first.")
    is_shared: bool = Field(description="Too many people use the profile's own id, so it merges nobody.")
    sessions: int
    groups: list[Group] = Field(description="Companies.")
    cart: CartDetail
    windows: list[Window] = Field(description="What was begun and not finished, the next due first.")
    interactions: list[Interaction] = Field(description="Newest first.")
    contributions: list[Contribution]
    scores: list[Score]


class LeadList(BaseModel):
    leads: list[Lead]
    total: int
    as_of_ms: int


class LeadScore(BaseModel):
    id: str
    score: float
    tier: str
    is_mql: bool
    as_of_ms: int
    half_life_days: float
    contributions: list[Contribution] = Field(description="Their points sum to the score.")


class Account(BaseModel):
    id: str
    name: str = Field(description="Empty when nobody has told it.")
    score: float = Field(description="The sum of its members' scores.")
    tier: str
    is_mql: bool
    member_count: int


class AccountList(BaseModel):
    accounts: list[Account]
    total: int
    as_of_ms: int


class Member(BaseModel):
    id: str
    name: str | None
    email: str | None
    points: float


class AccountDetail(Account):
    members: list[Member] = Field(description="The best, as many as were asked for.")
    as_of_ms: int


class Delivery(BaseModel):
    id: str
    profile: str
    campaign: str
    channel: str
    template: str
    recipient: str
    subject: str
    status: DeliveryStatus
    reason: str
    attempts: int
    created_ms: int
    due_ms: int
    finished_ms: int | None
    trigger_id: str


class OutboxMessage(BaseModel):
    subject: str
    from_: Annotated[str, Field(alias="from")]
    to: str
    html: str
    text: str


class DeliveryDetail(Delivery):
    message: OutboxMessage | None = Field(description="The message, when the local outbox has it.")


class DeliveryList(BaseModel):
    deliveries: list[Delivery]
    counts: dict[str, int] = Field(description="Status -> how many, of the whole workspace.")
    next_before: int | None = Field(description="The `before` of the next page; null on the last.")


class MetricSeries(BaseModel):
    group: str
    points: list[tuple[int, int, float]] = Field(description="[bucket_ms, count, value], oldest first.")


class MetricAnswer(BaseModel):
    step_ms: int
    series: list[MetricSeries]


class Visitors(BaseModel):
    group: str
    visitors: int


class UniqueAnswer(BaseModel):
    start_ms: int = Field(description="Start of the first hour that the answer covers.")
    stop_ms: int = Field(description="End of the last hour that the answer covers.")
    standard_error: float = Field(description="Of the numbers, relative.")
    visitors: int = Field(description="Different profiles under all groups together.")
    groups: list[Visitors] = Field(description="Most visitors first; one profile may be in several.")


class Quantile(BaseModel):
    q: float
    value: float


class QuantileAnswer(BaseModel):
    start_ms: int = Field(description="Start of the first hour that the answer covers.")
    stop_ms: int = Field(description="End of the last hour that the answer covers.")
    relative_error: float
    event: str
    currency: str
    count: int
    quantiles: list[Quantile] = Field(description="In the order asked for; empty when there were no values.")


class OpenCarts(BaseModel):
    count: int
    value: float


class Summary(BaseModel):
    events: int
    orders: int
    revenue: dict[str, float]
    open_carts: dict[str, OpenCarts]
    since_ms: int
    as_of_ms: int


class Alert(BaseModel):
    id: str
    rule: str
    subject: str
    state: str
    since_ms: int
    at_ms: int
    value: float
    expected_low: float
    expected_high: float
    score: float
    summary: str


class AlertList(BaseModel):
    alerts: list[Alert]


class Me(BaseModel):
    workspace: str
    via: str = Field(description='"session" for a signed-in browser, "token" for an API token.')
    expires_ms: int | None
    version: str
    mail: str
    demo: bool


class SignInLink(BaseModel):
    url: str
    expires_ms: int


class Health(BaseModel):
    status: str = "ok"


class Intake(BaseModel):
    ready: bool


class Readiness(BaseModel):
    ready: bool
    parts: dict[str, str] = Field(description='Each part: "ready", or what is the matter.')
