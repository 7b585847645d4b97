/** What the page of sources puts into the page, as markup; how it behaves in a browser is tested there. */

import type { ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeEach, expect, test, vi } from "vitest";
import type { LetterAttempt, ShownEvent } from "../../client/door";
import { ApiError } from "../../client/http";
import { formOf } from "../../lib/policyForm";
import type { NotedEntry } from "../../live/noted";
import { Json } from "../Json";
import { Segmented } from "../Segmented";
import { titleOf } from "../useTitle";
import { bars } from "./Activity";
import { Attempt } from "./Attempt";
import { FixRows } from "./FixRows";
import { JsonEditor } from "./JsonEditor";
import { NotedRow } from "./NotedRow";
import { PolicyFields } from "./PolicyFields";
import { SchemaEditor } from "./SchemaEditor";
import { SchemaVersions } from "./SchemaVersions";

const NOW = 1_800_000_000_000;
const ignore = (): void => {};
const html = (element: ReactElement): string => renderToStaticMarkup(element);

beforeEach(() => {
  vi.setSystemTime(NOW);
});

const EVENT: ShownEvent = {
  id: "e1",
  name: "order_completed",
  profile: "user:<7>",
  source: "web",
  at_ms: NOW,
  received_ms: NOW,
  value: 9.5,
  currency: "EUR",
  campaign: "",
  flags: ["bot"],
  keys: {},
  properties: { note: "<b>" },
  traits: {},
  provenance: {},
};
const ENTRY: NotedEntry = {
  seq: 1,
  at_ms: NOW,
  via: "track",
  verdict: "accepted",
  reason: "",
  times: 1,
  event: EVENT,
  raw: null,
  size: 100,
};

test("a message is escaped, closed and opened", () => {
  const closed = html(<NotedRow entry={ENTRY} open={false} onToggle={ignore} />);
  const open = html(<NotedRow entry={ENTRY} open onToggle={ignore} />);
  expect([closed, open].map((page) => page.includes("<b>") || page.includes("<7>"))).toEqual([false, false]);
  expect(open).toContain('aria-expanded="true"');
});

test("refusals alike say how many they are, a single one does not", () => {
  const refused: NotedEntry = { ...ENTRY, verdict: "refused", event: null, reason: "too many", times: 412 };
  const page = html(<NotedRow entry={refused} open={false} onToggle={ignore} />);
  expect([
    page.includes("412 alike"),
    html(<NotedRow entry={ENTRY} open={false} onToggle={ignore} />),
  ]).toEqual([true, expect.not.stringContaining("alike")]);
});

test("no text is longer than the page can bear", () => {
  const page = html(<Json text={"x".repeat(1_000_000)} label="Body" />);
  expect([page.length < 30_000, page.includes("980K more characters")]).toEqual([true, true]);
});

test("what the API found wrong stands at its field alone", () => {
  const policy = {
    allowed_origins: [],
    rate_per_s: 1,
    burst: 1,
    schemas: "off" as const,
    drop_fields: [],
    hash_fields: [],
    honours_opt_out: true,
    address: "truncate" as const,
    uncounted: "crawlers" as const,
  };
  const error = new ApiError(422, "policy.burst: is not from 1. Give more.", "policy.burst");
  const page = html(<PolicyFields kind="web" form={formOf("n", policy)} error={error} onChange={ignore} />);
  expect(page.match(/data-testid="policy-(\w+)" data-wrong="true"/)?.[1]).toBe("burst");
  expect(page).toMatch(/role="alert">Is not from 1\. Give more\.</);
});

test("an attempt that still fails names the field at fault", () => {
  const attempt: LetterAttempt = {
    id: "0:1",
    verdict: "failed",
    code: "missing_field",
    reason: "userId: nobody",
    field: "userId",
    event_count: 0,
    events: [],
  };
  expect(html(<Attempt attempt={attempt} />)).toMatch(/data-verdict="failed".*<code>userId<\/code>/s);
});

test("an attempt tells of events that found no room in the answer", () => {
  const attempt: LetterAttempt = {
    id: "0:1",
    verdict: "would_replay",
    code: "",
    reason: "",
    field: "",
    event_count: 12,
    events: [EVENT],
  };
  expect(html(<Attempt attempt={attempt} />)).toContain("and 11 more events");
});

test("a fix at fault is marked, the others are not", () => {
  const rows = [
    { key: 1, op: "set" as const, path: "a", to: "1" },
    { key: 2, op: "rename" as const, path: "b", to: "" },
  ];
  const error = new ApiError(422, "fixes.1.to: is empty", "fixes.1.to");
  const page = html(<FixRows rows={rows} error={error} onChange={ignore} />);
  expect([...page.matchAll(/class="fix" data-op="(\w+)" data-wrong="(\w+)"/g)].map((m) => m[2])).toEqual([
    "false",
    "true",
  ]);
});

test("bars stand at their minute and leave out what is older", () => {
  const minute = Math.floor(NOW / 60_000) * 60_000;
  const heights = bars(
    [
      [minute, 5, 0],
      [minute - 59 * 60_000, 2, 0],
      [minute - 60 * 60_000, 9, 0],
    ],
    NOW,
  );
  expect([heights.length, heights[0], heights[59], Math.max(...heights)]).toEqual([60, 2, 5, 5]);
});

test("the tab's title names the view, and alerts before it", () => {
  expect([titleOf("overview", 0), titleOf("letters", 2)]).toEqual([
    "CampaignIQ",
    "● 2 alerts firing · Dead letters · CampaignIQ",
  ]);
});

test("what is wrong with a text stands below it and is named to those who can't see it", () => {
  const editor = (problem: string) =>
    html(<JsonEditor label="Schema" text="{}" help="Help" problem={problem} testId="t" onChange={ignore} />);
  expect([editor("No JSON yet"), editor("")]).toEqual([
    expect.stringMatching(
      /aria-invalid="true" aria-describedby="([^"]+)".*<p id="\1" class="field-error".*No JSON/s,
    ),
    expect.stringContaining('class="field-help"'),
  ]);
});

test("of several choices the one that holds is pressed", () => {
  const choices = ["off", "warn"].map((value) => ({ value, label: value, testId: value }));
  const page = html(<Segmented label="Mode" choices={choices} value="warn" onChange={ignore} />);
  expect(
    [...page.matchAll(/aria-pressed="(\w+)" data-testid="(\w+)"/g)].map((m) => `${m[2]} ${m[1]}`),
  ).toEqual(["off false", "warn true"]);
});

test("a new schema begins with an event's name and an example, and can't be removed", () => {
  const page = html(<SchemaEditor source="web" draft={null} onDone={ignore} />);
  expect([
    page.includes("schema-event"),
    page.includes("&quot;minimum&quot;: 0"),
    page.includes("remove-schema"),
  ]).toEqual([true, true, false]);
});

const NOTE = { event: "a", source: "", version: 3, created_ms: NOW, author: "ada", is_removed: false };

test("no other version is shown while something is typed that would be lost", () => {
  const page = (isTyped: boolean, shown: number) =>
    html(<SchemaVersions note={NOTE} shown={shown} isTyped={isTyped} onPick={ignore} />);
  expect([page(false, 3), page(true, 3), page(false, 2)]).toEqual([
    expect.stringContaining("in force"),
    expect.stringMatching(/<select[^>]* disabled="".*Save or cancel what you have typed/s),
    expect.stringContaining("as the next version"),
  ]);
});
