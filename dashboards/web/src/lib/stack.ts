/** From sparse series to stacked columns: what the chart of events by name draws. Pure. */

import type { Series } from "../client/types";

export const OTHER = "other";

export interface Stack {
  /** Largest first; what does not fit is summed as "other". */
  groups: { name: string; total: number }[];
  columns: { startMs: number; counts: number[]; total: number }[];
  max: number;
}

export function stackColumns(
  series: readonly Series[],
  window: { startMs: number; stopMs: number; stepMs: number },
  groupLimit: number,
): Stack {
  const { startMs, stopMs, stepMs } = window;
  const length = Math.max(0, Math.round((stopMs - startMs) / stepMs));
  const rows = series
    .map(({ group, points }) => ({ name: group, counts: spread(points, startMs, stepMs, length) }))
    .map((row) => ({ ...row, total: sum(row.counts) }))
    .filter((row) => row.total > 0)
    .sort((a, b) => b.total - a.total || a.name.localeCompare(b.name));

  const shown = rows.slice(0, groupLimit);
  const rest = rows.slice(groupLimit);
  if (rest.length > 0) {
    const counts = Array.from({ length }, (_, i) => sum(rest.map((row) => row.counts[i] ?? 0)));
    shown.push({ name: OTHER, counts, total: sum(counts) });
  }

  const columns = Array.from({ length }, (_, i) => {
    const counts = shown.map((row) => row.counts[i] ?? 0);
    return { startMs: startMs + i * stepMs, counts, total: sum(counts) };
  });
  return {
    groups: shown.map(({ name, total }) => ({ name, total })),
    columns,
    max: Math.max(0, ...columns.map((column) => column.total)),
  };
}

function spread(points: Series["points"], startMs: number, stepMs: number, length: number): number[] {
  const counts = new Array<number>(length).fill(0);
  for (const [bucketMs, count] of points) {
    const index = Math.floor((bucketMs - startMs) / stepMs);
    if (index >= 0 && index < length) counts[index] = (counts[index] ?? 0) + count;
  }
  return counts;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

/** The smallest of 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, … not below `max`: an axis that halves into whole numbers. */
export function niceTop(max: number): number {
  if (max <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 1.2, 1.6, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= max) ?? max;
}
