// The official Segment client for Node.js, unmodified. Standard input: {url, key, options}; standard output: {failures}.
import { readFileSync } from "node:fs";
import { Analytics } from "@segment/analytics-node";

const { url, key, options } = JSON.parse(readFileSync(0, "utf8"));
const analytics = new Analytics({ host: url, writeKey: key, flushInterval: 50, ...options });
const failures = [];
analytics.on("error", (error) => failures.push(`${error.code}: ${error.reason}`));

const userId = "user-7";
const order = { order_id: "1001", revenue: 49.9, currency: "EUR" };
analytics.identify({ userId, traits: { email: "ada@example.com" } });
analytics.track({ userId, event: "Email Opened" });
analytics.page({ userId, category: "Docs", name: "Pricing", properties: { url: "https://shop.example/pricing" } });
analytics.screen({ userId, category: "App", name: "Home" });
analytics.group({ userId, groupId: "g1", traits: { plan: "pro" } });
analytics.alias({ userId, previousId: "old-7" });
analytics.track({ userId, event: "Order Completed", properties: order, integrations: { All: true, Mixpanel: false } });

await analytics.closeAndFlush({ timeout: 20_000 });
console.log(JSON.stringify({ failures }));
