/** The REST and WebSocket contract of docs/api.md. Times are Unix milliseconds. */

/** As the workspace's rules call it; "cold" below the first. */
export type Tier = string;
export type Money = Record<string, number>;

export interface Cart {
  open: boolean;
  value: number;
  currency: string;
  due_ms: number;
}

export interface CartItem {
  product_id: string;
  name: string;
  quantity: number;
  price: number;
  image_url: string;
  url: string;
}

export interface Lead {
  id: string;
  user_id: string | null;
  anonymous_id: string | null;
  email: string | null;
  name: string | null;
  score: number;
  tier: Tier;
  is_mql: boolean;
  events: number;
  first_seen_ms: number;
  last_seen_ms: number;
  cart: Cart;
}

export interface Contribution {
  rule: string;
  count: number;
  points: number;
  last_at_ms: number;
  /** Points for what the lead is: they do not fade, and `count` and `last_at_ms` are 0. */
  is_fit: boolean;
}

export interface Score {
  id: string;
  name: string;
  score: number;
  tier: Tier;
  is_mql: boolean;
  half_life_days: number;
  contributions: Contribution[];
}

/** Something begun and not finished. */
export interface ProfileWindow {
  rule: string;
  kind: string;
  subject: string;
  open: boolean;
  step: number;
  due_ms: number;
  opened_ms: number;
  updated_ms: number;
  value: number;
  currency: string;
  items: CartItem[];
}

export interface Interaction {
  type: string;
  at_ms: number;
  source: string;
  value: number | null;
  detail: string;
}

export interface LeadDetail extends Omit<Lead, "cart"> {
  lead_score: number;
  traits: Record<string, unknown>;
  trait_sources: Record<string, { at_ms: number; source: string }>;
  keys: Record<string, string | null>;
  /** All ids of the person, the profile's own first. */
  ids: string[];
  is_shared: boolean;
  sessions: number;
  groups: { id: string; name: string }[];
  cart: Cart & { items: CartItem[] };
  windows: ProfileWindow[];
  interactions: Interaction[];
  contributions: Contribution[];
  scores: Score[];
}

export type DeliveryStatus = "pending" | "claimed" | "retrying" | "sent" | "failed" | "skipped" | "uncertain";

export interface Delivery {
  id: string;
  profile: string;
  campaign: string;
  channel: string;
  template: string;
  recipient: string;
  subject: string;
  status: DeliveryStatus;
  reason: string | null;
  attempts: number;
  created_ms: number;
  due_ms: number;
  finished_ms: number | null;
  trigger_id: string;
}

export interface OutboxMessage {
  subject: string;
  from: string;
  to: string;
  html: string;
  text: string;
}

export type DeliveryDetail = Delivery & { message?: OutboxMessage | null };

export type AlertState = "pending" | "firing" | "resolved";

export interface Alert {
  id: string;
  rule: string;
  subject: string;
  state: AlertState;
  since_ms: number;
  at_ms: number;
  value: number;
  expected_low: number;
  expected_high: number;
  score: number;
  summary: string;
}

export interface Series {
  group: string;
  points: [bucketMs: number, count: number, value: number][];
}

export type RatePoint = [secondMs: number, events: number];

export interface Hello {
  resumed: boolean;
  workspace: string;
  server_ms: number;
  version: string;
  mail: "outbox" | "smtp";
  demo: boolean;
  rates: RatePoint[];
}

/** `tiers` are those above cold, lowest first; `warm` and `hot` are the tiers of these names. */
export interface LeadCounts {
  total: number;
  warm: number;
  hot: number;
  mql: number;
  tiers?: Record<Tier, number>;
}

export interface Stats {
  events_per_s: number;
  events_total: number;
  revenue: Money;
  orders: number;
  open_carts: Record<string, { count: number; value: number }>;
  leads: LeadCounts;
  deliveries: Partial<Record<DeliveryStatus, number>>;
  /** Time that `events_total`, `revenue` and `orders` are about. */
  window_ms: number;
  lag_records: number;
  /** Null before the first record was seen. */
  data_age_ms: number | null;
}

export interface LiveEvent {
  id: string;
  name: string;
  profile: string;
  who: string;
  source: string;
  value: number | null;
  currency: string | null;
  detail: string;
  event_at_ms: number;
}

export interface LeadChange {
  id: string;
  who: string;
  email: string | null;
  score: number;
  tier: Tier;
  previous_tier: Tier | null;
  is_mql: boolean;
  cart: Cart & { items: number };
}

export interface Trigger {
  id: string;
  rule: string;
  profile: string;
  who: string;
  fired_ms: number;
  due_ms: number;
  data: Record<string, unknown>;
}

interface Payloads {
  hello: Hello;
  stats: Stats;
  event: LiveEvent;
  lead: LeadChange;
  trigger: Trigger;
  delivery: Delivery;
  alert: Alert;
  gap: { missed: number };
}

export type Kind = keyof Payloads;
export type LiveMessage = { [K in Kind]: { seq: number; kind: K; at_ms: number; data: Payloads[K] } }[Kind];
