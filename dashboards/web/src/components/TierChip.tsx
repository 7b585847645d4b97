/** How warm a lead is, in a word and a colour. */

import type { Tier } from "../client/types";

const NAMES = { cold: "Cold", warm: "Warm", hot: "Hot", mql: "MQL" };

export type Grade = Tier | "mql";

export function TierChip({ tier }: { tier: Grade }) {
  return (
    <span className="chip" data-tier={tier}>
      {NAMES[tier] ?? tier}
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
