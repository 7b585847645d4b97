/** A source's policy as a form holds it (without how schemas judge, which stands with the schemas), and what a change of the form asks the API for. Pure. */

import type { Policy } from "../client/door";

/** Lists are one entry a line, numbers are what was typed: the API judges them. */
export interface PolicyForm {
  name: string;
  allowed_origins: string;
  rate_per_s: string;
  burst: string;
  drop_fields: string;
  hash_fields: string;
  honours_opt_out: boolean;
  address: Policy["address"];
  uncounted: Policy["uncounted"];
}

export const formOf = (name: string, policy: Policy): PolicyForm => ({
  name,
  allowed_origins: policy.allowed_origins.join("\n"),
  rate_per_s: String(policy.rate_per_s),
  burst: String(policy.burst),
  drop_fields: policy.drop_fields.join("\n"),
  hash_fields: policy.hash_fields.join("\n"),
  honours_opt_out: policy.honours_opt_out,
  address: policy.address,
  uncounted: policy.uncounted,
});

const LISTS = ["allowed_origins", "drop_fields", "hash_fields"] as const;
const NUMBERS = ["rate_per_s", "burst"] as const;
const CHOICES = ["honours_opt_out", "address", "uncounted"] as const;

export const linesOf = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter(Boolean);

const numberOf = (text: string): number | string => {
  const typed = text.trim();
  return typed !== "" && Number.isFinite(Number(typed)) ? Number(typed) : typed;
};

export interface Change {
  name?: string;
  policy?: Record<string, unknown>;
}

/** What differs, so that a change by somebody else at the same moment stays; null when nothing does. */
export function changeOf(before: PolicyForm, after: PolicyForm): Change | null {
  const policy: Record<string, unknown> = {};
  for (const field of LISTS) {
    if (linesOf(before[field]).join("\n") !== linesOf(after[field]).join("\n"))
      policy[field] = linesOf(after[field]);
  }
  for (const field of NUMBERS) {
    if (numberOf(before[field]) !== numberOf(after[field])) policy[field] = numberOf(after[field]);
  }
  for (const field of CHOICES) {
    if (before[field] !== after[field]) policy[field] = after[field];
  }
  const change: Change = {};
  if (before.name !== after.name) change.name = after.name;
  if (Object.keys(policy).length > 0) change.policy = policy;
  return Object.keys(change).length > 0 ? change : null;
}

export interface PolicyNote {
  label: string;
  /** Whether it is stricter or looser than what a new source has. */
  is_own: boolean;
}

const ADDRESS = { truncate: "Addresses shortened", keep: "Addresses kept", drop: "No addresses" };
const SCHEMAS = { off: "Schemas off", warn: "Schemas warn", block: "Schemas block" };

const some = (list: readonly string[], none: string, one: string, many: string): string =>
  list.length === 0 ? none : list.length === 1 ? one : `${list.length} ${many}`;

/** A policy in a few words. */
export function policyNotes(policy: Policy, kind: string): PolicyNote[] {
  const { allowed_origins: origins, drop_fields: drop, hash_fields: hash } = policy;
  const notes: PolicyNote[] = [];
  if (kind === "web") {
    const label = some(origins, "Any origin", origins[0] ?? "", "origins");
    notes.push({ label, is_own: origins.length > 0 });
  }
  const rate = policy.rate_per_s.toLocaleString("en", { maximumFractionDigits: 3 });
  notes.push({ label: `${rate}/s`, is_own: policy.rate_per_s !== 10000 });
  notes.push({ label: SCHEMAS[policy.schemas], is_own: policy.schemas !== "off" });
  if (drop.length + hash.length > 0) {
    const parts = [drop.length && `${drop.length} dropped`, hash.length && `${hash.length} hashed`];
    notes.push({ label: `Private: ${parts.filter(Boolean).join(", ")}`, is_own: true });
  } else {
    notes.push({ label: "No private fields", is_own: false });
  }
  if (policy.address !== "truncate") notes.push({ label: ADDRESS[policy.address], is_own: true });
  if (!policy.honours_opt_out) notes.push({ label: "Ignores opt-out", is_own: true });
  return notes;
}
