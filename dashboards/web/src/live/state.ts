/** What the live page knows. Lists are bounded and newest first. */

import type {
  Alert,
  Delivery,
  Hello,
  LeadChange,
  LiveEvent,
  RatePoint,
  Stats,
  Tier,
  Trigger,
} from "../client/types";

export const LIMITS = { events: 60, leads: 40, outgoing: 40, carts: 500, alerts: 50, rates: 120 };

export interface LeadRow extends LeadChange {
  at_ms: number;
  /** The latest step between tiers this page has seen, until the next one; "mql" counts as one. */
  crossing: { from: Tier; to: Tier; at_ms: number } | null;
}

/** What left, or is to leave, because of one trigger. */
export interface Outgoing {
  id: string;
  at_ms: number;
  trigger: Trigger | null;
  deliveries: Delivery[];
}

export interface OpenCart {
  id: string;
  who: string;
  value: number;
  currency: string;
  due_ms: number;
  at_ms: number;
}

export interface LiveState {
  hello: Hello | null;
  stats: Stats | null;
  rates: RatePoint[];
  events: LiveEvent[];
  leads: LeadRow[];
  outgoing: Outgoing[];
  carts: Record<string, OpenCart>;
  alerts: Alert[];
  /** Messages lost because this page was too slow, since it was opened. */
  missed: number;
  lastSeq: number;
}

export const initialState: LiveState = {
  hello: null,
  stats: null,
  rates: [],
  events: [],
  leads: [],
  outgoing: [],
  carts: {},
  alerts: [],
  missed: 0,
  lastSeq: 0,
};

/** Puts `item` on top of a bounded list, replacing what has the same id. */
export function prepend<T extends { id: string }>(list: readonly T[], item: T, limit: number): T[] {
  return [item, ...list.filter((other) => other.id !== item.id)].slice(0, limit);
}

/** Like `prepend`, but below newer items: after a reconnect, older messages come once more. */
export function insertByTime<T extends { id: string; at_ms: number }>(
  list: readonly T[],
  item: T,
  limit: number,
): T[] {
  return prepend(list, item, limit + 1)
    .sort((a, b) => b.at_ms - a.at_ms)
    .slice(0, limit);
}
