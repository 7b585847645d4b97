/** Pure state of the live page: batches of messages in, bounded lists out. Reads no clock. */

import type { Alert, Delivery, Hello, Lead, LiveMessage, RatePoint, Trigger } from "../client/types";
import { cartsAsOf, onLead, withClosedCart, withOlderLeads, withoutCart, withoutPastCarts } from "./leads";
import { withDelivery, withOlderDelivery, withTrigger } from "./outgoing";
import { type LeadRow, LIMITS, type LiveState, prepend } from "./state";

export type Action =
  | { type: "messages"; messages: readonly LiveMessage[] }
  | { type: "deliveriesLoaded"; deliveries: readonly Delivery[] }
  | { type: "leadsLoaded"; leads: readonly Lead[]; asOfMs: number }
  | { type: "cartsLoaded"; leads: readonly Lead[]; asOfMs: number }
  | { type: "alertsLoaded"; alerts: readonly Alert[] };

export function reduce(state: LiveState, action: Action): LiveState {
  switch (action.type) {
    case "messages":
      return action.messages.reduce(onMessage, state);
    case "deliveriesLoaded":
      return { ...state, outgoing: action.deliveries.reduce(withOlderDelivery, state.outgoing) };
    case "leadsLoaded":
      return { ...state, leads: withOlderLeads(state.leads, action.leads, action.asOfMs) };
    case "cartsLoaded": {
      const carts = cartsAsOf(state.carts, action.leads, action.asOfMs);
      return { ...state, carts, leads: withoutPastCarts(state.leads, carts, action.asOfMs) };
    }
    case "alertsLoaded":
      return { ...state, alerts: action.alerts.reduce(withAlert, announced(state.alerts)) };
  }
}

function onMessage(state: LiveState, message: LiveMessage): LiveState {
  if (message.kind === "hello") return onHello(state, message.data);
  if (message.kind === "gap") return { ...state, missed: state.missed + message.data.missed };
  if (message.seq <= state.lastSeq) return state;
  const next = { ...state, lastSeq: message.seq };
  switch (message.kind) {
    case "stats":
      return {
        ...next,
        stats: message.data,
        rates: withRate(state.rates, message.at_ms, message.data.events_per_s),
      };
    case "event":
      return { ...next, events: prepend(state.events, message.data, LIMITS.events) };
    case "lead":
      return onLead(next, message.data, message.at_ms);
    case "trigger":
      return onTrigger(next, message.data, message.at_ms);
    case "delivery":
      return { ...next, outgoing: withDelivery(state.outgoing, message.data) };
    case "alert":
      return { ...next, alerts: withAlert(state.alerts, message.data) };
    default:
      return next; // a kind that a newer server added
  }
}

/** A server that could not resume may count from a lower seq than before (its data was removed). */
function onHello(state: LiveState, hello: Hello): LiveState {
  return {
    ...state,
    hello,
    rates: hello.rates.slice(-LIMITS.rates),
    lastSeq: hello.resumed ? state.lastSeq : 0,
  };
}

/**
 * `stats` comes about once a second, so two may fall into one second and none into the next. As it tells the mean of
 * three seconds, it may stand for a single second that was left out before it.
 */
function withRate(rates: readonly RatePoint[], atMs: number, events: number): RatePoint[] {
  const second = Math.floor(atMs / 1000) * 1000;
  const older = rates.filter(([at]) => at < second);
  const newer = rates.filter(([at]) => at > second);
  const skipped: RatePoint[] = older.at(-1)?.[0] === second - 2000 ? [[second - 1000, events]] : [];
  return [...older, ...skipped, [second, events] as RatePoint, ...newer].slice(-LIMITS.rates);
}

function onTrigger(state: LiveState, trigger: Trigger, atMs: number): LiveState {
  const next = { ...state, outgoing: withTrigger(state.outgoing, trigger) };
  if (trigger.rule === "cart_abandoned") {
    return {
      ...next,
      carts: withoutCart(state.carts, trigger.profile),
      leads: state.leads.map((row) => (row.id === trigger.profile ? withClosedCart(row) : row)),
    };
  }
  if (trigger.rule === "lead_mql") {
    const promoted = (row: LeadRow): LeadRow => ({
      ...row,
      is_mql: true,
      crossing: { from: row.tier, to: "mql", at_ms: atMs },
    });
    return {
      ...next,
      leads: state.leads.map((row) => (row.id === trigger.profile ? promoted(row) : row)),
    };
  }
  return next;
}

const STATE_ORDER = { firing: 0, pending: 1, resolved: 2 };

/** A pending alert may end without a word, so only the API's answer keeps it. */
const announced = (alerts: readonly Alert[]): Alert[] => alerts.filter((alert) => alert.state !== "pending");

/** The API tells each episode of an alert; the latest one stands for it. */
function withAlert(alerts: readonly Alert[], alert: Alert): Alert[] {
  const known = alerts.find((other) => other.id === alert.id);
  if (known && (known.at_ms > alert.at_ms || known.since_ms > alert.since_ms)) return [...alerts];
  return [alert, ...alerts.filter((other) => other.id !== alert.id)]
    .sort((a, b) => STATE_ORDER[a.state] - STATE_ORDER[b.state] || b.since_ms - a.since_ms)
    .slice(0, LIMITS.alerts);
}
