import { expect, test } from "vitest";
import type { Trigger } from "../client/types";
import { familyOf, ruleLabel, triggerSummary } from "./labels";

const trigger = (rule: string, data: Record<string, unknown>): Trigger => ({
  id: "t",
  rule,
  profile: "p",
  who: "Ada",
  fired_ms: 0,
  due_ms: 0,
  data,
});

test("events are sorted into families by what they mean", () => {
  const names = ["order_completed", "product_added", "email_opened", "demo_requested", "page_viewed", "beep"];
  expect(names.map(familyOf)).toEqual(["sale", "cart", "mail", "intent", "page", "other"]);
});

test("every rule of alerts has a name of its own", () => {
  const rules = ["source_silent", "rate_shift", "rule_failed"];
  expect(rules.map(ruleLabel)).toEqual(["Source is silent", "Rate has shifted", "Rule turned off"]);
});

test("an abandoned cart is told by its items and value", () => {
  const items = [{ name: "Mug" }, { name: "Pot" }, { name: "Tea" }];
  expect(triggerSummary(trigger("cart_abandoned", { items, value: 30, currency: "USD" }))).toBe(
    "Mug, Pot +1 · $30.00",
  );
});

test("a change of tier is told by both tiers and the score", () => {
  const data = { previous_tier: "cold", tier: "warm", score: 27.04 };
  expect(triggerSummary(trigger("lead_tier", data))).toBe("cold → warm · score 27");
});

test("data of an unknown shape is left out", () => {
  expect(triggerSummary(trigger("custom", { items: [1, null], score: "high" }))).toBe("");
});
