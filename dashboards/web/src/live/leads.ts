/** Leads and open carts as the live messages and the API tell them. Pure. */

import type { Lead, LeadChange } from "../client/types";
import { insertByTime, type LeadRow, LIMITS, type LiveState, type OpenCart } from "./state";

export function onLead(state: LiveState, change: LeadChange, atMs: number): LiveState {
  const before = state.leads.find((row) => row.id === change.id);
  const row: LeadRow = { ...change, at_ms: atMs, crossing: crossingOf(change, before, atMs) };
  return {
    ...state,
    leads: insertByTime(state.leads, row, LIMITS.leads),
    carts: withCart(state.carts, change, atMs),
  };
}

function crossingOf(change: LeadChange, before: LeadRow | undefined, atMs: number): LeadRow["crossing"] {
  if (change.is_mql && before && !before.is_mql) return { from: before.tier, to: "mql", at_ms: atMs };
  const from = change.previous_tier ?? "cold"; // null: a new profile
  if (from !== change.tier) return { from, to: change.tier, at_ms: atMs };
  return before?.crossing ?? null;
}

function withCart(
  carts: Record<string, OpenCart>,
  { id, who, cart }: LeadChange,
  atMs: number,
): Record<string, OpenCart> {
  if (!cart.open) return withoutCart(carts, id);
  if (!(id in carts) && Object.keys(carts).length >= LIMITS.carts) return carts;
  const { value, currency, due_ms } = cart;
  return { ...carts, [id]: { id, who, value, currency, due_ms, at_ms: atMs } };
}

export function withoutCart(carts: Record<string, OpenCart>, id: string): Record<string, OpenCart> {
  if (!(id in carts)) return carts;
  const { [id]: _, ...others } = carts;
  return others;
}

export function withOlderLeads(rows: readonly LeadRow[], leads: readonly Lead[], asOfMs: number): LeadRow[] {
  const known = new Map(leads.map((lead) => [lead.id, lead]));
  const live = rows.map((row) => {
    const lead = known.get(row.id);
    return lead?.is_mql && !row.is_mql && row.at_ms <= asOfMs ? { ...row, is_mql: true } : row;
  });
  const shown = new Set(rows.map((row) => row.id));
  const older = leads.filter((lead) => !shown.has(lead.id)).map(rowOf);
  return [...live, ...older].sort((a, b) => b.at_ms - a.at_ms).slice(0, LIMITS.leads);
}

const ID_SHOWN = 12;

/** What the server's live messages call a lead: name, else e-mail, else the id without its kind, shortened. */
export function whoIs({ id, name, email }: Pick<Lead, "id" | "name" | "email">): string {
  if (name || email) return name || email || "";
  const bare = id.slice(id.indexOf(":") + 1) || id;
  return bare.length <= ID_SHOWN ? bare : `${bare.slice(0, ID_SHOWN)}…`;
}

function rowOf(lead: Lead): LeadRow {
  return {
    id: lead.id,
    who: whoIs(lead),
    email: lead.email,
    score: lead.score,
    tier: lead.tier,
    previous_tier: null,
    is_mql: lead.is_mql,
    cart: { ...lead.cart, items: 0 },
    at_ms: lead.last_seen_ms,
    crossing: null,
  };
}

export const withClosedCart = (row: LeadRow): LeadRow => ({ ...row, cart: { ...row.cart, open: false } });

/** Closes the carts that were due by `asOfMs` and no longer open then: the page may have missed what closed them. */
export const withoutPastCarts = (
  rows: readonly LeadRow[],
  open: Record<string, OpenCart>,
  asOfMs: number,
): LeadRow[] =>
  rows.map((row) => {
    const isPast = row.at_ms <= asOfMs && row.cart.due_ms <= asOfMs && !(row.id in open);
    return row.cart.open && isPast ? withClosedCart(row) : row;
  });

/** The list as the server had it at `asOfMs`, and what came live after that. */
export function cartsAsOf(
  carts: Record<string, OpenCart>,
  leads: readonly Lead[],
  asOfMs: number,
): Record<string, OpenCart> {
  const next: Record<string, OpenCart> = {};
  for (const lead of leads) {
    const { open, value, currency, due_ms } = lead.cart;
    if (open) next[lead.id] = { id: lead.id, who: whoIs(lead), value, currency, due_ms, at_ms: asOfMs };
  }
  for (const cart of Object.values(carts)) {
    if (cart.at_ms > asOfMs) next[cart.id] = cart;
  }
  return next;
}
