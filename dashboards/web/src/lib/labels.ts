/** What the page calls the platform's names, and which colour family they belong to. */

import type { Delivery, DeliveryStatus, Trigger } from "../client/types";
import { money, points, words } from "./format";

export type Family = "cart" | "sale" | "mail" | "intent" | "page" | "other";

/** Colour family of an event name: what a marketer would sort it under. */
export function familyOf(event: string): Family {
  if (/^order_|purchase/.test(event)) return "sale";
  if (/cart|checkout|coupon|payment|product_(added|removed)/.test(event)) return "cart";
  if (/^(email|message|sms|push)/.test(event)) return "mail";
  if (/(demo|call_|form|pricing|case_study|whitepaper|signed|subscribe|lead)/.test(event)) return "intent";
  if (/(page|product|viewed|screen|session)/.test(event)) return "page";
  return "other";
}

const RULES: Record<string, string> = {
  cart_abandoned: "Cart abandoned",
  lead_tier: "Tier changed",
  lead_mql: "Became an MQL",
  source_silent: "Source is silent",
  rate_shift: "Rate has shifted",
  rule_failed: "Rule turned off",
};

export const ruleLabel = (rule: string): string => RULES[rule] ?? words(rule);

const STATUSES: Record<DeliveryStatus, string> = {
  pending: "Pending",
  claimed: "Sending",
  retrying: "Retrying",
  sent: "Sent",
  failed: "Failed",
  skipped: "Skipped",
  uncertain: "Uncertain",
};

export const statusLabel = (status: DeliveryStatus): string => STATUSES[status] ?? words(status);

const STATUS_HELP: Partial<Record<DeliveryStatus, string>> = {
  uncertain:
    "The process stopped between sending and hearing back, so this message may or may not have gone out.",
  skipped: "The message was held back on purpose.",
  retrying: "The last attempt did not go through; it will be tried again.",
};

export const statusHelp = (status: DeliveryStatus): string => STATUS_HELP[status] ?? "";

const CHANNELS: Record<string, string> = {
  email: "E-mail",
  sms: "SMS",
  webhook: "Webhook",
  outbox: "E-mail",
};

export const channelLabel = (channel: string): string => CHANNELS[channel] ?? words(channel);

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** One line that says what a trigger is about, from whatever its rule put into `data`. */
export function triggerSummary(trigger: Trigger): string {
  const { data } = trigger;
  const value = number(data.value);
  const score = number(data.score);
  const parts: string[] = [];
  if (Array.isArray(data.items)) parts.push(itemNames(data.items));
  if (value !== null) parts.push(money(value, text(data.currency)));
  const from = text(data.previous_tier);
  const to = text(data.tier);
  if (trigger.rule === "lead_tier" && to) parts.push(from ? `${from} → ${to}` : to);
  if (score !== null) parts.push(`score ${points(score)}`);
  return parts.filter(Boolean).join(" · ");
}

const TIERS = ["cold", "warm", "hot"];

/** Whether a change of tier goes down. */
export function isDescent({ data }: Trigger): boolean {
  return TIERS.indexOf(text(data.tier)) < TIERS.indexOf(text(data.previous_tier));
}

function itemNames(items: unknown[]): string {
  const names = items
    .map((item) => (typeof item === "object" && item !== null && "name" in item ? text(item.name) : ""))
    .filter(Boolean);
  const more = items.length - 2;
  return names.slice(0, 2).join(", ") + (more > 0 ? ` +${more}` : "");
}

/** Why a delivery stands as it does, in words fit for a list; empty when the status says it all. */
export function deliveryNote(delivery: Delivery): string {
  if (delivery.reason) return words(delivery.reason);
  return delivery.attempts > 1 ? `attempt ${delivery.attempts}` : "";
}
