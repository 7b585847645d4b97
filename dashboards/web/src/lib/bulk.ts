/** Many letters at once: what the answers of several requests come to. Pure. */

import type { LetterAttempt, LetterVerdict, ReplayReport } from "../client/door";

export interface BulkResult {
  dry: boolean;
  /** Fixes that it was done with. */
  of: string;
  matched: number;
  tried: number;
  counts: Partial<Record<LetterVerdict, number>>;
  /** The first of each reason why letters still fail. */
  failures: LetterAttempt[];
  isOver: boolean;
}

const MOST_FAILURES = 5;

export const begun = (dry: boolean, of: string): BulkResult => ({
  dry,
  of,
  matched: 0,
  tried: 0,
  counts: {},
  failures: [],
  isOver: false,
});

/** Each answer tells of a thousand letters at most; `matched` of a replay shrinks as letters stop to match. */
export function withReport(result: BulkResult, report: ReplayReport): BulkResult {
  const counts = { ...result.counts };
  for (const [verdict, letters] of Object.entries(report.counts) as [LetterVerdict, number][]) {
    counts[verdict] = (counts[verdict] ?? 0) + letters;
  }
  const known = new Set(result.failures.map(({ reason }) => reason));
  const failures = [...result.failures];
  for (const attempt of report.verdicts) {
    if (attempt.verdict !== "failed" || known.has(attempt.reason) || failures.length >= MOST_FAILURES)
      continue;
    known.add(attempt.reason);
    failures.push({ ...attempt, events: [] });
  }
  return {
    ...result,
    matched: Math.max(result.matched, report.matched),
    tried: result.tried + report.verdicts.length,
    counts,
    failures,
    isOver: report.next_after === null,
  };
}
