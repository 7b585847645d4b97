import { expect, test } from "vitest";
import { ago, countdown, dataAge, delay, span } from "./time";

const MIN = 60_000;

test("ages are told in their largest unit", () => {
  const ages = [500, 12_000, 3 * MIN, 2 * 60 * MIN, 5 * 24 * 60 * MIN].map((age) => ago(0, age));
  expect(ages).toEqual(["now", "12 s ago", "3 min ago", "2 h ago", "5 d ago"]);
});

test("times ahead of the clock count as now", () => {
  expect([ago(9000, 0), span(-5), delay(-5)]).toEqual(["now", "0 s", "0 ms"]);
});

test("a countdown rounds up and ends at due", () => {
  const left = [1, 9000, 61_000, 3 * 60 * MIN + 5 * MIN, 0, -1].map((ms) => countdown(ms, 0));
  expect(left).toEqual(["0:01", "0:09", "1:01", "3 h 05 min", "due", "due"]);
});

test("the age of data is precise while it is fresh", () => {
  expect([dataAge(440), dataAge(9940), dataAge(12_000), dataAge(3 * MIN)]).toEqual([
    "0.4 s",
    "9.9 s",
    "12 s",
    "3 min",
  ]);
});

test("short delays are told in milliseconds", () => {
  expect([delay(41.6), delay(1240)]).toEqual(["42 ms", "1.2 s"]);
});
