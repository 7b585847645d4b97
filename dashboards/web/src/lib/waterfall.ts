/** A score as steps: each rule's points stand on those before it. Pure. */

import type { Contribution } from "../client/types";

export interface Step extends Contribution {
  /** Where the step begins and ends on the score's own scale. */
  from: number;
  to: number;
}

/** Largest contribution first. */
export function waterfall(contributions: readonly Contribution[]): Step[] {
  let reached = 0;
  return [...contributions]
    .sort((a, b) => b.points - a.points)
    .map((contribution) => {
      const from = reached;
      reached += contribution.points;
      return { ...contribution, from, to: reached };
    });
}
