import { describe, expect, test } from "vitest";
import type { Delivery, Lead, LeadChange, LiveEvent, LiveMessage, Stats, Trigger } from "../client/types";
import { reduce } from "./reducer";
import { initialState, LIMITS, type LiveState } from "./state";

const event = (id: string): LiveEvent => ({
  id,
  name: "page_viewed",
  profile: "p1",
  who: "Ada",
  source: "pixel",
  value: null,
  currency: null,
  detail: "/",
  event_at_ms: 1,
});

const stats = (events_per_s: number): Stats => ({
  events_per_s,
  events_total: 1,
  revenue: {},
  orders: 0,
  open_carts: {},
  leads: { total: 0, warm: 0, hot: 0, mql: 0 },
  deliveries: {},
  window_ms: 86_000_000,
  lag_records: 0,
  data_age_ms: 0,
});

const lead = (change: Partial<LeadChange> = {}): LeadChange => ({
  id: "p1",
  who: "Ada",
  email: null,
  score: 30,
  tier: "warm",
  previous_tier: "warm",
  is_mql: false,
  cart: { open: false, value: 0, currency: "USD", due_ms: 0, items: 0 },
  ...change,
});

const openCart = { open: true, value: 20, currency: "USD", due_ms: 9000, items: 1 };

const trigger = (rule: string): Trigger => ({
  id: "t1",
  rule,
  profile: "p1",
  who: "Ada",
  fired_ms: 5000,
  due_ms: 5000,
  data: {},
});

const delivery = (status: Delivery["status"], more: Partial<Delivery> = {}): Delivery => ({
  id: "d1",
  profile: "p1",
  campaign: "cart_recovery",
  channel: "email",
  template: "cart",
  recipient: "ada@example.com",
  subject: "Your cart",
  status,
  reason: null,
  attempts: 0,
  created_ms: 5000,
  due_ms: 5000,
  finished_ms: null,
  trigger_id: "t1",
  ...more,
});

const storedLead = (more: Partial<Lead> = {}): Lead => ({
  id: "p1",
  user_id: null,
  anonymous_id: null,
  email: "ada@example.com",
  name: "Ada",
  score: 30,
  tier: "warm",
  is_mql: false,
  events: 3,
  first_seen_ms: 1,
  last_seen_ms: 2,
  cart: { open: true, value: 20, currency: "USD", due_ms: 9000 },
  ...more,
});

type Draft = {
  [K in LiveMessage["kind"]]: [K, Extract<LiveMessage, { kind: K }>["data"]];
}[LiveMessage["kind"]];

/** Feeds messages with growing sequence numbers, one second apart. */
function feed(drafts: Draft[], from: LiveState = initialState): LiveState {
  const first = from.lastSeq + 1;
  const messages = drafts.map(
    ([kind, data], i) => ({ seq: first + i, kind, at_ms: (first + i) * 1000, data }) as LiveMessage,
  );
  return reduce(from, { type: "messages", messages });
}

describe("events", () => {
  test("are newest first", () => {
    const state = feed([
      ["event", event("a")],
      ["event", event("b")],
    ]);
    expect(state.events.map((e) => e.id)).toEqual(["b", "a"]);
  });

  test("stay bounded however many arrive", () => {
    const many = Array.from({ length: 500 }, (_, i): Draft => ["event", event(String(i))]);
    expect(feed(many).events).toHaveLength(LIMITS.events);
  });

  test("that were seen already are ignored", () => {
    const once: LiveMessage = { seq: 7, kind: "event", at_ms: 1, data: event("a") };
    const state = reduce(initialState, { type: "messages", messages: [once, once] });
    expect(state.events).toHaveLength(1);
  });

  test("leave the other lists as they were", () => {
    expect(feed([["event", event("a")]]).leads).toBe(initialState.leads);
  });
});

test("a message of an unknown kind only moves the sequence", () => {
  const strange = { seq: 3, kind: "weather", at_ms: 1, data: {} } as unknown as LiveMessage;
  expect(reduce(initialState, { type: "messages", messages: [strange] })).toEqual({
    ...initialState,
    lastSeq: 3,
  });
});

test("rates continue the history of the hello with one point a second", () => {
  const state = feed([
    [
      "hello",
      {
        resumed: true,
        workspace: "w",
        server_ms: 1,
        version: "0",
        mail: "outbox",
        demo: true,
        rates: [[1000, 4]],
      },
    ],
    ["stats", stats(9)],
  ]);
  expect(state.rates).toEqual([
    [1000, 4],
    [2000, 9],
  ]);
});

test("one second between two stats is filled, a longer silence is not", () => {
  const stat = (seq: number, at_ms: number): LiveMessage => ({ seq, kind: "stats", at_ms, data: stats(6) });
  const messages = [stat(1, 1_900), stat(2, 3_010), stat(3, 9_000)];
  const { rates } = reduce(initialState, { type: "messages", messages });
  expect(rates.map(([at]) => at)).toEqual([1000, 2000, 3000, 9000]);
});

test("a server whose sequence starts anew is followed", () => {
  const before = { ...initialState, lastSeq: 900 };
  const hello = {
    resumed: false,
    workspace: "w",
    server_ms: 1,
    version: "0",
    mail: "smtp",
    demo: false,
    rates: [],
  };
  const state = reduce(before, {
    type: "messages",
    messages: [
      { seq: 1, kind: "hello", at_ms: 1, data: hello } as LiveMessage,
      { seq: 2, kind: "event", at_ms: 1, data: event("a") },
    ],
  });
  expect(state.events).toHaveLength(1);
});

test("missed messages add up", () => {
  const state = feed([
    ["gap", { missed: 3 }],
    ["gap", { missed: 4 }],
  ]);
  expect(state.missed).toBe(7);
});

describe("leads", () => {
  test("appear once, with their latest score", () => {
    const state = feed([
      ["lead", lead({ score: 30 })],
      ["lead", lead({ score: 35 })],
    ]);
    expect(state.leads.map((row) => row.score)).toEqual([35]);
  });

  test("remember the tier they crossed into", () => {
    const state = feed([
      ["lead", lead({ tier: "hot", previous_tier: "warm", score: 41 })],
      ["lead", lead({ tier: "hot", previous_tier: "hot", score: 43 })],
    ]);
    expect(state.leads[0]?.crossing).toMatchObject({ from: "warm", to: "hot" });
  });

  test("become MQL when the rule fires", () => {
    const state = feed([
      ["lead", lead({ tier: "hot", previous_tier: "hot", score: 55 })],
      ["trigger", trigger("lead_mql")],
    ]);
    expect(state.leads[0]).toMatchObject({ is_mql: true, crossing: { from: "hot", to: "mql" } });
  });

  test("become MQL when a message says so", () => {
    const state = feed([
      ["lead", lead({ tier: "hot" })],
      ["lead", lead({ tier: "hot", previous_tier: "hot", is_mql: true })],
    ]);
    expect(state.leads[0]?.crossing).toMatchObject({ from: "hot", to: "mql" });
  });

  test("that are new come from cold", () => {
    const state = feed([["lead", lead({ previous_tier: null, tier: "warm" })]]);
    expect(state.leads[0]?.crossing).toMatchObject({ from: "cold", to: "warm" });
  });

  test("that were loaded go below those that came live later", () => {
    const live = feed([["lead", lead({ id: "p2" })]]);
    const state = reduce(live, { type: "leadsLoaded", leads: [storedLead()], asOfMs: 2 });
    expect(state.leads.map((row) => row.id)).toEqual(["p2", "p1"]);
  });
});

describe("open carts", () => {
  test("are kept by profile until they close", () => {
    const open = feed([["lead", lead({ cart: openCart })]]);
    const closed = feed([["lead", lead()]], open);
    expect([Object.keys(open.carts), Object.keys(closed.carts)]).toEqual([["p1"], []]);
  });

  test("close when their window has fired", () => {
    const state = feed([
      ["lead", lead({ cart: openCart })],
      ["trigger", trigger("cart_abandoned")],
    ]);
    expect([state.carts, state.leads[0]?.cart.open]).toEqual([{}, false]);
  });

  test("follow the loaded list, except for what came live after it", () => {
    const live = feed([
      ["lead", lead({ id: "old", cart: openCart })],
      ["lead", lead({ id: "new", cart: openCart })],
    ]);
    const state = reduce(live, { type: "cartsLoaded", leads: [storedLead()], asOfMs: 1500 });
    expect(Object.keys(state.carts).sort()).toEqual(["new", "p1"]);
  });

  test("close in the feed once they were due and the loaded list has them no more", () => {
    const live = feed([
      ["lead", lead({ id: "past", cart: { ...openCart, due_ms: 1900 } })],
      ["lead", lead({ id: "running", cart: openCart })],
    ]);
    const state = reduce(live, { type: "cartsLoaded", leads: [], asOfMs: 2000 });
    expect(state.leads.map(({ id, cart }) => `${id} ${cart.open}`)).toEqual(["running true", "past false"]);
  });
});

describe("triggers and deliveries", () => {
  test("are joined, whichever comes first", () => {
    const forward = feed([
      ["trigger", trigger("cart_abandoned")],
      ["delivery", delivery("pending")],
    ]);
    const backward = feed([
      ["delivery", delivery("pending")],
      ["trigger", trigger("cart_abandoned")],
    ]);
    expect(backward.outgoing).toEqual(forward.outgoing);
  });

  test("show the latest status of each delivery", () => {
    const state = feed([
      ["delivery", delivery("pending")],
      ["delivery", delivery("sent")],
    ]);
    expect(state.outgoing[0]?.deliveries.map((d) => d.status)).toEqual(["sent"]);
  });

  test("keep their place when a status changes", () => {
    const state = feed([
      ["delivery", delivery("pending")],
      ["delivery", delivery("pending", { id: "d2", trigger_id: "t2", created_ms: 6000 })],
      ["delivery", delivery("sent")],
    ]);
    expect(state.outgoing.map((item) => item.id)).toEqual(["t2", "t1"]);
  });

  test("a loaded delivery does not overwrite what came live", () => {
    const live = feed([["delivery", delivery("sent")]]);
    const state = reduce(live, { type: "deliveriesLoaded", deliveries: [delivery("pending")] });
    expect(state.outgoing[0]?.deliveries[0]?.status).toBe("sent");
  });
});

describe("alerts", () => {
  const alert = (id: string, state: "pending" | "firing" | "resolved", at_ms: number) => ({
    id,
    rule: "source_silent",
    subject: "shop",
    state,
    since_ms: 1,
    at_ms,
    value: 0,
    expected_low: 0,
    expected_high: 0,
    score: 1,
    summary: "Silent",
  });

  test("that fire stand on top", () => {
    const state = feed([
      ["alert", alert("a", "firing", 1)],
      ["alert", alert("b", "resolved", 2)],
    ]);
    expect(state.alerts.map((a) => a.id)).toEqual(["a", "b"]);
  });

  test("are not set back by an older answer of the API", () => {
    const live = feed([["alert", alert("a", "resolved", 9)]]);
    const state = reduce(live, { type: "alertsLoaded", alerts: [alert("a", "firing", 5)] });
    expect(state.alerts[0]?.state).toBe("resolved");
  });
});
