import { describe, expect, test } from "vitest";
import { byAmount, bytes, count, money, plural, points, rate, words } from "./format";

test("counts are grouped and shortened when very large", () => {
  expect([count(0), count(1234), count(1_234_567)]).toEqual(["0", "1,234", "1.2M"]);
});

test("small rates keep one decimal", () => {
  expect([rate(0), rate(0.44), rate(12.6), rate(1250)]).toEqual(["0", "0.4", "13", "1,250"]);
});

test("points have no trailing zero and no negative zero", () => {
  expect([points(50), points(24.96), points(12.34), points(-0.01)]).toEqual(["50", "25", "12.3", "0"]);
});

describe("money", () => {
  test("is written in its currency", () => {
    expect([money(12.5, "USD"), money(3, "EUR")]).toEqual(["$12.50", "€3.00"]);
  });

  test("of an unknown currency keeps its code", () => {
    expect(money(5, "LOYALTY")).toBe("5.00 LOYALTY");
  });

  test("without currency is a plain number", () => {
    expect(money(5, "")).toBe("5.00");
  });

  test("drops the cents when it is large", () => {
    expect(money(250_000.4, "USD")).toBe("$250,000");
  });

  test("is told in millions from ten of them on", () => {
    expect([9_999_999, 12_500_000, 1_681_967_950].map((amount) => money(amount, "USD"))).toEqual([
      "$9,999,999",
      "$12.5M",
      "$1.68B",
    ]);
  });
});

test("names become words", () => {
  expect([words("pricing_viewed"), words("mql_notice")]).toEqual(["Pricing viewed", "MQL notice"]);
});

test("one is singular", () => {
  expect([plural(1, "order"), plural(2, "order"), plural(2, "person", "people")]).toEqual([
    "1 order",
    "2 orders",
    "2 people",
  ]);
});

test("money records list the largest amount first", () => {
  expect(byAmount({ EUR: 1, USD: 9 }, (value) => value).map(([currency]) => currency)).toEqual([
    "USD",
    "EUR",
  ]);
});

test("bytes come in the unit that fits", () => {
  expect([bytes(0), bytes(812), bytes(1000), bytes(64_300), bytes(5e12)]).toEqual([
    "0 bytes",
    "812 bytes",
    "1.0 KB",
    "64 KB",
    "5.0 TB",
  ]);
});
