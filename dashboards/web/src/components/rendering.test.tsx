/** What the components put into the page, as markup; how it behaves in a browser is tested there. */

import type { ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Alert, Delivery, LiveEvent } from "../client/types";
import type { LeadRow, Outgoing } from "../live/state";
import { AlertStrip } from "./AlertStrip";
import { EventsFeed } from "./EventsFeed";
import { LeadsFeed } from "./LeadsFeed";
import { OutgoingFeed } from "./OutgoingFeed";
import { ScoreWaterfall } from "./ScoreWaterfall";
import { Tiles } from "./Tiles";
import { TopBar } from "./TopBar";

const NOW = 1_800_000_000_000;
const ignore = (): void => {};
const html = (element: ReactElement): string => renderToStaticMarkup(element);

beforeEach(() => {
  vi.setSystemTime(NOW);
});

describe("alerts", () => {
  const alert = (state: Alert["state"], at_ms = NOW): Alert => ({
    id: state,
    rule: "source_silent",
    subject: "shop",
    state,
    since_ms: NOW - 120_000,
    at_ms,
    value: 0,
    expected_low: 1,
    expected_high: 2,
    score: 1,
    summary: "shop is <silent>",
  });

  test("say that all is quiet when nothing is wrong", () => {
    expect(html(<AlertStrip alerts={[]} />)).toContain("All quiet");
  });

  test("that fire are announced", () => {
    const page = html(<AlertStrip alerts={[alert("firing")]} />);
    expect(page).toMatch(/role="alert" data-testid="alert-source_silent" data-state="firing"/);
  });

  test("escape what the summary says", () => {
    expect(html(<AlertStrip alerts={[alert("pending")]} />)).toContain("shop is &lt;silent&gt;");
  });

  test("of a rule that failed say what happened to it", () => {
    const summary = "The rule cart failed (KeyError('sku')) and is off until it is changed or released.";
    const failed = { ...alert("firing"), rule: "rule_failed", subject: "cart", summary };
    const page = html(<AlertStrip alerts={[failed]} />);
    expect(page).toContain(
      "<strong>Rule turned off</strong> The rule cart failed (KeyError(&#x27;sku&#x27;))",
    );
  });

  test("fold when they are many, the firing one first", () => {
    const many = [1, 2, 3, 4].map((n) => ({ ...alert("resolved"), id: `r${n}` }));
    const page = html(<AlertStrip alerts={[...many, alert("firing")]} />);
    expect(page).toMatch(/^<section[^>]*><article class="alert" role="alert".*<summary>2 more alerts/);
  });

  test("that were resolved long ago are gone", () => {
    expect(html(<AlertStrip alerts={[alert("resolved", NOW - 3_600_000)]} />)).toContain("All quiet");
  });
});

describe("events", () => {
  const event: LiveEvent = {
    id: "e1",
    name: "product_added",
    profile: "user:1",
    who: "Ada",
    source: "pixel",
    value: 12.5,
    currency: "USD",
    detail: "Mug",
    event_at_ms: NOW,
  };
  const feed = (events: LiveEvent[], demo = false) =>
    html(<EventsFeed events={events} missed={0} active demo={demo} onLead={ignore} />);

  test("can be found by kind and profile", () => {
    expect(feed([event])).toContain('data-kind="event" data-name="product_added" data-profile="user:1"');
  });

  test("show their value in its currency", () => {
    expect(feed([event])).toContain("$12.50");
  });

  test("that are missing lead to the demo shop when there is one", () => {
    expect([feed([], true).includes("demo shop"), feed([]).includes("pixel on a page")]).toEqual([
      true,
      true,
    ]);
  });
});

describe("leads", () => {
  const lead: LeadRow = {
    id: "user:1",
    who: "Ada",
    email: null,
    score: 41,
    tier: "hot",
    previous_tier: "warm",
    is_mql: false,
    cart: { open: true, value: 20, currency: "EUR", due_ms: NOW + 9000, items: 2 },
    at_ms: NOW,
    crossing: { from: "warm", to: "hot", at_ms: NOW },
  };
  const feed = (row: LeadRow) => html(<LeadsFeed leads={[row]} active onLead={ignore} />);

  test("that just crossed a tier are marked", () => {
    expect(feed(lead)).toContain('data-crossed="hot"');
  });

  test("that crossed a while ago are not", () => {
    expect(feed({ ...lead, crossing: { from: "warm", to: "hot", at_ms: NOW - 60_000 } })).not.toContain(
      "data-crossed",
    );
  });

  test("with an open cart count down to its recovery", () => {
    expect(feed(lead)).toMatch(/€20\.00 · 2 items.*>0:09</);
  });
});

describe("outgoing", () => {
  const delivery: Delivery = {
    id: "d1",
    profile: "user:1",
    campaign: "cart_recovery",
    channel: "email",
    template: "cart",
    recipient: "ada@example.com",
    subject: "Your cart",
    status: "skipped",
    reason: "unsubscribed",
    attempts: 0,
    created_ms: NOW,
    due_ms: NOW,
    finished_ms: NOW,
    trigger_id: "t1",
  };
  const item: Outgoing = { id: "t1", at_ms: NOW, trigger: null, deliveries: [delivery] };
  const page = () => html(<OutgoingFeed items={[item]} active onLead={ignore} onDelivery={ignore} />);

  test("rows carry rule, profile and status", () => {
    expect(page()).toContain('data-rule="cart_recovery" data-profile="user:1" data-status="skipped"');
  });

  test("a message that was held back says why", () => {
    expect(page()).toContain("Unsubscribed");
  });
});

test("a waterfall starts each rule where the one before ended", () => {
  const contributions = [
    { rule: "email_opened", count: 2, points: 10, last_at_ms: NOW, is_fit: false },
    { rule: "demo_requested", count: 1, points: 50, last_at_ms: NOW, is_fit: false },
  ];
  const page = html(<ScoreWaterfall contributions={contributions} score={60} halfLifeDays={30} />);
  expect(page.match(/left:[\d.]+%;width/g)).toEqual(["left:0%;width", `left:${(50 / 63) * 100}%;width`]);
});

test("a waterfall marks what does not fade and takes points off at the end", () => {
  const contributions = [
    { rule: "competitor", count: 0, points: -20, last_at_ms: 0, is_fit: true },
    { rule: "demo_requested", count: 1, points: 50, last_at_ms: NOW, is_fit: false },
  ];
  const page = html(<ScoreWaterfall contributions={contributions} score={30} halfLifeDays={30} />);
  expect(page.match(/left:[\d.]+%;width:[\d.]+%/g)?.[1]).toBe(`left:50%;width:${(20 / 60) * 100}%`);
  expect(page).toMatch(/−20<.*does not fade/);
});

test("the tile of leads shows the highest of the tiers that the rules name", () => {
  const stats = {
    events_per_s: 0,
    events_total: 0,
    revenue: {},
    orders: 0,
    open_carts: {},
    leads: { total: 9, warm: 0, hot: 0, mql: 2, tiers: { curious: 4, very_keen: 3 } },
    deliveries: {},
    window_ms: 1,
    lag_records: 0,
    data_age_ms: null,
  };
  const page = html(<Tiles stats={stats} rates={[]} carts={{}} />);
  expect(page).toMatch(/data-value="3" aria-label="Very keen leads".*4 curious/);
});

test("figures that are not known yet are not shown as zero", () => {
  expect(html(<Tiles stats={null} rates={[]} carts={{}} />)).not.toContain("data-value");
});

test("the demo shop is linked from a demo only", () => {
  const hello = {
    resumed: false,
    workspace: "w",
    server_ms: NOW,
    version: "0",
    mail: "outbox",
    rates: [],
  } as const;
  const freshness = { receivedAt: null, dataAgeMs: 0, skewMs: 0 };
  const bar = (demo: boolean) =>
    html(
      <TopBar
        view="overview"
        hello={{ ...hello, rates: [], demo }}
        connection="open"
        freshness={freshness}
      />,
    );
  expect([bar(true).includes('href="/shop/"'), bar(false).includes("/shop/")]).toEqual([true, false]);
});
