import { describe, expect, test } from "vitest";
import type { Policy } from "../client/door";
import { changeOf, formOf, policyNotes } from "./policyForm";

const POLICY: Policy = {
  allowed_origins: ["https://a.example"],
  rate_per_s: 10000,
  burst: 10_000,
  schemas: "off",
  drop_fields: [],
  hash_fields: [],
  honours_opt_out: true,
  address: "truncate",
  uncounted: "crawlers",
};
const FORM = formOf("Shop", POLICY);

describe("a change", () => {
  test("is none where only spaces differ", () => {
    expect(
      changeOf(FORM, { ...FORM, rate_per_s: " 10000 ", allowed_origins: "https://a.example\n\n" }),
    ).toBeNull();
  });

  test("names what differs and nothing else", () => {
    const after = { ...FORM, drop_fields: "card, traits.ssn\n", honours_opt_out: false };
    expect(changeOf(FORM, after)).toEqual({
      policy: { drop_fields: ["card", "traits.ssn"], honours_opt_out: false },
    });
  });

  test("sends what is no number as it was typed, to be judged by the API", () => {
    const policy = ["", "many", "1e3"].map(
      (burst) => changeOf(FORM, { ...FORM, burst, name: "S" })?.policy?.burst,
    );
    expect(policy).toEqual(["", "many", 1000]);
  });

  test("of the name alone touches no policy", () => {
    expect(changeOf(FORM, { ...FORM, name: "Other" })).toEqual({ name: "Other" });
  });
});

test("a policy is told in a few words, its own ones marked", () => {
  const notes = policyNotes({ ...POLICY, drop_fields: ["a"], hash_fields: ["b", "c"] }, "web");
  expect(notes.map(({ label, is_own }) => (is_own ? `!${label}` : label))).toEqual([
    "!https://a.example",
    "10,000/s",
    "Schemas off",
    "!Private: 1 dropped, 2 hashed",
  ]);
});

test("servers have no origins to tell of", () => {
  expect(policyNotes(POLICY, "server")[0]?.label).toBe("10,000/s");
});
