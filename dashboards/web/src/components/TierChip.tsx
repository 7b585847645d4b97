/** How warm a lead is, in a word and a colour. */

import type { Tier } from "../client/types";
import { words } from "../lib/format";

/** A tier, or "mql". */
export type Grade = Tier;

export function TierChip({ tier }: { tier: Grade }) {
  return (
    <span className="chip" data-tier={tier}>
      {tier === "mql" ? "MQL" : words(tier)}
    </span>
  );
}

export function TierStep({ from, to }: { from: Grade; to: Grade }) {
  return (
    <span className="tier-step">
      <TierChip tier={from} />
      <span aria-hidden="true">→</span>
      <span className="visually-hidden">to</span>
      <TierChip tier={to} />
    </span>
  );
}

export const gradeOf = (lead: { tier: Tier; is_mql: boolean }): Grade => (lead.is_mql ? "mql" : lead.tier);
