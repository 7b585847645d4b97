/** The small decisions that components make, apart from their markup. */

import { expect, test } from "vitest";
import { waterfall } from "../lib/waterfall";
import { whoIs } from "../live/leads";
import { windowAt } from "../queries/useEventMetrics";
import { ageState } from "./DataAge";
import { barsPath, chartTop } from "./RateChart";
import { nextDue } from "./Tiles";
import { steady } from "./useSteadyList";

test("data turns late after three seconds and stale after ten", () => {
  expect([null, 0, 2999, 3000, 10_000].map(ageState)).toEqual(["waiting", "fresh", "fresh", "late", "stale"]);
});

test("a held list keeps its rows, keeps them current and counts what waits", () => {
  const held = [
    { id: "a", score: 1 },
    { id: "b", score: 1 },
  ];
  const list = [
    { id: "c", score: 1 },
    { id: "b", score: 2 },
  ];
  expect(steady(list, held)).toEqual({ shown: [held[0], list[1]], waiting: 1 });
});

test("a list that is not held is shown as it is", () => {
  const list = [{ id: "a" }];
  expect(steady(list, null).shown).toBe(list);
});

test("bars stand by their second, the newest at the right", () => {
  const path = barsPath(
    [
      [59_000, 5],
      [60_000, 10],
    ],
    60_000,
    10,
  );
  expect(path).toBe("M118.12 100v-50.0h.76V100zM119.12 100v-100.0h.76V100z");
});

test("bars older than two minutes and empty seconds are not drawn", () => {
  expect(
    barsPath(
      [
        [-70_000, 5],
        [60_000, 0],
      ],
      60_000,
      10,
    ),
  ).toBe("");
});

test("a burst of a few seconds does not flatten the others, and its bars are broken", () => {
  const rates = Array.from({ length: 100 }, (_, i): [number, number] => [i * 1000, i < 2 ? 60 : 4]);
  expect([chartTop(rates), barsPath([[0, 60]], 0, 12)]).toEqual([
    12,
    "M119.12 100v-88.0h.76V100zM119.12 7v-7.0h.76V7z",
  ]);
});

test("a steady rate fills the chart up to its peak", () => {
  expect([
    chartTop([
      [0, 20],
      [1000, 24],
    ]),
    chartTop([]),
  ]).toEqual([24, 5]);
});

test("the next cart is the earliest that is still to come", () => {
  const cart = (id: string, due_ms: number) => ({ id, who: id, value: 1, currency: "USD", due_ms, at_ms: 0 });
  const carts = { past: cart("past", 5), later: cart("later", 30), next: cart("next", 20) };
  expect([nextDue(carts, 10)?.id, nextDue({}, 10)]).toEqual(["next", undefined]);
});

test("a metrics window ends with the step that is still filling", () => {
  const window = windowAt(125_000, { label: "2 min", minutes: 2, step_ms: 60_000 });
  expect(window).toEqual({ startMs: 60_000, stopMs: 180_000, stepMs: 60_000 });
});

test("a waterfall begins with the largest contribution", () => {
  const rule = (name: string, points: number) => ({
    rule: name,
    count: 1,
    points,
    last_at_ms: 0,
    is_fit: false,
  });
  const steps = waterfall([rule("small", 5), rule("large", 20)]);
  expect(steps.map(({ rule, from, to }) => [rule, from, to])).toEqual([
    ["large", 0, 20],
    ["small", 20, 25],
  ]);
});

test("leads are called by name, e-mail, else by their shortened id", () => {
  const lead = { id: "anon:0123456789abcdef", name: null, email: null };
  expect([whoIs(lead), whoIs({ ...lead, email: "a@b.c" }), whoIs({ ...lead, name: "Ada" })]).toEqual([
    "0123456789ab…",
    "a@b.c",
    "Ada",
  ]);
});
