import { expect, test } from "vitest";
import { niceTop, stackColumns } from "./stack";

const WINDOW = { startMs: 1000, stopMs: 4000, stepMs: 1000 };

const stackOf = (...points: [atMs: number, events: number, value: number][]) =>
  stackColumns([{ group: "a", points }], WINDOW, 5);

test("sparse points fall into their columns", () => {
  const stack = stackOf([2000, 3, 0], [2400, 1, 0]);
  expect(stack.columns.map((column) => column.total)).toEqual([0, 4, 0]);
});

test("points outside the window are left out", () => {
  expect(stackOf([0, 3, 0], [4000, 1, 0]).groups).toEqual([]);
});

test("groups beyond the limit are summed as other", () => {
  const series = ["a", "b", "c"].map((group, i) => ({
    group,
    points: [[1000, 3 - i, 0]] as [number, number, number][],
  }));
  expect(stackColumns(series, WINDOW, 1).groups).toEqual([
    { name: "a", total: 3 },
    { name: "other", total: 3 },
  ]);
});

test("the axis ends at a round number that halves well", () => {
  expect([0, 3, 7, 11, 45, 100, 117, 950].map(niceTop)).toEqual([4, 4, 8, 12, 60, 100, 120, 1000]);
});
